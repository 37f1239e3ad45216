//! Why an item is refused.

/// Why an item is refused.
///
/// The display is one clause that says what was found and, where there is one, the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// `1.50000E+18`. The digits are lost: the list must be taken from its origin again.
    #[error("scientific notation: a spreadsheet has cut the id, and its digits are lost")]
    Scientific,
    /// `1500000000000000001.0`, or a JSON number with a fraction or an exponent.
    #[error(
        "a decimal fraction: the id has passed through a floating-point number, so its digits are not certain"
    )]
    Decimal,
    /// `1,508,123,456,789,012,346`, or the same with dots, blanks, apostrophes or underscores.
    #[error("thousands marks: write the id with digits alone")]
    Thousands,
    /// `+15…` or `-15…`.
    #[error("a sign: an id has digits alone")]
    Sign,
    /// `0`.
    #[error("0 is no Tweet id")]
    Zero,
    /// `00015…`. Something padded it.
    #[error("leading zeros: no tool writes a Tweet id so")]
    LeadingZeros,
    /// Beyond 2⁶³ − 1.
    #[error("too large: a Tweet id is at most 9223372036854775807")]
    TooLarge,
    /// Digits that are not 0 to 9, however much they look like them.
    #[error("not ASCII digits: {} is a digit of another script", code_point(.0))]
    OtherDigits(char),
    /// A mark, blank or control character that does not show.
    #[error("a character that does not show: {}", code_point(.0))]
    Hidden(char),
    /// A byte 0, as UTF-16 without a mark and torn files have.
    #[error("a NUL byte: the file is damaged, or no text")]
    Nul,
    /// Latin-1, Windows-1252 or another old encoding.
    #[error(
        "not UTF-8 (byte 0x{byte:02x} at offset {at}): Latin-1 perhaps; convert it with iconv -f latin1 -t utf-8"
    )]
    NotUtf8 {
        /// The first byte that cannot be.
        byte: u8,
        /// Its offset in the item.
        at: usize,
    },
    /// Two ids or more where one belongs. They are never joined, and never is only the first taken.
    #[error("several values where one id belongs")]
    SeveralValues,
    /// A URL of Twitter or X that names no Tweet: a profile, a search, a list.
    #[error("a URL that names no Tweet: a Tweet's has /status/ and an id in its path")]
    UrlWithoutTweet,
    /// A URL of another host, look-alikes included.
    #[error("a URL of another site: only twitter.com, x.com and their mobile hosts name Tweets")]
    OtherSite,
    /// `t.co` and its like.
    #[error("a short link, which is not followed: give the Tweet's own URL")]
    ShortLink,
    /// A Tweet's URL whose id is none.
    #[error("the id in this URL is none: {0}")]
    UrlId(Box<Reason>),
    /// Anything else.
    #[error("not a Tweet id: 1 to 19 digits, or the URL of a Tweet")]
    NotAnId,
    /// An empty id cell, or an empty text in JSON.
    #[error("no id: the place for it is empty")]
    Empty,
    /// A record that ends before the id column.
    #[error("no id: the record has {fields} fields, and the id column is number {column}")]
    Short {
        /// How many fields it has.
        fields: usize,
        /// Which one the id should be in, from 1.
        column: usize,
    },
    /// A record with more fields than its header, where another field could as well be the id.
    #[error("{fields} fields where the header has {header}: an unquoted separator may have moved the id")]
    Moved {
        /// How many fields it has.
        fields: usize,
        /// How many the header has.
        header: usize,
    },
    /// A quote that nothing closes: the lines after it belong to the field that it opens.
    #[error("a quote opened on line {line} is never closed: {lines} lines after it were not read as records")]
    UnclosedQuote {
        /// The line of the quote.
        line: u64,
        /// How many lines it swallowed.
        lines: u64,
    },
    /// Text behind a closing quote, in a field that spans lines: a quote is missing or stray somewhere.
    #[error(
        "text behind a closing quote, on line {line}: a quote between here and there is missing or stray"
    )]
    TextAfterQuote {
        /// The line of the closing quote.
        line: u64,
    },
    /// A line, record or array element of more than 64 KiB.
    #[error("longer than {} KiB", crate::text::LIMIT / 1024)]
    TooLong,
    /// JSON that ends too early.
    #[error("JSON that is cut off")]
    Cut,
    /// No JSON, where the first character promises it.
    #[error("not JSON: {0}")]
    Json(String),
    /// A key that a JSON object has twice: whichever were taken could be the wrong one.
    #[error("the key \"{0}\" stands there twice")]
    RepeatedKey(String),
    /// A JSON object with none of the keys that hold ids.
    #[error("no id: the object has no {0}")]
    NoKey(String),
    /// A JSON value that can be no id: true, false, null, or an object in the place of an id.
    #[error("{0} is no id")]
    Kind(&'static str),
    /// An array as a JSON line, or inside an array.
    #[error("an array inside a list: one id or object belongs here")]
    Array,
    /// A JSON array that is broken: where its later elements begin is not certain, so none is read.
    #[error("{0}; the rest of the array was not read")]
    BrokenArray(Box<Reason>),
    /// More behind the end of the JSON array.
    #[error("text behind the end of the JSON array was not read")]
    AfterArray,
    /// More than 2³² − 2 different ids.
    #[error("the list is full: it holds 4294967294 different ids")]
    Full,
}

fn code_point(character: &char) -> String {
    format!("U+{:04X}", u32::from(*character))
}
