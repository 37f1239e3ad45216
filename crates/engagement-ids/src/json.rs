//! Ids in JSON values.

use std::{borrow::Cow, fmt};

use engagement_model::TweetId;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};

use crate::{
    Reason, WarningKind,
    excerpt::excerpt,
    spelling::{read_id, utf8},
};

/// The id in one JSON value: itself, or under one of the keys of an object.
///
/// The keys are `id_str`, `tweet_id`, `id` and `id` in `data`, the first that is there and not null, or else the one
/// that the caller names. An `id_str` beside the `id` in `data` wins there, too. Numbers are read by their digits.
pub(crate) fn id_in(json: &[u8], key: Option<&str>) -> Result<(TweetId, Option<WarningKind>), Reason> {
    let value = parsed::<&RawValue>(utf8(json)?)?;
    match value.get().as_bytes().first() {
        Some(b'{') => match key {
            Some(key) => id_under(value, key),
            None => id_of_tweet(value),
        },
        _ => match id_of(value)? {
            Some(id) => Ok((id, None)),
            None => Err(Reason::Kind("null")),
        },
    }
}

/// Whether this fault leaves open where the value ends.
pub(crate) fn is_broken(reason: &Reason) -> bool {
    matches!(reason, Reason::Json(_) | Reason::Cut | Reason::NotUtf8 { .. } | Reason::TooLong)
}

fn id_under(object: &RawValue, key: &str) -> Result<(TweetId, Option<WarningKind>), Reason> {
    let [value] = members(object, [key])?;
    match value.map(id_of).transpose()?.flatten() {
        Some(id) => Ok((id, None)),
        None => Err(Reason::NoKey(excerpt(key.as_bytes()))),
    }
}

fn id_of_tweet(object: &RawValue) -> Result<(TweetId, Option<WarningKind>), Reason> {
    let [id_str, tweet_id, id, data] = members(object, ["id_str", "tweet_id", "id", "data"])?;
    if let Some(text) = id_str
        && let Some(found) = id_of(text)?
    {
        return Ok((found, id.and_then(|number| other_number(number, found))));
    }
    for value in [tweet_id, id].into_iter().flatten() {
        if let Some(found) = id_of(value)? {
            return Ok((found, None));
        }
    }
    if let Some(data) = data.filter(|data| data.get().starts_with('{')) {
        let [id, id_str] = members(data, ["id", "id_str"])?;
        if let Some(number) = id.filter(|id| id.get() != "null") {
            return match id_str.map(id_of).transpose()?.flatten() {
                Some(found) => Ok((found, other_number(number, found))),
                None => id_of(number)?.map(|found| (found, None)).ok_or(Reason::Kind("null")),
            };
        }
    }
    Err(Reason::NoKey("id_str, tweet_id, id or data.id".to_owned()))
}

/// The id that a value is, `None` for null.
fn id_of(value: &RawValue) -> Result<Option<TweetId>, Reason> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => {
            let text = parsed::<Text<'_>>(json)?.0;
            read_id(text.trim_matches([' ', '\t'])).map(Some)
        }
        Some(b'-' | b'0'..=b'9') => match json.contains(['.', 'e', 'E']) {
            true => Err(Reason::Decimal),
            false => read_id(json).map(Some),
        },
        Some(b'[') => Err(Reason::Array),
        Some(b'{') => Err(Reason::Kind("an object")),
        Some(b't') => Err(Reason::Kind("true")),
        _ => Err(Reason::Kind("false")),
    }
}

/// The remark that `number`, found under `id` beside an `id_str`, deserves if it is another.
fn other_number(number: &RawValue, id: TweetId) -> Option<WarningKind> {
    match id_of(number) {
        Ok(None) => None,
        Ok(Some(same)) if same == id => None,
        _ => Some(WarningKind::OtherNumber { number: excerpt(number.get().as_bytes()) }),
    }
}

