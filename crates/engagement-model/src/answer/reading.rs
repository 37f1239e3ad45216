//! An answer's body, from its first byte to its account.

use std::{borrow::Cow, collections::BTreeSet};

use jiff::Timestamp;

use super::{
    Answer, DecodeError, Limits, Warning,
    rows::Rows,
    time::read_time,
    verdict::Verdict,
    walk::{Names, Walk},
    warning::LONGEST_WORD,
};
use crate::{
    grouping::{Dimension, Grouping, RESERVED_NAMES},
    json::{Fault, Problem, Scanner},
    metric::{Metric, WINDOW_MAX_HOURS},
    outcome::{Survey, clean_words},
    refusal::{Message, Refusal, RefusalKind, UNAVAILABLE, metrics_listed_under, read_ids, read_messages},
    request::Request,
    tweet_id::TweetId,
    window::Window,
};

/// See [`Answer::decode`].
pub(super) fn decode(request: &Request, body: &[u8], limits: &Limits) -> Result<Answer, DecodeError> {
    let fail = |fault| DecodeError::new(fault, body, limits);
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    if start.first() == Some(&b'{') {
        let mut scan = Scanner::new(body, limits).map_err(fail)?;
        return Reading::new(request, limits, body.len()).read(&mut scan, body).map_err(fail)?;
    }
    // A list may hold errors. Anything else that is JSON is no answer of this API.
    let sound = Scanner::new(body, limits).and_then(|mut scan| {
        scan.skip_value()?;
        scan.finish()
    });
    match (start.first(), sound) {
        (Some(b'['), Ok(())) => {
            let refusal = Refusal::read(SUCCESS, body);
            if refusal.messages.is_empty() {
                Err(not_an_object(body, limits))
            } else {
                Err(DecodeError::Refused(refusal.into()))
            }
        }
        (Some(b'['), Err(fault)) => Err(fail(fault)),
        (_, Ok(())) => Err(not_an_object(body, limits)),
        (_, Err(_)) => Err(DecodeError::not_json(body)),
    }
}

fn not_an_object(body: &[u8], limits: &Limits) -> DecodeError {
    DecodeError::new(Fault::new(0, Problem::NoObject), body, limits)
}

/// One body being read.
struct Reading<'r> {
    request: &'r Request,
    /// The grouping that rows come from.
    grouping: Option<&'r Grouping>,
    names: Names,
    rows: Rows<'r>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    messages: Vec<Message>,
    unavailable: Vec<TweetId>,
    unsupported: Vec<(TweetId, Metric)>,
    /// Whether any grouping of the request came.
    has_groupings: bool,
    has_lists: bool,
}

impl<'r> Reading<'r> {
    fn new(request: &'r Request, limits: &Limits, body_bytes: usize) -> Self {
        let grouping = request
            .groupings()
            .iter()
            .find(|grouping| grouping.has(Dimension::TweetId) && grouping.has(Dimension::EngagementType));
        Self {
            request,
            grouping,
            names: Names::of_request(request),
            rows: Rows::new(request, grouping, limits, body_bytes),
            start: None,
            end: None,
            messages: Vec::new(),
            unavailable: Vec::new(),
            unsupported: Vec::new(),
            has_groupings: false,
            has_lists: false,
        }
    }

    fn read(mut self, scan: &mut Scanner<'_>, body: &[u8]) -> Result<Result<Answer, DecodeError>, Fault> {
        if scan.enter_object()? {
            self.read_root(scan)?;
        }
        scan.finish()?;
        if let Some(refusal) = self.refusal(body) {
            return Ok(Err(DecodeError::Refused(refusal.into())));
        }
        Ok(Ok(self.account()))
    }

