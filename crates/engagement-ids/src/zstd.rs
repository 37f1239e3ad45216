//! Zstandard streams: one frame after the other.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

/// Reads all frames of a stream, as `zstd -d` does, and checks what they carry: checksum and content size.
///
/// The decoder that this drives reads one frame and compares neither.
pub(crate) struct Frames<R> {
    input: R,
    /// The frame that is being read.
    frame: Option<Box<FrameDecoder>>,
    /// How many bytes came out of it.
    given: u64,
}

impl<R: BufRead> Frames<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, frame: None, given: 0 }
    }

    /// Begins the next frame that carries data; `None` at the end of the input.
    fn next_frame(&mut self) -> io::Result<Option<Box<FrameDecoder>>> {
        while !self.input.fill_buf()?.is_empty() {
            let mut frame = Box::new(FrameDecoder::new());
            frame.set_max_window_size(LARGEST_WINDOW);
            match frame.init(&mut self.input) {
                Ok(()) => return Ok(Some(frame)),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.input.by_ref().take(length), &mut io::sink())? < length {
                        return Err(damage("a frame without data is cut off"));
                    }
                }
                Err(error) => return Err(damage(error)),
            }
        }
        Ok(None)
    }

    /// Whether the frame that just ended is what it says it is.
    fn check(frame: &FrameDecoder, given: u64) -> io::Result<()> {
        if let Some(wanted) = frame.get_checksum_from_data()
            && frame.get_calculated_checksum() != Some(wanted)
        {
            return Err(damage("the checksum differs"));
        }
        // A frame that does not know its size says 0.
        match frame.content_size() {
            0 => Ok(()),
            size if size == given => Ok(()),
            _ => Err(damage("the length differs")),
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let frame = match &mut self.frame {
                Some(frame) => frame,
                None => match self.next_frame()? {
                    Some(frame) => {
                        self.given = 0;
                        self.frame.insert(frame)
                    }
                    None => return Ok(0),
                },
            };
            let count = frame.read(buffer)?;
            if count > 0 {
                // Lossless: no platform has wider lengths.
                self.given += count as u64;
                return Ok(count);
            }
            if frame.is_finished() {
                Self::check(frame, self.given)?;
                self.frame = None;
            } else {
                frame.decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1)).map_err(damage)?;
            }
        }
    }
}

fn damage(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// 128 MiB, the most that the reference decoder takes unasked.
const LARGEST_WINDOW: u64 = 1 << 27;

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut unpacked = Vec::new();
        Frames::new(packed).read_to_end(&mut unpacked).map(|_| unpacked)
    }

    #[test]
    fn reads_what_the_reference_encoder_wrote() {
        assert_eq!(unpack(REFERENCE).unwrap(), b"1500000000000000001\n1500000000000000002\n");
    }

    #[test]
    fn reads_all_frames_and_passes_over_those_without_data() {
        let skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
        let packed = [skipped, REFERENCE, skipped, REFERENCE, skipped].concat();
        assert_eq!(unpack(&packed).unwrap(), unpack(REFERENCE).unwrap().repeat(2));
        assert_eq!(unpack(skipped).unwrap(), b"");
    }

    #[test]
    fn notices_every_cut() {
        for length in 1..REFERENCE.len() {
            assert!(unpack(&REFERENCE[..length]).is_err(), "cut to {length} bytes");
        }
        assert!(unpack(b"\x50\x2a\x4d\x18\x03\0\0\0ab").is_err());
    }

    #[test]
    fn notices_every_flipped_bit() {
        let right = unpack(REFERENCE).unwrap();
        for bit in 0..REFERENCE.len() * 8 {
            let mut flipped = REFERENCE.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // A flag that nothing depends on may change; what comes out may not.
            if let Ok(read) = unpack(&flipped) {
                assert_eq!(read, right, "bit {bit}");
            }
        }
    }

    #[test]
    fn refuses_a_window_beyond_the_limit() {
        // Magic, no content size and several segments, a window descriptor of 2^31.
        let error = unpack(b"\x28\xb5\x2f\xfd\x00\xa8\x01\0\0").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    /// Made with zstd 1.5: `printf '1500000000000000001\n1500000000000000002\n' | zstd --check`.
    const REFERENCE: &[u8] = &[
        0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x7d, 0x00, 0x00, 0x38, 0x31, 0x35, 0x30, 0x31, 0x0a, 0x32, 0x0a,
        0x02, 0x00, 0x37, 0x3d, 0xdc, 0x81, 0x21, 0x84, 0xd4, 0x4a, 0xcf,
    ];
}
