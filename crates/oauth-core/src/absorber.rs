//! A MAC that is given its text as it is written, at little more than the cost of the hash.

use hmac::{
    Hmac, Mac,
    block_api::HmacCore,
    digest::block_api::{Block, Buffer, CoreProxy, UpdateCore},
};
use sha1::Sha1;

use crate::percent::{self, FirstEight};

/// Gives the MAC what is written, block by block.
///
/// A block that has just been written is given only after the next one: the hash, which reads more at once than is
/// written at once, would wait for the last bytes to reach the memory.
pub(crate) struct Absorber {
    core: HmacCore<Sha1>,
    /// Where the MAC keeps less than a block: empty until the end.
    rest: Buffer<HmacCore<Sha1>>,
    room: [u8; FULL + ROOM],
    filled: usize,
}

impl Absorber {
    /// One that goes on where the MAC is.
    pub(crate) fn new(state: Hmac<Sha1>) -> Self {
        let (core, mut rest) = state.decompose();
        let mut room = [0; FULL + ROOM];
        let filled = rest.get_pos();
        room.split_at_mut(filled).0.copy_from_slice(rest.get_data());
        rest.reset();
        Self { core, rest, room, filled }
    }

    /// Adds text that is encoded already.
    pub(crate) fn push(&mut self, text: &[u8]) {
        let mut rest = text;
        while !rest.is_empty() {
            self.make_room();
            let room = &mut self.room[self.filled..FULL];
            let (now, later) = rest.split_at(rest.len().min(room.len()));
            room.split_at_mut(now.len()).0.copy_from_slice(now);
            self.filled += now.len();
            rest = later;
        }
    }

    /// Adds a sign that is encoded already.
    pub(crate) fn push_sign(&mut self, sign: &[u8; 3]) {
        self.make_room();
        self.room[self.filled..][..sign.len()].copy_from_slice(sign);
        self.filled += sign.len();
    }

    /// Adds text, encoding it twice.
    ///
    /// Part of its caller, as calls for each pair cost a twentieth of the whole.
    #[inline(always)]
    pub(crate) fn push_encoded_twice(&mut self, text: &[u8]) {
        let (windows, tail) = text.as_chunks::<WINDOW>();
        for window in windows {
            self.push_few_encoded_twice(window);
        }
        self.push_few_encoded_twice(tail);
    }

    /// Does this for no more than a window.
    ///
    /// More is copied than counts, since a copy of fixed size is faster; what follows overwrites it.
    #[inline(always)]
    fn push_few_encoded_twice(&mut self, few: &[u8]) {
        let room = self.next_room();
        let first = FirstEight::of(few);
        if first.are_plain() {
            room[..WINDOW].copy_from_slice(&first.bytes().to_le_bytes());
            self.wrote(few.len());
            return;
        }
        let mut written = 0;
        for byte in few {
            let (encoded, length) = percent::encoded_twice(*byte);
            room[written..written + WINDOW].copy_from_slice(&encoded.to_le_bytes());
            written += length;
        }
        self.wrote(written);
    }

    /// Where the next bytes belong, of which [`Self::wrote`] is told afterwards.
    #[inline(always)]
    pub(crate) fn next_room(&mut self) -> &mut [u8; ROOM] {
        self.make_room();
        self.room[self.filled..].first_chunk_mut().expect("there is room behind what is full")
    }

    /// So many bytes, at most [`ROOM`], are written where the next ones belonged.
    #[inline(always)]
    pub(crate) fn wrote(&mut self, length: usize) {
        self.filled += length;
    }

    /// The MAC that has been given all.
    pub(crate) fn finish(mut self) -> Hmac<Sha1> {
        self.make_room();
        let mut state = Hmac::compose(self.core, self.rest);
        state.update(&self.room[..self.filled]);
        state
    }

    /// Gives the MAC the first block if there are two. What is behind it comes to the start.
    #[inline(always)]
    fn make_room(&mut self) {
        if self.filled >= FULL {
            self.core.update_blocks(Block::<Sha1>::slice_as_chunks(&self.room[..BLOCK]).0);
            self.room.copy_within(BLOCK.., 0);
            self.filled = (self.filled - BLOCK) % FULL;
        }
    }
}

/// Bytes that are read at once.
pub(crate) const WINDOW: usize = 8;
/// Bytes that a window takes, encoded twice, and what is copied beyond them.
pub(crate) const ROOM: usize = 5 * WINDOW + 8;
/// A block of SHA-1, which is what the MAC is given at once.
pub(crate) const BLOCK: usize = 64;
/// Bytes that are written before a block is given.
const FULL: usize = 2 * BLOCK;
