//! A request as the API takes it.

use core::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::Request;
use crate::{
    grouping::{Dimension, Grouping},
    metric::Metric,
    tweet_id::{MAX_DIGITS, TweetId},
};

impl Request {
    /// The body: JSON, never compressed.
    ///
    /// The same bytes as serde's, but nearly all of them are digits of ids, and the detour through `Display` for each
    /// costs several times what writing them does.
    pub fn to_json(&self) -> String {
        let mut json = Vec::with_capacity(self.tweet_ids.len() * ROOM_FOR_ID + ROOM_BESIDE_IDS);
        json.push(b'{');
        if let Some(window) = self.window {
            let start = window.start();
            let times = match self.early_end {
                None => format!(r#""start":"{start}","end":"{}","#, window.end()),
                Some(early) => format!(r#""start":"{start}","end":"{early}","#),
            };
            json.extend_from_slice(times.as_bytes());
        }
        json.extend_from_slice(br#""tweet_ids":["#);
        let mut end = json.len();
        json.resize(end + self.tweet_ids.len() * ROOM_FOR_ID, 0);
        for id in &*self.tweet_ids {
            let room = json[end..].first_chunk_mut().expect("there is as much for each");
            end += write_id(*id, room);
        }
        // Without the last comma.
        json.truncate(end - 1);
        json.extend_from_slice(br#"],"engagement_types":"#);
        push_json(&mut json, &Metrics(&self.metrics));
        json.extend_from_slice(br#","groupings":"#);
        push_json(&mut json, &Groupings(&self.groupings));
        json.push(b'}');
        String::from_utf8(json).expect("digits, and what was text")
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_map(None)?;
        if let Some(window) = self.window {
            body.serialize_entry("start", &Text(window.start()))?;
            match self.early_end {
                None => body.serialize_entry("end", &Text(window.end()))?,
                Some(early) => body.serialize_entry("end", &Text(early))?,
            }
        }
        body.serialize_entry("tweet_ids", &Texts(&self.tweet_ids))?;
        body.serialize_entry("engagement_types", &Metrics(&self.metrics))?;
        body.serialize_entry("groupings", &Groupings(&self.groupings))?;
        body.end()
    }
}

/// Text, maps and lists only: nothing that JSON cannot hold.
fn push_json(json: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(json, value).expect("texts, and maps with texts for keys, can be written");
}

/// Writes the id as the list of a request has it, and returns how many bytes that takes.
#[inline]
fn write_id(id: TweetId, room: &mut [u8; ROOM_FOR_ID]) -> usize {
    let [quote, digits @ .., _] = room;
    *quote = b'"';
    let length = id.write_digits(digits);
    room[1 + length..][..2].copy_from_slice(b"\",");
    length + 3
}

/// Two quotes, and a comma.
const ROOM_FOR_ID: usize = MAX_DIGITS + 3;
/// For the rest of most requests. One that needs more gets it.
const ROOM_BESIDE_IDS: usize = 768;

/// A value written as text.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Values written as a list of texts.
struct Texts<'a, T>(&'a [T]);

impl<T: fmt::Display> Serialize for Texts<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Text))
    }
}

struct Metrics<'a>(&'a [Metric]);

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Metric::name))
    }
}

struct Groupings<'a>(&'a [Grouping]);

impl Serialize for Groupings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|grouping| (grouping.name(), GroupBy(grouping))))
    }
}

struct Dimensions<'a>(&'a [Dimension]);

impl Serialize for Dimensions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|dimension| dimension.name()))
    }
}

struct GroupBy<'a>(&'a Grouping);

impl Serialize for GroupBy<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("group_by", Dimensions(self.0.by()))])
    }
}