/// The values of `object` under `keys`. No key may be there twice, wanted or not: the object is damaged then.
fn members<'a, const N: usize>(
    object: &'a RawValue,
    keys: [&str; N],
) -> Result<[Option<&'a RawValue>; N], Reason> {
    let mut deserializer = serde_json::Deserializer::from_str(object.get());
    let (values, mut found) = deserializer.deserialize_map(Members(keys)).map_err(|error| fault(&error))?;
    found.sort_unstable();
    match found.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
        Some(key) => Err(Reason::RepeatedKey(excerpt(key.0.as_bytes()))),
        None => Ok(values),
    }
}

fn parsed<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Reason> {
    serde_json::from_str(json).map_err(|error| fault(&error))
}

fn fault(error: &serde_json::Error) -> Reason {
    if error.classify() == Category::Eof {
        return Reason::Cut;
    }
    // Its line and column count from where the value begins: of a value on one line, the column helps.
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    Reason::Json(match error.line() {
        1 => format!("{what} at character {}", error.column()),
        _ => what.to_owned(),
    })
}

/// Fetches the values under some keys, and all keys.
struct Members<'k, const N: usize>([&'k str; N]);

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = ([Option<&'de RawValue>; N], Vec<Text<'de>>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = [None; N];
        let mut keys = Vec::new();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match self.0.iter().position(|wanted| *wanted == key.0).and_then(|at| values.get_mut(at)) {
                Some(value) => *value = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            keys.push(key);
        }
        Ok((values, keys))
    }
}

