//! Whether it is beyond doubt where each request ends.
//!
//! hyper takes a bare line feed for the end of a line and, of a length and chunks, the chunks. Both are lenient as
//! HTTP allows, and both are how one request is made to look like two to somebody else. A judge need not be lenient:
//! this reads along and says so.

/// Reads along with the bytes of a connection.
#[derive(Debug)]
pub(crate) struct Framing {
    state: State,
    /// The current line without its end, as much of it as is needed.
    line: Vec<u8>,
    after_return: bool,
    length: Option<u64>,
    is_chunked: bool,
    /// Bytes of the current head.
    head: usize,
    is_head_too_large: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RequestLine,
    Header,
    Body {
        left: u64,
    },
    ChunkSize,
    Chunk {
        left: u64,
    },
    Trailer,
    /// In doubt, for good.
    Lost,
}

impl Framing {
    pub(crate) fn new() -> Self {
        Self {
            state: State::RequestLine,
            line: Vec::new(),
            after_return: false,
            length: None,
            is_chunked: false,
            head: 0,
            is_head_too_large: false,
        }
    }

    /// Whether a head was larger than [`LARGEST_HEAD`]. hyper tells only while it waits for the rest of one.
    pub(crate) fn is_head_too_large(&self) -> bool {
        self.is_head_too_large
    }

    /// Whether the bytes so far, and these, leave no doubt.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> bool {
        while let Some((byte, rest)) = bytes.split_first() {
            match &mut self.state {
                State::Lost => return false,
                State::Body { left } | State::Chunk { left } => {
                    let all = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    let skipped = all.min(*left);
                    *left -= skipped;
                    let is_done = *left == 0;
                    bytes = usize::try_from(skipped)
                        .ok()
                        .and_then(|skipped| bytes.get(skipped..))
                        .unwrap_or_default();
                    if is_done {
                        self.state = match self.state {
                            State::Chunk { .. } => State::ChunkSize,
                            _ => State::RequestLine,
                        };
                    }
                }
                state @ (State::RequestLine | State::Header | State::ChunkSize | State::Trailer) => {
                    let is_head = matches!(state, State::RequestLine | State::Header);
                    self.head = if is_head { self.head + 1 } else { 0 };
                    self.is_head_too_large |= self.head > LARGEST_HEAD;
                    self.byte(*byte);
                    bytes = rest;
                }
            }
        }
        self.state != State::Lost
    }

    fn byte(&mut self, byte: u8) {
        if byte == b'\n' {
            if core::mem::take(&mut self.after_return) {
                let line = core::mem::take(&mut self.line);
                self.line(&line);
            } else {
                self.state = State::Lost;
            }
            return;
        }
        if core::mem::replace(&mut self.after_return, byte == b'\r') {
            // A return in the middle of a line.
            self.state = State::Lost;
        } else if byte != b'\r' && self.line.len() < LONGEST {
            self.line.push(byte);
        }
    }

    fn line(&mut self, line: &[u8]) {
        self.state = match (self.state, line.is_empty()) {
            // Some clients end a body with a line that is not counted (RFC 9112 §2.2).
            (State::RequestLine, true) => State::RequestLine,
            (State::RequestLine, false) => State::Header,
            (State::Header, false) => self.header(line),
            (State::Header, true) => self.body(),
            (State::ChunkSize, _) => match chunk_size(line) {
                Some(0) => State::Trailer,
                // With the line end behind it.
                Some(size) => State::Chunk { left: size.saturating_add(2) },
                None => State::Lost,
            },
            (State::Trailer, false) => State::Trailer,
            (State::Trailer, true) => State::RequestLine,
            (state, _) => state,
        };
    }

    fn header(&mut self, line: &[u8]) -> State {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, b""));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            // One, and nothing but digits. hyper has the same opinion of those that are not.
            let number = core::str::from_utf8(value)
                .ok()
                .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            match number.and_then(|text| text.parse().ok()) {
                Some(length) if self.length.is_none() => self.length = Some(length),
                _ => return State::Lost,
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return State::Lost;
            }
            self.is_chunked = true;
        }
        State::Header
    }

    fn body(&mut self) -> State {
        self.head = 0;
        match (self.length.take(), core::mem::take(&mut self.is_chunked)) {
            (Some(_), true) => State::Lost,
            (None, true) => State::ChunkSize,
            (Some(left), false) if left > 0 => State::Body { left },
            _ => State::RequestLine,
        }
    }
}

/// Hex digits, up to an extension.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii_end();
    let is_hex = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let text = core::str::from_utf8(digits).ok().filter(|_| is_hex)?;
    u64::from_str_radix(text, 16).ok()
}

/// Bytes of a request line and its headers.
pub(crate) const LARGEST_HEAD: usize = 32 * 1024;
/// More of a line is not kept: the headers that matter are short.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_sound(text: &str) -> bool {
        Framing::new().read(text.as_bytes())
    }

    const GOOD: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na\nb\n\
                        GET / HTTP/1.1\r\nHost: x\r\n\r\n\
                        POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n5;x=y\r\na\nb\nc\r\n0\r\nT: u\r\n\r\n\
                        \r\nGET / HTTP/1.1\r\n\r\n";

    #[test]
    fn follows_from_request_to_request() {
        assert!(is_sound(GOOD));
        // After all of it a head is expected again.
        assert!(!is_sound(&format!("{GOOD}GET / HTTP/1.1\n")));
    }

    #[test]
    fn doubts_what_can_be_read_in_two_ways() {
        let post = "POST / HTTP/1.1\r\n";
        for doubtful in [
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
            "Content-Length: 4\r\nContent-Length: 4\r\n",
            "Content-Length: 4, 4\r\n",
            "Content-Length: +4\r\n",
            "Content-Length: \r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "X: a\nContent-Length: 0\r\n",
            "X: a\rb\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\n",
            "Transfer-Encoding: chunked\r\n\r\n-5\r\n",
            "Transfer-Encoding: chunked\r\n\r\n0x5\r\n",
            "Transfer-Encoding: chunked\r\n\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        ] {
            assert!(!is_sound(&format!("{post}{doubtful}")), "{doubtful:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(cuts in prop::collection::vec(0..GOOD.len(), 0..20)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut framing = Framing::new();
            let mut from = 0;
            for to in cuts.into_iter().chain([GOOD.len()]) {
                prop_assert!(framing.read(&GOOD.as_bytes()[from..to]));
                from = to;
            }
            prop_assert_eq!(framing.state, State::RequestLine);
        }

        #[test]
        fn survives_anything(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Framing::new().read(&bytes);
        }
    }
}
