//! What the API says when it does not answer.

use core::fmt;

use crate::{
    answer::Limits,
    json::{Fault, Scanner},
    metric::Metric,
    outcome::clean_words,
    tweet_id::TweetId,
};

/// An answer that is none: status and body of an error, read as far as they can be.
///
/// Bodies come in seven shapes (contract 5.1): a list of texts under `errors`, the same beside lists of ids, a bare
/// list of texts, objects with code and message, a problem document, XML or HTML or plain text or nothing, and any of
/// the JSON ones inside a 200.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The status that it came with.
    pub status: u16,
    /// What it means.
    pub kind: RefusalKind,
    /// The server's words as it sent them, cleaned: support asks for them.
    pub messages: Vec<String>,
    /// The codes that came with the words, such as 89 or 135.
    pub codes: Vec<u32>,
    /// The Tweets that it lists as unavailable.
    pub unavailable: Vec<TweetId>,
    /// The metrics that it does not serve for a Tweet because of the Tweet's age, by its lists.
    pub unsupported: Vec<(TweetId, Metric)>,
    /// Whether the body is a page for a browser, or other markup that the API does not speak: it comes from what stands
    /// before the API, which has not looked at what is asked (a guess).
    pub is_page: bool,
}

/// Codes of the API's errors (contract 6.5: 89, 99 and 220 are documented where they come, 32, 135 and 215 were seen in
/// the wild; of 34 and 88 the documentation has the meaning).
pub mod code {
    /// Credentials or signature are wrong.
    pub const NOT_AUTHENTICATED: u32 = 32;
    /// There is nothing at this path or host.
    pub const NO_PAGE: u32 = 34;
    /// The quota is used up.
    pub const RATE_LIMIT: u32 = 88;
    /// A token, a user's or a bearer's, is unknown or revoked.
    pub const INVALID_TOKEN: u32 = 89;
    /// Where bearer tokens are given and taken back: key and secret are wrong, the token is unknown, asked too often.
    pub const NOT_VERIFIED: u32 = 99;
    /// The timestamp lies too far from the server's clock.
    pub const TIMESTAMP: u32 = 135;
    /// Credentials are missing or malformed.
    pub const BAD_DATA: u32 = 215;
    /// The app asks for what only an owner may have.
    pub const NO_ACCESS: u32 = 220;
    /// Those that say that the credential is not accepted.
    pub const OF_CREDENTIAL: [u32; 4] = [NOT_AUTHENTICATED, INVALID_TOKEN, NOT_VERIFIED, BAD_DATA];
}

/// What a refusal means, and so what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The credential is unknown, revoked or wrongly signed: stop using it.
    Authentication,
    /// The timestamp lies too far from the server's clock: compare it with the `Date` header and sign again, once.
    ClockOff,
    /// The app is not provisioned for the product: only its owner's account manager can help. (The words were seen in
    /// the wild; that they come with a 403 is a guess.)
    NotProvisioned,
    /// The credential may not read these Tweets: ask for the rest, and app-only for these.
    ForbiddenTweets {
        /// The Tweets that are named; none when the server names none.
        tweet_ids: Vec<TweetId>,
        /// Whose they are, by user id, where the older form of the message says so (seen in the wild).
        authors: Vec<(TweetId, u64)>,
    },
    /// The credential may not read these metrics: leave them out. (Seen in the wild.)
    ForbiddenMetrics {
        /// The metrics that are named.
        metrics: Vec<Metric>,
    },
    /// The app asks alone where an owner's token is needed (documented for the api host).
    NeedsOwner,
    /// A 403 of the API's own that names nothing.
    Forbidden,
    /// None of the Tweets is available: the listed ones, or all where none is listed.
    UnavailableTweets,
    /// All the Tweets are too old for all the metrics asked for. (The words are documented; that they come as a 400
    /// where nothing is left is a guess.)
    TooOld,
    /// The request breaks a rule: a fault of this program or of its user.
    BadRequest,
    /// The API is not on this host: the path exists on the data-api hosts only.
    WrongHost,
    /// There is nothing at this URL.
    NotFound,
    /// The request did not offer to take gzip.
    NeedsGzip,
    /// The quota is used up: wait.
    RateLimited,
    /// The server's own trouble, or a proxy's: back off and try again.
    Server,
    /// Anything else: not known to be worth another attempt.
    Other,
}

