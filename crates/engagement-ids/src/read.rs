//! Reading one source.

use std::{
    error::Error,
    fmt,
    io::{self, Read},
};

use engagement_model::TweetId;

use crate::{
    Form, Item, Packing, Place, Reason, Refused, Source, Warning, WarningKind, charset,
    element::{Element, Elements},
    excerpt::excerpt,
    form::Look,
    header::Header,
    json, packing,
    record::{Fault, Record},
    spelling::{read_id, read_id_bytes, trimmed, unmarked},
    text::{Line, Text},
};

/// What the user may say about a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The column of a table, or the key of a JSON object, that holds the ids. It replaces the usual ones. Lists of
    /// ids and URLs are read as ever.
    pub column: Option<String>,
    /// The largest id that a Tweet can have by now, [`TweetId::first_at`] of the time: ids beyond get a
    /// [`WarningKind::Future`].
    pub newest: Option<TweetId>,
}

/// Reads a list from `input` and hands each of its items to `sink`, in their order, in one pass.
///
/// An error ends the reading; what was handed over before it is not to be used, as the list is not whole.
pub fn read(
    source: &Source,
    input: impl Read,
    options: &Options,
    sink: &mut impl FnMut(Item),
) -> Result<Form, ReadError> {
    read_items(input, options, sink).map_err(|kind| ReadError { origin: source.clone(), kind })
}

/// `input` as the text that it holds, for tables with more than ids in them: unpacked, as UTF-8, without a mark.
pub fn text<'a>(input: impl Read + 'a) -> Result<impl Read + 'a, ReadErrorKind> {
    let (packing, unpacked) = packing::unpacked(input)?;
    decoded(unpacked, packing)
}

fn decoded<'a>(
    unpacked: impl Read + 'a,
    packing: Option<Packing>,
) -> Result<Box<dyn Read + 'a>, ReadErrorKind> {
    let decoded = charset::decoded(unpacked).map_err(|error| ReadErrorKind::new(error, packing))?;
    decoded.ok_or(ReadErrorKind::Utf32)
}

/// Reads ids and Tweet URLs that stand for themselves, as the arguments of a command do. Their numbers take the place
/// of lines.
pub fn read_arguments<A: AsRef<str>>(
    arguments: impl IntoIterator<Item = A>,
    options: &Options,
    sink: &mut impl FnMut(Item),
) {
    for (line, argument) in (1..).zip(arguments) {
        let text = argument.as_ref();
        let found = read_id(text.trim_matches([' ', '\t'])).map(|id| (id, None));
        Finding { line, text: text.as_bytes(), found }.tell(options, sink);
    }
}

/// Why a source could not be read, or not to its end. The whole source is refused.
#[derive(Debug)]
pub struct ReadError {
    origin: Source,
    kind: ReadErrorKind,
}

impl ReadError {
    /// The source.
    pub fn origin(&self) -> &Source {
        &self.origin
    }

    /// What is wrong with it.
    pub fn kind(&self) -> &ReadErrorKind {
        &self.kind
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.kind)
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

/// What is wrong with a source as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The operating system could not read it.
    #[error("it cannot be read")]
    Io(#[source] io::Error),
    /// The compressed data is damaged or cut off. Unpacking it again does not help; fetching it again may.
    #[error("its {packing} data is damaged or cut off")]
    Damaged {
        /// How it was compressed.
        packing: Packing,
        /// What the decoder said.
        source: io::Error,
    },
    /// Something that holds no text.
    #[error("this is {name}")]
    Foreign {
        /// What it is, and what to do instead.
        name: &'static str,
    },
    /// UTF-32, by its mark or its zeros.
    #[error("this is UTF-32: convert it with iconv -f utf-32 -t utf-8")]
    Utf32,
    /// A table whose header has no id column, or not the one that [`Options::column`] names.
    #[error("{}", no_column(.wanted.as_deref(), .found))]
    NoColumn {
        /// The column that the user named.
        wanted: Option<String>,
        /// The columns that there are, the first of them at least.
        found: Vec<String>,
    },
    /// A table with two columns of the name that is looked for.
    #[error("two columns are called \"{column}\": give one of them another name")]
    ColumnTwice {
        /// The name.
        column: String,
    },
    /// A JSON object over several lines.
    #[error(
        "a JSON object that begins here does not end on its line: write one object a line, as jq -c does, or one array"
    )]
    SpreadObject,
}

