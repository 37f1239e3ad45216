//! Where an answer is written to: straight into a buffer, or through gzip.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

/// Bytes on their way out. With gzip only a slice of them is ever held uncompressed.
#[derive(Debug)]
pub(crate) struct Sink {
    plain: Vec<u8>,
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl Sink {
    pub(crate) fn new(encoding: Encoding) -> Self {
        let gzip = match encoding {
            Encoding::Identity => None,
            // The fastest level: an answer is read once, on the same machine.
            Encoding::Gzip => Some(GzEncoder::new(Vec::new(), Compression::fast())),
        };
        Self { plain: Vec::with_capacity(SLICE / 4), gzip }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.plain.extend_from_slice(bytes);
        if self.plain.len() >= SLICE {
            self.compress();
        }
    }

    /// A count in decimal.
    pub(crate) fn number(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            // A remainder of ten is a digit.
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            start -= 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(digits.get(start..).unwrap_or_default());
    }

    /// A JSON string.
    pub(crate) fn string(&mut self, text: &str) {
        // Writing to a Vec cannot fail, and neither can writing a string as JSON.
        let _ = serde_json::to_writer(&mut self.plain, text);
    }

    /// The bytes to send.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.compress();
        match self.gzip {
            // Writing to a Vec cannot fail.
            Some(gzip) => gzip.finish().unwrap_or_default(),
            None => self.plain,
        }
    }

    fn compress(&mut self) {
        if let Some(gzip) = &mut self.gzip {
            // Writing to a Vec cannot fail.
            let _ = gzip.write_all(&self.plain);
            self.plain.clear();
        }
    }
}

/// `Content-Encoding` of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
}

/// Bytes that are compressed at a time.
const SLICE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn gives_what_was_pushed_in_either_encoding() {
        for encoding in [Encoding::Identity, Encoding::Gzip] {
            let mut sink = Sink::new(encoding);
            let mut expected = String::new();
            for number in (0..40_000).chain([u64::MAX]) {
                sink.number(number);
                sink.push(b",");
                expected.push_str(&format!("{number},"));
            }
            sink.string("a \"name\"");
            expected.push_str("\"a \\\"name\\\"\"");
            let bytes = sink.finish();
            let mut text = String::new();
            match encoding {
                Encoding::Identity => text = String::from_utf8(bytes).unwrap(),
                Encoding::Gzip => {
                    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
                }
            }
            assert!(text == expected);
        }
    }
}