    fn read_root(&mut self, scan: &mut Scanner<'_>) -> Result<(), Fault> {
        // Known keys have a bit each: no set is made for them.
        let (mut known, mut unknown, mut width) = (0_u32, BTreeSet::<Cow<'_, str>>::new(), 0);
        loop {
            let key = scan.key()?;
            let name = key.name();
            let reserved = RESERVED_NAMES.iter().position(|reserved| *reserved == name);
            let place = reserved.or_else(|| {
                let at = self.request.groupings().iter().position(|grouping| grouping.name() == name)?;
                Some(RESERVED_NAMES.len() + at)
            });
            let is_first = match place {
                Some(place) => {
                    let bit = 1 << place;
                    let is_first = known & bit == 0;
                    known |= bit;
                    is_first
                }
                None => unknown.insert(name.clone()),
            };
            if !is_first {
                return Err(Fault::duplicate(&key));
            }
            self.read_member(scan, &name, place.is_some() && reserved.is_none())?;
            if !scan.more_members(&mut width)? {
                return Ok(());
            }
        }
    }

    fn read_member(&mut self, scan: &mut Scanner<'_>, name: &str, is_grouping: bool) -> Result<(), Fault> {
        if is_grouping {
            self.has_groupings = true;
            if self.grouping.is_none_or(|grouping| grouping.name() != name) {
                return scan.skip_value();
            }
            self.rows.has_begun = true;
            let by = self.grouping.map_or(&[][..], Grouping::by);
            return Walk { scan, names: &mut self.names, by, sink: &mut self.rows }.run();
        }
        match name {
            "start" => self.start = self.read_time(scan)?,
            "end" => self.end = self.read_time(scan)?,
            "errors" => read_messages(scan, &mut self.messages)?,
            UNAVAILABLE => self.unavailable = self.read_list(scan, name)?,
            _ => {
                let mut metrics = metrics_listed_under(name).peekable();
                if metrics.peek().is_none() {
                    self.rows
                        .warnings
                        .add(|| Warning::UnknownRootKey { key: clean_words(name, LONGEST_WORD) });
                    return scan.skip_value();
                }
                let ids = self.read_list(scan, name)?;
                self.unsupported
                    .extend(metrics.flat_map(|metric| ids.iter().map(move |id| (*id, metric.clone()))));
            }
        }
        Ok(())
    }

    fn read_time(&mut self, scan: &mut Scanner<'_>) -> Result<Option<Timestamp>, Fault> {
        let first = scan.peek()?;
        let start = scan.offset();
        if first == b'n' {
            scan.word("null")?;
            return Ok(None);
        }
        let time = read_time(scan)?;
        if time.is_none() {
            self.rows
                .warnings
                .add(|| Warning::BadWindow { found: clean_words(scan.since(start), LONGEST_WORD) });
        }
        Ok(time)
    }

    /// The ids of a root key's list that were asked for.
    fn read_list(&mut self, scan: &mut Scanner<'_>, name: &str) -> Result<Vec<TweetId>, Fault> {
        let (mut ids, warnings) = (Vec::new(), &mut self.rows.warnings);
        read_ids(scan, &mut ids, |odd| {
            warnings.add(|| Warning::BadListEntry {
                list: name.to_owned(),
                found: clean_words(odd, LONGEST_WORD),
            });
        })?;
        self.has_lists |= !ids.is_empty();
        ids.retain(|id| {
            let asked = self.names.number_of(*id).is_some();
            if !asked {
                warnings.add(|| Warning::UnaskedListEntry { list: name.to_owned(), tweet_id: *id });
            }
            asked
        });
        Ok(ids)
    }

    /// What the body says when it has no data, or none beside an error that explains why.
    fn refusal(&self, body: &[u8]) -> Option<Refusal> {
        if self.has_lists || !self.rows.rows.is_empty() {
            return None;
        }
        let refusal = Refusal::read(SUCCESS, body);
        if refusal.messages.is_empty() {
            return None;
        }
        let explains = matches!(
            refusal.kind,
            RefusalKind::Authentication
                | RefusalKind::ClockOff
                | RefusalKind::NotProvisioned
                | RefusalKind::RateLimited
                | RefusalKind::Server
        );
        (explains || !self.has_groupings).then_some(refusal)
    }

    /// Settles what every Tweet × metric is: values that are disowned go, and what has none gets its one row.
    fn account(mut self) -> Answer {
        let is_series = self.request.endpoint().is_series();
        let echoed = self.start.zip(self.end).and_then(|(start, end)| {
            let window = Window::covering(start, end).ok();
            // No series is longer. To look for what is missing in one of a thousand years would cost as much.
            let window = window.filter(|window| !is_series || window.len_hours() <= WINDOW_MAX_HOURS);
            if window.is_none() {
                self.rows.warnings.add(|| Warning::BadWindow { found: format!("{start} to {end}") });
            }
            window
        });
        let window = if is_series { self.request.window().or(echoed) } else { None };
        if let (Some(asked), Some(echoed)) = (self.request.window(), echoed)
            && asked != echoed
        {
            self.rows.warnings.add(|| Warning::OtherWindow { window: echoed });
        }
        if let (None, Some(window)) = (self.rows.window, window) {
            self.rows.clip(&self.names, window);
        }
        if let Some(grouping) = self.grouping.filter(|_| !self.rows.has_begun) {
            self.rows
                .warnings
                .add(|| Warning::NoGrouping { name: clean_words(grouping.name(), LONGEST_WORD) });
        }
        let errors: Vec<String> =
            self.messages.iter().map(|message| clean_words(&message.text, LONGEST_ERROR)).collect();
        let verdict = Verdict::new(&self.messages, &self.unavailable, &self.unsupported);
        if verdict.disowns_anything() {
            self.rows.disown(&self.names, &verdict);
        }
        let sent = self.rows.rows.len();
        self.rows.add_missing(&self.names, &verdict, window);
        let survey = if self.rows.rows.len() == sent { self.rows.survey() } else { Survey::default() };
        Answer {
            window: echoed,
            rows: self.rows.rows,
            survey,
            unasked_metrics: self.names.into_new_metrics(),
            unavailable: self.unavailable,
            unsupported: self.unsupported,
            errors,
            warnings: self.rows.warnings.kept,
            warnings_left_out: self.rows.warnings.left_out,
        }
    }
}

/// As which a body is read that came with a 200.
const SUCCESS: u16 = 200;
/// As long as a message with 250 ids.
const LONGEST_ERROR: usize = 8_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_have_no_room_to_make_for_hours() {
        let request = Request::totals(
            [TweetId::new(1).unwrap()],
            [Metric::Favorites],
            ["g=tweet.id,engagement.type".parse().unwrap()],
        )
        .unwrap();
        assert!(!request.endpoint().is_series());
        assert_eq!(Reading::new(&request, &Limits::default(), 1 << 20).rows.rows.capacity(), 1);
    }
}