impl ReadErrorKind {
    /// The decoders speak through `io::Error`; what they say is told from what the system says by its kind.
    fn new(error: io::Error, packing: Option<Packing>) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match packing {
            Some(packing) if matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) => {
                Self::Damaged { packing, source: error }
            }
            _ => Self::Io(error),
        }
    }
}

/// The id in a line of a list, which is neither blank nor a comment, and trimmed.
pub(crate) fn line_item(line: &[u8], key: Option<&str>) -> Found {
    match line.first() {
        Some(b'{') => return json::id_in(line, key),
        Some(b'[') => return Err(Reason::Array),
        _ => {}
    }
    let remark = line.windows(2).position(|pair| matches!(pair, [b' ' | b'\t', b'#']));
    let item = trimmed(remark.and_then(|end| line.get(..end)).unwrap_or(line));
    let item = trimmed(item.strip_suffix(b",").or(item.strip_suffix(b";")).unwrap_or(item));
    let item = match item {
        [b'"', quoted @ .., b'"'] => trimmed(quoted),
        _ => item,
    };
    read_id_bytes(unmarked(item)).map(|id| (id, None))
}

type Found = Result<(TweetId, Option<WarningKind>), Reason>;

/// What was found where.
struct Finding<'a> {
    line: u64,
    /// As it stands there.
    text: &'a [u8],
    found: Found,
}

impl Finding<'_> {
    fn tell(self, options: &Options, sink: &mut impl FnMut(Item)) {
        let Self { line, text, found } = self;
        match found {
            Ok((id, warning)) => {
                let future = options.newest.is_some_and(|newest| id > newest).then_some(WarningKind::Future);
                for kind in warning.into_iter().chain(future) {
                    sink(Item::Warning(Warning { line, id, kind }));
                }
                sink(Item::Id { id, place: Place { line } });
            }
            Err(reason) => sink(Item::Refused(Refused { line, text: excerpt(text), reason })),
        }
    }
}

fn read_items(
    input: impl Read,
    options: &Options,
    sink: &mut impl FnMut(Item),
) -> Result<Form, ReadErrorKind> {
    let (packing, unpacked) = packing::unpacked(input)?;
    let failed = |error| ReadErrorKind::new(error, packing);
    let mut text = Text::new(decoded(unpacked, packing)?);
    match Look::at(text.head().map_err(failed)?, options.column.as_deref())? {
        Look::Lines => read_lines(&mut text, false, options, sink).map_err(failed)?,
        Look::Array => {
            read_array(&mut text, options, sink).map_err(failed)?;
            return Ok(Form::Array);
        }
        Look::Headed { header, before } => match header.separator {
            None => read_lines(&mut text, true, options, sink).map_err(failed)?,
            Some(separator) => {
                pass_over(&mut text, before, sink).map_err(failed)?;
                read_table(&mut text, &header, separator, options, sink).map_err(failed)?;
                return Ok(Form::Table { separator: char::from(separator), column: header.name });
            }
        },
    }
    Ok(Form::Lines)
}

fn read_lines(
    text: &mut Text<impl Read>,
    mut headed: bool,
    options: &Options,
    sink: &mut impl FnMut(Item),
) -> io::Result<()> {
    loop {
        let line = text.line_number();
        let (whole, found) = match text.line()? {
            None => return Ok(()),
            Some(Line::TooLong(start)) => (start, Err(Reason::TooLong)),
            Some(Line::Whole(whole)) => match trimmed(whole) {
                [] => {
                    sink(Item::Blank);
                    continue;
                }
                [b'#', ..] => {
                    sink(Item::Comment);
                    continue;
                }
                _ if headed => {
                    headed = false;
                    sink(Item::Header);
                    continue;
                }
                item => (item, line_item(item, options.column.as_deref())),
            },
        };
        Finding { line, text: whole, found }.tell(options, sink);
    }
}

