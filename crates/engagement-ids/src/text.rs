//! Bytes with their line numbers.

use std::io::{self, Read};

/// A stream of text that knows on which line it is. `\n`, `\r\n` and a lone `\r` each end one line.
pub(crate) struct Text<R> {
    input: R,
    /// As long as it ever gets: at most [`LIMIT`].
    buffer: Vec<u8>,
    /// What is left in the buffer: `buffer[at..end]`.
    at: usize,
    end: usize,
    /// Lines that have ended.
    ended: u64,
    /// The last byte was `\r`, so that a `\n` now belongs to it.
    after_return: bool,
    /// A line that straddles two fillings of the buffer.
    partial: Vec<u8>,
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Whole(&'a [u8]),
    /// The beginning of one that is longer than [`LIMIT`]; the rest has been passed over.
    TooLong(&'a [u8]),
}

impl<R: Read> Text<R> {
    pub(crate) fn new(input: R) -> Self {
        Self::with_buffer(input, LIMIT)
    }

    /// With a buffer of `length` bytes, for what is known to be short.
    pub(crate) fn with_buffer(input: R, length: usize) -> Self {
        Self {
            input,
            buffer: vec![0; length.clamp(1, LIMIT)],
            at: 0,
            end: 0,
            ended: 0,
            after_return: false,
            partial: Vec::new(),
        }
    }

    /// The number of the line that the next byte is on, from 1.
    pub(crate) fn line_number(&self) -> u64 {
        self.ended + 1
    }

    /// What comes next, up to [`LIMIT`] bytes: all there is, if it is fewer. To be called before anything is taken.
    pub(crate) fn head(&mut self) -> io::Result<&[u8]> {
        while self.end < self.buffer.len() {
            let Some(free) = self.buffer.get_mut(self.end..) else { break };
            match read_some(&mut self.input, free)? {
                0 => break,
                count => self.end += count,
            }
        }
        Ok(self.buffer.get(self.at..self.end).unwrap_or_default())
    }

    /// The next byte, with every line end turned into one `\n`.
    #[inline]
    pub(crate) fn byte(&mut self) -> io::Result<Option<u8>> {
        loop {
            let Some(&byte) = self.buffer.get(self.at).filter(|_| self.at < self.end) else {
                if self.fill()? {
                    continue;
                }
                return Ok(None);
            };
            self.at += 1;
            let second_half = self.after_return && byte == b'\n';
            self.after_return = byte == b'\r';
            match byte {
                b'\n' if second_half => {}
                b'\n' | b'\r' => {
                    self.ended += 1;
                    return Ok(Some(b'\n'));
                }
                _ => return Ok(Some(byte)),
            }
        }
    }

    /// The next line. A last one without an end is a line; nothing behind the last end is none.
    pub(crate) fn line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.partial.clear();
        let mut long = false;
        let mut begun = false;
        loop {
            if self.at == self.end && !self.fill()? {
                if !begun {
                    return Ok(None);
                }
                break;
            }
            let rest = self.buffer.get(self.at..self.end).unwrap_or_default();
            if self.after_return {
                self.after_return = false;
                if rest.first() == Some(&b'\n') {
                    self.at += 1;
                    continue;
                }
            }
            begun = true;
            let start = self.at;
            let stop = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let length = stop.unwrap_or(rest.len());
            self.at += length;
            if let Some(stop) = stop {
                self.after_return = rest.get(stop) == Some(&b'\r');
                self.at += 1;
                self.ended += 1;
                if self.partial.is_empty() {
                    return Ok(Some(Line::Whole(self.buffer.get(start..start + length).unwrap_or_default())));
                }
            }
            let room = LIMIT - self.partial.len();
            long |= length > room;
            self.partial.extend_from_slice(rest.get(..length.min(room)).unwrap_or_default());
            if stop.is_some() {
                break;
            }
        }
        Ok(Some(if long { Line::TooLong(&self.partial) } else { Line::Whole(&self.partial) }))
    }

    /// Puts more into the empty buffer; false at the end of the input.
    fn fill(&mut self) -> io::Result<bool> {
        self.at = 0;
        self.end = 0;
        self.end = read_some(&mut self.input, &mut self.buffer)?;
        Ok(self.end > 0)
    }
}

/// One read that no signal interrupts.
fn read_some(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// How long a line, a record or an array element may be, in bytes.
///
/// A Tweet as JSON, the largest thing that lists of ids are made of, is below 32 KiB.
pub(crate) const LIMIT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives few bytes at a time, and now and then an interruption.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1.is_multiple_of(3) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = self.0.len().min(buffer.len()).min(1 + self.1 % 4);
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn lines(input: impl Read) -> Vec<(u64, Vec<u8>)> {
        let mut text = Text::new(input);
        let mut lines = Vec::new();
        loop {
            let number = text.line_number();
            match text.line().unwrap() {
                Some(Line::Whole(line)) => lines.push((number, line.to_vec())),
                Some(Line::TooLong(_)) => panic!("too long"),
                None => return lines,
            }
        }
    }

    #[test]
    fn splits_at_every_kind_of_end() {
        let wanted = ["a", "", "b", "", "c", "d"].map(|line| line.as_bytes().to_vec());
        let found = lines(&b"a\r\n\r\nb\r\rc\nd"[..]);
        assert_eq!(found.iter().map(|(_, line)| line.clone()).collect::<Vec<_>>(), wanted);
        assert_eq!(found.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert!(lines(&b""[..]).is_empty());
        assert_eq!(lines(&b"\n"[..]).len(), 1);
    }

    #[test]
    fn holds_lines_up_to_the_limit_and_no_longer() {
        for (length, whole) in [(LIMIT - 1, true), (LIMIT, true), (LIMIT + 1, false), (5 * LIMIT, false)] {
            let input = format!("12\n{}\n34\n", "9".repeat(length));
            let mut text = Text::new(input.as_bytes());
            assert_eq!(text.line().unwrap(), Some(Line::Whole(b"12")));
            match text.line().unwrap() {
                Some(Line::Whole(line)) => assert!(whole && line.len() == length, "{length}"),
                Some(Line::TooLong(line)) => assert!(!whole && line.len() == LIMIT, "{length}"),
                None => panic!("no line"),
            }
            assert_eq!(text.line_number(), 3);
            assert_eq!(text.line().unwrap(), Some(Line::Whole(b"34")));
            assert!(text.buffer.len() == LIMIT && text.partial.capacity() <= 2 * LIMIT);
        }
    }

    #[test]
    fn looks_ahead_without_taking() {
        let mut text = Text::new(Trickle(b"1\r\n2", 0));
        assert_eq!(text.head().unwrap(), b"1\r\n2");
        assert_eq!(text.line().unwrap(), Some(Line::Whole(b"1")));
        assert_eq!(text.byte().unwrap(), Some(b'2'));
        assert_eq!(text.byte().unwrap(), None);
        assert_eq!(text.line().unwrap(), None);
    }

    proptest! {
        #[test]
        fn bytes_and_lines_agree_however_they_come(input in "[ab\r\n]{0,40}") {
            let found = lines(input.as_bytes());
            prop_assert_eq!(&found, &lines(Trickle(input.as_bytes(), 0)));

            let mut text = Text::new(Trickle(input.as_bytes(), 1));
            let mut bytes = Vec::new();
            while let Some(byte) = text.byte().unwrap() {
                bytes.push(byte);
            }
            let ended = bytes.iter().filter(|&&byte| byte == b'\n').count();
            prop_assert_eq!(text.line_number(), u64::try_from(ended).unwrap() + 1);
            let mut joined = found.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join(&b'\n');
            if input.ends_with(['\r', '\n']) {
                joined.push(b'\n');
            }
            prop_assert_eq!(bytes, joined);
        }
    }
}