impl Refusal {
    /// Reads any status and body. Never fails: of a body that cannot be read, its text is kept.
    ///
    /// The status says more than the words, and codes say more than texts (contract 5.1); words decide only where the
    /// others leave it open. A 200 is read as what its words say.
    pub fn read(status: u16, body: &[u8]) -> Self {
        let found = Findings::read(body).unwrap_or_else(|| Findings::of_text(body));
        let kind = found.kind(status);
        Self {
            status,
            kind,
            messages: found
                .messages
                .iter()
                .map(|message| clean_words(&message.text, LONGEST_MESSAGE))
                .collect(),
            codes: found.messages.iter().filter_map(|message| message.code).collect(),
            unavailable: found.unavailable,
            unsupported: found.unsupported,
            is_page: found.is_page,
        }
    }

    /// Whether the same request may do better later (contract 7.3). A clock that is off is for the signer.
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind, RefusalKind::RateLimited | RefusalKind::Server)
    }

    /// Whether the credential is at fault, so that no other request with it will do better.
    pub const fn blames_credential(&self) -> bool {
        matches!(self.kind, RefusalKind::Authentication | RefusalKind::NotProvisioned)
    }

    /// Whether it is about Tweets or metrics, and not about the request, the credential or the server.
    pub const fn names_cells(&self) -> bool {
        matches!(
            self.kind,
            RefusalKind::ForbiddenTweets { .. }
                | RefusalKind::ForbiddenMetrics { .. }
                | RefusalKind::Forbidden
                | RefusalKind::NeedsOwner
                | RefusalKind::UnavailableTweets
                | RefusalKind::TooOld
        )
    }

    /// The server's words in one line; empty when it had none.
    pub fn words(&self) -> String {
        self.messages.join("; ")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.kind {
            RefusalKind::Authentication => "the server does not accept the credential",
            RefusalKind::ClockOff => "the server does not accept the time of the signature",
            RefusalKind::NotProvisioned => "the app is not provisioned for the Engagement API",
            RefusalKind::ForbiddenTweets { .. } => "the credential may not read these Tweets",
            RefusalKind::ForbiddenMetrics { .. } => "the credential may not read these metrics",
            RefusalKind::NeedsOwner => "the credential is the app's, and an owner's token is needed",
            RefusalKind::Forbidden => "the server forbids the request",
            RefusalKind::UnavailableTweets => "the Tweets are unavailable",
            RefusalKind::TooOld => "the Tweets are too old for what was asked",
            RefusalKind::BadRequest => "the server does not understand the request",
            RefusalKind::WrongHost => "the Engagement API is not on this host",
            RefusalKind::NotFound => "the server has nothing at this URL",
            RefusalKind::NeedsGzip => "the server answers only with gzip",
            RefusalKind::RateLimited => "the quota is used up",
            RefusalKind::Server => "the server is in trouble",
            RefusalKind::Other => "the server refuses the request",
        };
        write!(f, "{what} (status {})", self.status)?;
        if self.messages.is_empty() { Ok(()) } else { write!(f, ": {}", self.words()) }
    }
}

/// One thing that a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) code: Option<u32>,
    /// As it was sent.
    pub(crate) text: String,
}

/// What texts about forbidden things name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) tweet_ids: Vec<TweetId>,
    pub(crate) authors: Vec<(TweetId, u64)>,
    pub(crate) metrics: Vec<Metric>,
    /// Something is forbidden and not named.
    pub(crate) unnamed: bool,
    /// Tweets are forbidden, named or not.
    pub(crate) tweets: bool,
}

impl Named {
    /// Reads `Forbidden to access tweets: 1, 2`, its older form with `for author id N`, and `Forbidden to access
    /// metrics: a, b`: what stands behind the last colon, divided by commas (contract 5.2).
    pub(crate) fn read<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut named = Self::default();
        for text in texts {
            let lower = text.to_ascii_lowercase();
            if !lower.contains("forbidden") {
                continue;
            }
            let (before, list) = text.rsplit_once(':').unwrap_or((text, ""));
            let mut items = list
                .split(',')
                .map(|item| item.trim().trim_end_matches(['.', ';', ']']).trim_matches(['"', '\'', ' ']))
                .filter(|item| !item.is_empty())
                .peekable();
            named.unnamed |= items.peek().is_none();
            if lower.contains("metric") {
                named.metrics.extend(items.map(Metric::named));
            } else {
                named.tweets = true;
                let ids: Vec<TweetId> = items.filter_map(|item| item.parse().ok()).collect();
                named.unnamed |= ids.is_empty();
                if let Some(author) = author(before) {
                    named.authors.extend(ids.iter().map(|id| (*id, author)));
                }
                named.tweet_ids.extend(ids);
            }
        }
        once_each(&mut named.tweet_ids);
        once_each(&mut named.authors);
        named
    }
}