/// Passes over the blank lines and comments above a header.
fn pass_over(text: &mut Text<impl Read>, lines: usize, sink: &mut impl FnMut(Item)) -> io::Result<()> {
    for _ in 0..lines {
        if let Some(Line::Whole(line) | Line::TooLong(line)) = text.line()? {
            sink(if trimmed(line).is_empty() { Item::Blank } else { Item::Comment });
        }
    }
    Ok(())
}

fn read_table(
    text: &mut Text<impl Read>,
    header: &Header,
    separator: u8,
    options: &Options,
    sink: &mut impl FnMut(Item),
) -> io::Result<()> {
    let mut record = Record::default();
    if record.read(text, separator)? {
        sink(Item::Header);
    }
    while record.read(text, separator)? {
        if record.fault.is_none() && record.fields().all(|field| trimmed(field).is_empty()) {
            sink(Item::Blank);
            continue;
        }
        let cell = record.field(header.column).map(trimmed).unwrap_or_default();
        let found = cell_item(&record, header, cell).map(|id| (id, None));
        let whole;
        let text = match (cell, record.fault) {
            ([], _) | (_, Some(_)) => {
                whole = record.shown(separator);
                &whole
            }
            _ => cell,
        };
        Finding { line: record.line, text, found }.tell(options, sink);
    }
    Ok(())
}

/// The id in the id cell of a record.
fn cell_item(record: &Record, header: &Header, cell: &[u8]) -> Result<TweetId, Reason> {
    match record.fault {
        Some(Fault::TooLong) => return Err(Reason::TooLong),
        Some(Fault::Unclosed { opened, lines }) => return Err(Reason::UnclosedQuote { line: opened, lines }),
        Some(Fault::TextAfterQuote { line }) => return Err(Reason::TextAfterQuote { line }),
        None => {}
    }
    if record.len() <= header.column {
        return Err(Reason::Short { fields: record.len(), column: header.column + 1 });
    }
    let id = match cell {
        [] => Err(Reason::Empty),
        _ => read_id_bytes(unmarked(cell)),
    };
    // A comma in a text without quotes, or in a number, makes fields more than the header has and moves those behind
    // it. Where none of the fields that could have been the id looks like a number, the one in its place is it.
    let extra = record.fields().skip(header.columns).any(|field| !trimmed(field).is_empty());
    if extra {
        let mut rivals = record.fields().skip(header.column + 1).take(record.len() - header.columns);
        let is_rival = |field| {
            let field = unmarked(trimmed(field));
            field.first().is_some_and(u8::is_ascii_digit) || read_id_bytes(field).is_ok()
        };
        if id.is_err() || rivals.any(is_rival) {
            return Err(Reason::Moved { fields: record.len(), header: header.columns });
        }
    }
    id
}

fn read_array(text: &mut Text<impl Read>, options: &Options, sink: &mut impl FnMut(Item)) -> io::Result<()> {
    let mut elements = Elements::new();
    while let Some(Element { line, json, fault }) = elements.next(text)? {
        let found = match fault {
            Some(fault) => Err(fault),
            None => json::id_in(json, options.column.as_deref()),
        };
        let broken = found.as_ref().is_err_and(json::is_broken);
        let found =
            found.map_err(|reason| if broken { Reason::BrokenArray(Box::new(reason)) } else { reason });
        Finding { line, text: json, found }.tell(options, sink);
        if broken {
            return Ok(());
        }
    }
    loop {
        let line = text.line_number();
        match text.line()? {
            None => return Ok(()),
            Some(Line::Whole(rest) | Line::TooLong(rest)) if !trimmed(rest).is_empty() => {
                Finding { line, text: trimmed(rest), found: Err(Reason::AfterArray) }.tell(options, sink);
                return Ok(());
            }
            Some(_) => {}
        }
    }
}

fn no_column(wanted: Option<&str>, found: &[String]) -> String {
    let found = found.join("\", \"");
    match wanted {
        Some(wanted) => format!("no column is called \"{wanted}\": there are \"{found}\""),
        None => format!(
            "a table without a column tweet_id, id_str or id: name the one with the ids, there are \"{found}\""
        ),
    }
}
