//! The body of an answer.

use core::{
    convert::Infallible,
    fmt,
    iter::Peekable,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::answer::sink::{Encoding, Sink};

/// Bytes, or a list of ids of which a part is made whenever the other end has read the part before.
pub(crate) enum Payload {
    Bytes(Bytes),
    Ids(Ids),
}

impl Payload {
    /// `{"tweet_ids":[…]}` with these.
    pub(crate) fn ids(ids: impl Iterator<Item = u64> + Send + 'static) -> Self {
        let ids: Box<dyn Iterator<Item = u64> + Send> = Box::new(ids);
        Self::Ids(Ids { ids: ids.peekable(), at: Place::Start })
    }

    /// The bytes, if they are all there.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Ids(_) => None,
        }
    }

    /// Leaves out the last bytes.
    pub(crate) fn cut(&mut self, count: usize) {
        if let Self::Bytes(bytes) = self {
            bytes.truncate(bytes.len().saturating_sub(count));
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = match &mut *self {
            Self::Bytes(bytes) => Some(core::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
            Self::Ids(ids) => ids.next_part(),
        };
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Ids(ids) => ids.at == Place::End,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Self::Ids(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Payload({} bytes)", bytes.len()),
            Self::Ids(ids) => write!(f, "Payload(ids, at {:?})", ids.at),
        }
    }
}

/// A list that is being written.
pub(crate) struct Ids {
    ids: Peekable<Box<dyn Iterator<Item = u64> + Send>>,
    at: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    Middle,
    End,
}

impl Ids {
    fn next_part(&mut self) -> Option<Bytes> {
        let mut sink = Sink::new(Encoding::Identity);
        let mut separator: &[u8] = match self.at {
            Place::Start => {
                sink.push(b"{\"tweet_ids\":[");
                b"\""
            }
            Place::Middle => b",\"",
            Place::End => return None,
        };
        for id in self.ids.by_ref().take(PART) {
            sink.push(separator);
            sink.number(id);
            sink.push(b"\"");
            separator = b",\"";
        }
        self.at = Place::Middle;
        if self.ids.peek().is_none() {
            sink.push(b"]}");
            self.at = Place::End;
        }
        Some(sink.finish().into())
    }
}

/// Ids that are made at a time.
const PART: usize = 500;

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_list_in_parts_is_a_list() {
        for count in [0, 1, 500, 501, 1_234] {
            let bytes = Payload::ids(0..count).collect().await.unwrap().to_bytes();
            let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let ids: Vec<_> =
                json["tweet_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
            assert_eq!(ids, (0..count).map(|id| id.to_string()).collect::<Vec<_>>());
        }
    }
}