/// Reads the value of a root key `errors`: a text, an object, or a list of both.
pub(crate) fn read_messages(scan: &mut Scanner<'_>, messages: &mut Vec<Message>) -> Result<(), Fault> {
    if scan.peek()? != b'[' {
        return read_message(scan, messages);
    }
    if !scan.enter_list()? {
        return Ok(());
    }
    let mut width = 0;
    loop {
        read_message(scan, messages)?;
        if !scan.more_items(&mut width)? {
            return Ok(());
        }
    }
}

/// Reads a list of ids, as texts or numbers. What is neither is handed to `odd`.
pub(crate) fn read_ids<'a>(
    scan: &mut Scanner<'a>,
    ids: &mut Vec<TweetId>,
    mut odd: impl FnMut(&'a str),
) -> Result<(), Fault> {
    if scan.peek()? != b'[' {
        let start = scan.offset();
        scan.skip_value()?;
        odd(scan.since(start));
        return Ok(());
    }
    if !scan.enter_list()? {
        return Ok(());
    }
    let mut width = 0;
    loop {
        let first = scan.peek()?;
        let start = scan.offset();
        let id = match first {
            b'"' => scan.string()?.name().parse::<TweetId>().ok(),
            b'0'..=b'9' => scan.number()?.parse::<TweetId>().ok(),
            _ => {
                scan.skip_value()?;
                None
            }
        };
        match id {
            Some(id) => ids.push(id),
            None => odd(scan.since(start)),
        }
        if !scan.more_items(&mut width)? {
            once_each(ids);
            return Ok(());
        }
    }
}

/// The metrics whose too old Tweets an answer lists under this root key.
pub(crate) fn metrics_listed_under(key: &str) -> impl Iterator<Item = Metric> {
    Metric::ALL.into_iter().filter(move |metric| {
        metric.facts().and_then(|facts| facts.age_list_key).is_some_and(|listed| listed == key)
    })
}

/// The root key that lists what is unavailable.
pub(crate) const UNAVAILABLE: &str = "unavailable_tweet_ids";

#[derive(Default)]
struct Findings {
    messages: Vec<Message>,
    unavailable: Vec<TweetId>,
    unsupported: Vec<(TweetId, Metric)>,
    /// Whether it is markup that the API does not speak, such as a page for a browser.
    is_page: bool,
    /// Whether it is JSON in a form of the API's errors, or nothing at all, which the API is known to send as well.
    is_own: bool,
}

impl Findings {
    /// What a JSON body says; `None` when it is none, or a broken one.
    fn read(body: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        let mut scan = Scanner::new(body, &Limits::default()).ok()?;
        match scan.peek().ok()? {
            b'{' => found.read_object(&mut scan).ok()?,
            b'[' => {
                read_messages(&mut scan, &mut found.messages).ok()?;
                found.is_own = !found.messages.is_empty();
            }
            b'"' => read_messages(&mut scan, &mut found.messages).ok()?,
            _ => return None,
        }
        scan.is_at_end().then_some(found)
    }

    fn read_object(&mut self, scan: &mut Scanner<'_>) -> Result<(), Fault> {
        let mut document = Document::default();
        if !scan.enter_object()? {
            return Ok(());
        }
        let mut width = 0;
        loop {
            let key = scan.key()?.name();
            match &*key {
                "errors" | "error" => {
                    read_messages(scan, &mut self.messages)?;
                    self.is_own |= key == "errors" && !self.messages.is_empty();
                }
                UNAVAILABLE => read_ids(scan, &mut self.unavailable, |_| ())?,
                key => {
                    let mut metrics = metrics_listed_under(key).peekable();
                    if metrics.peek().is_some() {
                        let mut ids = Vec::new();
                        read_ids(scan, &mut ids, |_| ())?;
                        self.unsupported.extend(
                            metrics.flat_map(|metric| ids.iter().map(move |id| (*id, metric.clone()))),
                        );
                    } else {
                        document.read(key, scan)?;
                    }
                }
            }
            if !scan.more_members(&mut width)? {
                break;
            }
        }
        // `code` and `message`, or a problem document, at the root: it has no list of errors beside it. A `message` is what
        // gateways have, too.
        self.is_own |= document.is_problem();
        if self.messages.is_empty() {
            self.messages.extend(document.into_message());
        }
        Ok(())
    }