/// A JSON text, borrowed if nothing in it is escaped.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(json: &str) -> Result<u64, Reason> {
        id_in(json.as_bytes(), None).map(|(id, _)| id.get())
    }

    #[test]
    fn finds_the_id_under_the_first_key_that_holds_one() {
        let check = |json: &str, wanted: u64| assert_eq!(id(json), Ok(wanted), "{json}");
        check("15", 15);
        check("\"15\"", 15);
        check("\" 15\\t\"", 15);
        check("\"https://x.com/u/status/15\"", 15);
        check(" {\"id_str\":\"15\",\"tweet_id\":16,\"id\":17} ", 15);
        check("{\"id\":17,\"tweet_id\":\"16\",\"data\":{\"id\":\"18\"}}", 16);
        check("{\"id\":9007199254740993}", 9_007_199_254_740_993);
        check("{\"id_str\":null,\"id\":17}", 17);
        check("{\"data\":{\"id\":\"18\",\"text\":\"\"}}", 18);
        check("{\"id\\u005fstr\":\"15\"}", 15);
        check("{\"user\":{\"id\":1,\"id\":2},\"id\":15}", 15);
        check("9223372036854775807", 9_223_372_036_854_775_807);
    }

    #[test]
    fn refuses_what_holds_none() {
        let check = |json: &str, reason: Reason| assert_eq!(id(json), Err(reason), "{json}");
        let no_key = || Reason::NoKey("id_str, tweet_id, id or data.id".into());
        check("{}", no_key());
        check("{\"text\":\"15\"}", no_key());
        check("{\"id\":null}", no_key());
        check("{\"user\":{\"id\":15}}", no_key());
        check("{\"data\":[{\"id\":\"15\"}]}", no_key());
        check("{\"data\":{\"id_str\":\"15\"}}", no_key());
        check("{\"id\":1.500000000000000504e18}", Reason::Decimal);
        check("{\"id\":15E17}", Reason::Decimal);
        check("15.0", Reason::Decimal);
        check("{\"id\":-15}", Reason::Sign);
        check("{\"id\":0}", Reason::Zero);
        check("{\"id\":9223372036854775808}", Reason::TooLarge);
        check("{\"id\":true}", Reason::Kind("true"));
        check("{\"id\":{\"id\":15}}", Reason::Kind("an object"));
        check("{\"id\":[15]}", Reason::Array);
        check("[15]", Reason::Array);
        check("null", Reason::Kind("null"));
        check("false", Reason::Kind("false"));
        check("\"\"", Reason::Empty);
        check("\"15\\u200b\"", Reason::Hidden('\u{200b}'));
    }

    #[test]
    fn does_not_fall_back_from_a_bad_id_to_another_key() {
        assert_eq!(id("{\"id_str\":\"1.5E18\",\"id\":15}"), Err(Reason::Scientific));
        assert_eq!(id("{\"tweet_id\":\"\",\"id\":15}"), Err(Reason::Empty));
    }

    #[test]
    fn warns_of_a_number_that_is_another() {
        let warning = |json: &str| id_in(json.as_bytes(), None).unwrap().1;
        let other = |number: &str| Some(WarningKind::OtherNumber { number: number.to_owned() });
        assert_eq!(warning("{\"id\":15,\"id_str\":\"15\"}"), None);
        assert_eq!(warning("{\"id\":null,\"id_str\":\"15\"}"), None);
        assert_eq!(warning("{\"id\":16,\"id_str\":\"15\"}"), other("16"));
        assert_eq!(warning("{\"id\":1.5e1,\"id_str\":\"15\"}"), other("1.5e1"));
        assert_eq!(warning("{\"id\":16,\"tweet_id\":\"15\"}"), None);
        assert_eq!(warning("{\"data\":{\"id\":16,\"id_str\":\"15\"}}"), other("16"));
        assert_eq!(id("{\"data\":{\"id\":16,\"id_str\":\"15\"}}"), Ok(15));
        assert_eq!(warning("{\"data\":{\"id\":\"15\",\"id_str\":\"15\"}}"), None);
        assert_eq!(warning("{\"data\":{\"id\":15,\"id_str\":null}}"), None);
    }

    #[test]
    fn names_a_key_that_is_there_twice() {
        let check =
            |json: &str, key: &str| assert_eq!(id(json), Err(Reason::RepeatedKey(key.into())), "{json}");
        check("{\"id\":15,\"id\":15}", "id");
        check("{\"id_str\":\"15\",\"id\\u005fstr\":\"16\"}", "id_str");
        check("{\"id\":15,\"text\":1,\"text\":2}", "text");
        check("{\"data\":{\"id\":\"15\",\"id\":\"16\"}}", "id");
    }

    #[test]
    fn reads_the_key_that_it_is_told() {
        let id = |json: &str| id_in(json.as_bytes(), Some("post")).map(|(id, _)| id.get());
        assert_eq!(id("{\"post\":15,\"id_str\":\"16\"}"), Ok(15));
        assert_eq!(id("{\"id_str\":\"16\"}"), Err(Reason::NoKey("post".into())));
        assert_eq!(id("{\"post\":null}"), Err(Reason::NoKey("post".into())));
        assert_eq!(id("15"), Ok(15));
    }

    #[test]
    fn tells_cut_from_broken() {
        for json in ["{", "{\"id\":15", "{\"id_str\":\"15\",\"text\":\"cut off here", "\"15", "tru", ""] {
            assert_eq!(id(json), Err(Reason::Cut), "{json}");
        }
        let error = id("{\"id\" 15}").unwrap_err();
        assert_eq!(error, Reason::Json("expected `:` at character 7".into()));
        for json in ["{\"id\":15}}", "{'id':15}", "15 16", "{\"id\":015}", "\"a\nb\"", "NaN"] {
            assert!(matches!(id(json), Err(Reason::Json(_))), "{json}");
        }
        assert_eq!(
            id_in(b"{\"id\":15,\"text\":\"caf\xe9\"}", None),
            Err(Reason::NotUtf8 { byte: 0xe9, at: 20 })
        );
    }

    #[test]
    fn survives_depth() {
        let deep = format!("{{\"a\":{}1{},\"id\":15}}", "[".repeat(20_000), "]".repeat(20_000));
        assert_eq!(id(&deep), Ok(15));
    }

    proptest! {
        #[test]
        fn reads_every_number_exactly(number in 1..=i64::MAX) {
            let wanted = number.unsigned_abs();
            prop_assert_eq!(id(&format!("{{\"id\":{number}}}")), Ok(wanted));
            prop_assert_eq!(id(&format!("{{\"id_str\":\"{number}\"}}")), Ok(wanted));
        }

        #[test]
        fn never_reads_a_cut_object(cut in 0_usize..60) {
            let whole = "{\"id\":1500000000000000501,\"id_str\":\"1500000000000000501\"}";
            prop_assert!(cut >= whole.len() || id(&whole[..cut]).is_err());
        }
    }
}
