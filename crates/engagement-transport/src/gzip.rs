use std::fmt;
use std::io;

use flate2::{Decompress, FlushDecompress, Status};

/// Inflates a whole gzip body, all of its members, each checked against the checksum and the length in its trailer.
///
/// `cap` bounds the inflated bytes of all members together.
pub(crate) fn inflate(body: &[u8], cap: usize) -> Result<Vec<u8>, InflateError> {
    let hint = announced_length(body).min(cap).min(body.len().saturating_mul(DEFLATE_MAX_RATIO));
    let mut inflated = Vec::with_capacity(hint.max(LEAST_ROOM));
    let mut rest = body;
    loop {
        rest = inflate_member(rest, cap, &mut inflated)?;
        if rest.is_empty() {
            return Ok(inflated);
        }
    }
}

/// Returns what follows the member.
fn inflate_member<'a>(
    mut rest: &'a [u8],
    cap: usize,
    inflated: &mut Vec<u8>,
) -> Result<&'a [u8], InflateError> {
    // Kept for other members it would save nothing: of gzip, the library makes itself a new one to reset it.
    let mut inflater = Decompress::new_gzip(MOST_WINDOW_BITS);
    loop {
        let (read, written) = (inflater.total_in(), inflated.len());
        // Told that this is all, it needs no window of its own and writes straight to where the bytes belong.
        let status = inflater.decompress_vec(rest, inflated, FlushDecompress::Finish);
        let status = status.map_err(|error| InflateError::Corrupt(error.into()))?;
        let read = usize::try_from(inflater.total_in() - read).unwrap_or(usize::MAX);
        rest = rest.get(read..).unwrap_or_default();
        if inflated.len() > cap {
            return Err(InflateError::TooLarge { cap });
        }
        if status == Status::StreamEnd {
            return Ok(rest);
        }
        if inflated.len() == inflated.capacity() {
            let most = cap.saturating_add(1) - inflated.len();
            inflated.reserve_exact(inflated.len().clamp(LEAST_ROOM, most.max(LEAST_ROOM)));
        } else if read == 0 && inflated.len() == written {
            return Err(InflateError::Corrupt(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

#[derive(Debug)]
pub(crate) enum InflateError {
    Corrupt(io::Error),
    TooLarge { cap: usize },
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(_) => f.write_str("gzip body is truncated or corrupt"),
            Self::TooLarge { cap } => write!(f, "body inflates to more than {cap} bytes"),
        }
    }
}

impl std::error::Error for InflateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Corrupt(error) => Some(error),
            Self::TooLarge { .. } => None,
        }
    }
}

/// ISIZE of the last member, RFC 1952 section 2.3.1: no promise, but for an honest body the right capacity.
fn announced_length(body: &[u8]) -> usize {
    body.last_chunk::<4>().map_or(0, |size| usize::try_from(u32::from_le_bytes(*size)).unwrap_or(0))
}

/// No deflate stream grows by more than this, so a false length cannot reserve what the body could never fill.
const DEFLATE_MAX_RATIO: usize = 1032;

const LEAST_ROOM: usize = 64;
/// As much as a deflate stream may look back, RFC 1951 section 2.
const MOST_WINDOW_BITS: u8 = 15;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    const CAP: usize = 1 << 20;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn sample() -> Vec<u8> {
        (0..150).flat_map(|n: u32| format!("{{\"{}\":\"{}\"}},", n * 7_919, n % 13).into_bytes()).collect()
    }

    #[test]
    fn refuses_a_body_cut_at_any_byte() {
        let packed = gzip(&sample());
        assert_eq!(inflate(&packed, CAP).unwrap(), sample());
        for cut in 0..packed.len() {
            assert!(matches!(inflate(&packed[..cut], CAP), Err(InflateError::Corrupt(_))), "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_never_changes_the_content() {
        let plain = sample();
        let packed = gzip(&plain);
        let mut refused = 0;
        for bit in 0..packed.len() * 8 {
            let mut damaged = packed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match inflate(&damaged, CAP) {
                Ok(inflated) => assert_eq!(inflated, plain, "bit {bit}"),
                Err(_) => refused += 1,
            }
        }
        assert!(
            refused > packed.len() * 8 - 80,
            "only header fields without meaning may pass, refused {refused}"
        );
    }

    #[test]
    fn reads_every_member_and_nothing_else() {
        let mut packed = gzip(b"one ");
        packed.extend(gzip(b""));
        packed.extend(gzip(b"two"));
        assert_eq!(inflate(&packed, CAP).unwrap(), b"one two");
        packed.extend(b"trailing");
        assert!(matches!(inflate(&packed, CAP), Err(InflateError::Corrupt(_))));
    }

    #[test]
    fn caps_the_sum_of_all_members() {
        let mut packed = gzip(&[b'x'; 600]);
        packed.extend(gzip(&[b'y'; 400]));
        assert_eq!(inflate(&packed, 1_000).unwrap().len(), 1_000);
        assert!(matches!(inflate(&packed, 999), Err(InflateError::TooLarge { cap: 999 })));
    }

    /// What its trailer says of itself is a hint, and what it says of the whole is none.
    #[test]
    fn many_members_of_any_size_come_whole() {
        let members: Vec<Vec<u8>> = (0..40_usize).map(|n| vec![b'a'; n * n * 13 % 4_001]).collect();
        let packed: Vec<u8> = members.iter().flat_map(|member| gzip(member)).collect();
        assert_eq!(inflate(&packed, CAP).unwrap(), members.concat());
    }

    #[test]
    fn a_bomb_reserves_no_more_than_it_may_fill() {
        let bomb = gzip(&vec![0; 4 << 20]);
        assert!(matches!(inflate(&bomb, CAP), Err(InflateError::TooLarge { .. })));
        let mut liar = gzip(b"x");
        let end = liar.len();
        liar[end - 4..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(inflate(&liar, usize::MAX), Err(InflateError::Corrupt(_))));
    }

    proptest! {
        #[test]
        fn round_trips_and_never_panics(plain in proptest::collection::vec(any::<u8>(), 0..2_000), junk in proptest::collection::vec(any::<u8>(), 0..200)) {
            let packed = gzip(&plain);
            prop_assert_eq!(&inflate(&packed, CAP).unwrap(), &plain);
            let _ = inflate(&junk, CAP);
            let _ = inflate(&[&packed[..], &junk].concat(), CAP);
            // Nothing of what came before is left.
            prop_assert_eq!(inflate(&packed, CAP).unwrap(), plain);
        }
    }
}