    /// What XML, HTML or plain text says, marks of the language aside.
    fn of_text(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body.get(..LONGEST_PAGE).unwrap_or(body));
        let text = text.trim_start_matches('\u{feff}').trim_start();
        // The XML that the API speaks (contract 5.1).
        let is_own_xml = ["<errors", "<hash"].iter().any(|element| contains(text, element));
        let is_page = text.starts_with('<') && !is_own_xml;
        let is_own = text.is_empty();
        let code = text
            .split_once("code=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .and_then(|(code, _)| code.parse().ok());
        let mut words = String::new();
        let mut inside = true;
        // Whole elements whose content is not for people.
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            if letter == '<' {
                inside = false;
                words.push(' ');
                for hidden in ["script", "style", "head"] {
                    let opened =
                        rest.get(1..=hidden.len()).is_some_and(|name| name.eq_ignore_ascii_case(hidden));
                    if let Some(end) = opened.then(|| find_close(rest, hidden)).flatten() {
                        rest = rest.get(end..).unwrap_or_default();
                        break;
                    }
                }
            } else if letter == '>' {
                inside = true;
            } else if inside {
                words.push(letter);
            }
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        }
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = clean_words(&words, LONGEST_EXCERPT);
        let messages =
            if text.is_empty() && code.is_none() { Vec::new() } else { vec![Message { code, text }] };
        Self { messages, is_page, is_own, ..Self::default() }
    }

    fn kind(&self, status: u16) -> RefusalKind {
        let has_code = |code| self.messages.iter().any(|message| message.code == Some(code));
        let says = |words: &str| self.messages.iter().any(|message| contains(&message.text, words));
        let clock_off = || has_code(code::TIMESTAMP) || says("timestamp out of bounds");
        let unauthenticated = || {
            code::OF_CREDENTIAL.into_iter().any(has_code)
                || says("could not be authenticated")
                || says("could not authenticate you")
        };
        let forbidden = || {
            let named = Named::read(self.messages.iter().map(|message| message.text.as_str()));
            if says("application id is not authorized") {
                RefusalKind::NotProvisioned
            } else if named.tweets {
                RefusalKind::ForbiddenTweets { tweet_ids: named.tweet_ids, authors: named.authors }
            } else if !named.metrics.is_empty() {
                RefusalKind::ForbiddenMetrics { metrics: named.metrics }
            } else {
                RefusalKind::Forbidden
            }
        };
        match status {
            401 if clock_off() => RefusalKind::ClockOff,
            401 => RefusalKind::Authentication,
            403 if unauthenticated() => RefusalKind::Authentication,
            403 if has_code(code::NO_ACCESS) => RefusalKind::NeedsOwner,
            403 if self.is_own => forbidden(),
            // The API forbids in JSON or without a word. Whoever says it otherwise, in the API's words and with names, means these; all
            // else comes from what stands before the API and has not looked at what is asked (a guess).
            403 => match forbidden() {
                RefusalKind::NotProvisioned => RefusalKind::NotProvisioned,
                RefusalKind::ForbiddenTweets { tweet_ids, authors }
                    if !tweet_ids.is_empty() && says("forbidden to access tweets") =>
                {
                    RefusalKind::ForbiddenTweets { tweet_ids, authors }
                }
                RefusalKind::ForbiddenMetrics { metrics } if says("forbidden to access metrics") => {
                    RefusalKind::ForbiddenMetrics { metrics }
                }
                _ => RefusalKind::Other,
            },
            404 if has_code(code::NO_PAGE) => RefusalKind::WrongHost,
            404 => RefusalKind::NotFound,
            406 => RefusalKind::NeedsGzip,
            429 => RefusalKind::RateLimited,
            408 | 500..=599 => RefusalKind::Server,
            200..=299 | 400 if !self.unavailable.is_empty() => RefusalKind::UnavailableTweets,
            200..=299 | 400 if !self.unsupported.is_empty() => RefusalKind::TooOld,
            200..=299 | 400 if clock_off() => RefusalKind::ClockOff,
            200..=299 | 400 if unauthenticated() => RefusalKind::Authentication,
            200..=299 | 400 if has_code(code::RATE_LIMIT) || says("rate limit") => RefusalKind::RateLimited,
            200..=299 if has_code(code::NO_ACCESS) => RefusalKind::NeedsOwner,
            200..=299 if has_code(code::NO_PAGE) => RefusalKind::WrongHost,
            200..=299 if says("forbidden") || says("application id is not authorized") => forbidden(),
            200..=299 if says("internal server error") || says("over capacity") => RefusalKind::Server,
            200..=299 | 400 if says("tweet id(s) are unavailable") => RefusalKind::UnavailableTweets,
            200..=299 | 400 if says("older than 90 days") => RefusalKind::TooOld,
            400 | 413 | 415 | 422 => RefusalKind::BadRequest,
            _ => RefusalKind::Other,
        }
    }
}

/// What an object says of an error, by whichever keys.
#[derive(Default)]
struct Document {
    code: Option<u32>,
    message: Option<String>,
    title: Option<String>,
    detail: Option<String>,
}

impl Document {
    fn read(&mut self, key: &str, scan: &mut Scanner<'_>) -> Result<(), Fault> {
        let first = scan.peek()?;
        let slot = match (key, first) {
            ("code", b'0'..=b'9') => {
                self.code = scan.number()?.parse().ok();
                return Ok(());
            }
            ("code", b'"') => {
                self.code = scan.string()?.name().parse().ok();
                return Ok(());
            }
            ("message" | "error" | "reason", b'"') => &mut self.message,
            ("title", b'"') => &mut self.title,
            ("detail" | "description", b'"') => &mut self.detail,
            _ => return scan.skip_value(),
        };
        let text = scan.string()?.name();
        if slot.is_none() {
            *slot = Some(text.into_owned());
        }
        Ok(())
    }

    /// Whether it is a problem document.
    const fn is_problem(&self) -> bool {
        self.title.is_some() || self.detail.is_some()
    }

    fn into_message(self) -> Option<Message> {
        let words: Vec<String> = [self.message, self.title, self.detail].into_iter().flatten().collect();
        if words.is_empty() && self.code.is_none() {
            return None;
        }
        Some(Message { code: self.code, text: words.join(": ") })
    }
}

fn read_message(scan: &mut Scanner<'_>, messages: &mut Vec<Message>) -> Result<(), Fault> {
    let first = scan.peek()?;
    let start = scan.offset();
    let message = match first {
        b'"' => Some(Message { code: None, text: scan.string()?.name().into_owned() }),
        b'{' => {
            let mut document = Document::default();
            if scan.enter_object()? {
                let mut width = 0;
                loop {
                    let key = scan.key()?.name();
                    document.read(&key, scan)?;
                    if !scan.more_members(&mut width)? {
                        break;
                    }
                }
            }
            document.into_message()
        }
        b'n' => {
            scan.word("null")?;
            return Ok(());
        }
        _ => {
            scan.skip_value()?;
            None
        }
    };
    if messages.len() < MOST_MESSAGES {
        // An error in a form that nobody has seen is still an error: it speaks for itself.
        messages.push(message.unwrap_or_else(|| Message { code: None, text: scan.since(start).to_owned() }));
    }
    Ok(())
}

/// The number behind `author id`.
fn author(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (_, rest) = lower.rsplit_once("author id")?;
    rest.trim_matches([' ', ':']).parse().ok()
}

fn contains(text: &str, lower: &str) -> bool {
    text.to_ascii_lowercase().contains(lower)
}

/// Where the closing tag of the element begins.
fn find_close(html: &str, name: &str) -> Option<usize> {
    html.to_ascii_lowercase().find(&format!("</{name}"))
}

/// Drops repetitions, keeping the first of each. Lists of an answer are short: as many as were asked for.
fn once_each<T: Copy + Ord>(items: &mut Vec<T>) {
    let mut seen = std::collections::BTreeSet::new();
    items.retain(|item| seen.insert(*item));
}

/// 250 ids of 19 digits, with room.
const LONGEST_MESSAGE: usize = 8_000;
const MOST_MESSAGES: usize = 100;
/// Bytes of a page that are looked at.
const LONGEST_PAGE: usize = 16 << 10;
const LONGEST_EXCERPT: usize = 200;
