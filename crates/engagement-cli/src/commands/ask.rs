//! `engagement totals`, `28hr` and `historical`.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io,
    num::NonZeroU32,
    path::Path,
    sync::Arc,
    time::Instant,
};

use engagement::{
    Account, App, Batch, Client, Metrics, Outcomes, Owners, ProblemKind, Query, Resolution, Who,
    model::{Endpoint, InvalidRequest, Metric, TweetId, Window, outcome::clean_words},
    transport::{Event, Quota, Waiting},
};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cli::{Ask, By, Command, FailOn, Format, Range},
    commands::emulator::Embedded,
    credentials::Credentials,
    exit::{Exit, Failure},
    id_list,
    parse::Moment,
    print,
    progress::Progress,
    rows::Rows,
    settings::Settings,
    signal, summary,
    talk::Talk,
};

/// What is asked, whichever command asks.
pub(crate) struct Question {
    endpoint: Endpoint,
    ask: Ask,
    by: By,
    range: Option<Range>,
}

impl TryFrom<Command> for Question {
    type Error = Failure;

    fn try_from(command: Command) -> Result<Self, Failure> {
        Ok(match command {
            Command::Totals(ask) => Self { endpoint: Endpoint::Totals, ask, by: By::Total, range: None },
            Command::Last28Hours { ask, resolution } => {
                Self { endpoint: Endpoint::Last28Hours, ask, by: resolution.by, range: None }
            }
            Command::Historical { ask, resolution, range } => {
                Self { endpoint: Endpoint::Historical, ask, by: resolution.by, range: Some(range) }
            }
            _ => return Err(Failure::new(Exit::Bug, "dispatch", "this command asks nothing")),
        })
    }
}

/// Runs it.
pub(crate) async fn run(question: Question, settings: &Settings, talk: &Talk) -> Result<Exit, Failure> {
    let embedded = if settings.is_emulator() { Some(Embedded::start().await?) } else { None };
    ask(question, settings, embedded.as_ref(), talk).await
}

/// Asks, the emulator if there is one, else the API.
pub(crate) async fn ask(
    question: Question,
    settings: &Settings,
    embedded: Option<&Embedded>,
    talk: &Talk,
) -> Result<Exit, Failure> {
    let Question { endpoint, ask, by, range } = question;
    let begun = Instant::now();
    let metrics = metrics(&ask, endpoint, talk)?;
    let format = ask_format(&ask, settings)?;
    let range = range.map(|range| window(&range, Timestamp::now(), talk)).transpose()?;
    let tweet_ids = id_list::read(&ask.ids, talk)?;
    let owners = match &ask.owners {
        Some(path) => read_owners(path)?,
        None => Owners::default(),
    };
    let credentials = match embedded {
        Some(embedded) => embedded.credentials(),
        None if ask.dry_run => Credentials::from_environment(talk)?,
        None => Credentials::from_environment(talk)?.require()?,
    };
    let base_url = embedded.map(Embedded::url).or(settings.base_url.as_deref());
    let client = client(&ask, settings, credentials, base_url, talk)?;
    if let Some(range) = range
        && engagement::model::request::reaches_beyond_365_days(range, client.now())
    {
        talk.warn(
            "the range begins more than 365 days ago; newer documentation says that data reaches no further back, \
             so the server may refuse it",
        );
    }
    let mut query = match range {
        Some(range) => client.historical(tweet_ids.iter().copied(), range),
        None if endpoint == Endpoint::Totals => client.totals(tweet_ids.iter().copied()),
        None => client.last_28_hours(tweet_ids.iter().copied()),
    };
    query = query.metrics(metrics).owners(owners).who(who(&ask)).resolution(match by {
        By::Hour => Resolution::Hour,
        By::Day => Resolution::Day,
        By::Total => Resolution::Total,
    });
    if ask.ask_anyway {
        query = query.ask_anyway();
    }
    if ask.dry_run {
        return dry_run(query, &ask, settings);
    }
    let outcomes = query.send().map_err(|error| refused(&error))?;
    let rows = Rows::open(format, settings.out.as_deref(), ask.wide)?;
    let mut run = Run { talk, account: summary::Account::new(&tweet_ids), happened: Vec::new() };
    let effort = run.follow(outcomes, rows).await;
    let summary = run.account.close(effort, begun.elapsed());
    talk.say(&summary.line());
    if let Some(path) = &ask.summary {
        summary.write(path)?;
    }
    if summary.cells.is_incomplete() || summary.tweets.unaccounted > 0 {
        run.happened.push(Exit::Incomplete);
    }
    let strict = |state: &FailOn| match state {
        FailOn::Unavailable => summary.tweets.unavailable + summary.cells.unavailable > 0,
        FailOn::Unsupported => summary.tweets.unsupported + summary.cells.unsupported > 0,
    };
    if ask.fail_on.iter().any(strict) {
        run.happened.push(Exit::Incomplete);
    }
    Ok(Exit::of_all(&run.happened, summary.cells.ok > 0))
}

/// Prints what would be sent.
fn dry_run(query: Query, ask: &Ask, settings: &Settings) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Plan<'a> {
        requests: u64,
        lower_bound: u64,
        by_endpoint: BTreeMap<&'a str, u64>,
        by_owner: &'a BTreeMap<String, u64>,
        ids: u64,
        skipped: Skipped,
        minutes_at_quota: Option<f64>,
    }
    #[derive(Serialize)]
    struct Skipped {
        unsupported: u64,
    }
    let quota = ask.quota.or(settings.quota).map(|rate| rate.0.get());
    let forecast = query.forecast(quota).map_err(|error| refused(&error))?;
    if settings.output == Some(Format::Json) {
        let plan = Plan {
            requests: forecast.requests,
            lower_bound: forecast.lower_bound,
            by_endpoint: forecast.by_endpoint.iter().map(|(endpoint, n)| (endpoint.name(), *n)).collect(),
            by_owner: &forecast.by_owner,
            ids: forecast.ids,
            skipped: Skipped { unsupported: forecast.skipped_unsupported },
            minutes_at_quota: forecast.minutes_at_quota,
        };
        return print(&format!("{}\n", serde_json::to_string(&plan).unwrap_or_default()));
    }
    let mut text = format!(
        "{} requests for {} Tweets (no fewer than {} could do), {} cells not asked for because the API does not serve \
         them\n",
        forecast.requests, forecast.ids, forecast.lower_bound, forecast.skipped_unsupported
    );
    for (owner, requests) in &forecast.by_owner {
        let owner = if owner.is_empty() { "app-only" } else { owner };
        text.push_str(&format!("{requests} {owner}\n"));
    }
    if let Some(minutes) = forecast.minutes_at_quota {
        text.push_str(&format!("{minutes:.1} minutes at the quota\n"));
    }
    print(&text)
}

/// A query on its way.
struct Run<'a> {
    talk: &'a Talk,
    account: summary::Account,
    happened: Vec<Exit>,
}

impl Run<'_> {
    /// Writes what comes until all is there, or until a signal or the output's end stops it.
    async fn follow(&mut self, mut outcomes: Outcomes, mut rows: Rows) -> engagement::Effort {
        let mut progress = Progress::new(self.talk, self.account.asked());
        let mut stopped = std::pin::pin!(signal::stopped());
        let mut stopping = false;
        loop {
            let batch = tokio::select! {
                biased;
                exit = &mut stopped, if !stopping => {
                    stopping = true;
                    self.happened.push(exit);
                    outcomes.stop("not asked: stopped by a signal");
                    continue;
                }
                batch = outcomes.next() => batch,
            };
            let Some(batch) = batch else { break };
            progress.clear();
            self.note(&batch, stopping);
            if let Err(error) = rows.write(&batch) {
                self.output_failed(&error);
                outcomes.stop("not asked: the output cannot be written");
                // The rest is still accounted for, though there is nowhere to write it.
                while let Some(batch) = outcomes.next().await {
                    self.note(&batch, true);
                }
                return outcomes.effort();
            }
            progress.show(self.account.done(), outcomes.effort().requests);
        }
        progress.clear();
        if let Err(error) = rows.finish() {
            self.output_failed(&error);
        }
        outcomes.effort()
    }

    fn note(&mut self, batch: &Batch, stopping: bool) {
        for row in &batch.rows {
            self.account.add(row);
        }
        for warning in &batch.warnings {
            self.talk.warn(warning);
        }
        for problem in &batch.problems {
            let exit = match problem.kind {
                ProblemKind::Authentication => Exit::Authentication,
                ProblemKind::Quota => Exit::Quota,
                ProblemKind::Network | ProblemKind::Server | ProblemKind::Malformed => Exit::Network,
                ProblemKind::Stopped if stopping => continue,
                _ => Exit::Incomplete,
            };
            // The same words for each of a thousand batches help nobody.
            if !self.happened.contains(&exit) || self.talk.is_verbose() {
                self.talk.problem(&problem.message);
            }
            self.happened.push(exit);
        }
    }

    fn output_failed(&mut self, error: &io::Error) {
        // Who closes the pipe has seen enough.
        if error.kind() != io::ErrorKind::BrokenPipe {
            self.talk.problem(&format!("the output cannot be written: {error}"));
            self.happened.push(Exit::Storage);
        }
    }
}

fn client(
    ask: &Ask,
    settings: &Settings,
    credentials: Credentials,
    base_url: Option<&str>,
    talk: &Talk,
) -> Result<Client, Failure> {
    let mut builder = Client::builder();
    if let Some(url) = base_url {
        builder = builder.base_url(url);
    }
    if let Some(app) = credentials.app {
        builder = builder.app(app);
    }
    for account in credentials.accounts {
        builder = builder.account(account);
    }
    if let Some(timeout) = settings.timeout {
        builder = builder.timeout(timeout);
    }
    if let Some(rate) = ask.quota.or(settings.quota) {
        builder = builder.quota(Quota::per_minute(NonZeroU32::get(rate.0)));
    }
    if let Some(requests) = ask.concurrency.or(settings.concurrency) {
        builder = builder.concurrency(requests.into());
    }
    if let Some(requests) = ask.max_requests {
        builder = builder.max_requests(requests);
    }
    if let Some(pem) = &settings.extra_roots {
        builder = builder.extra_roots(pem.clone());
    }
    let talk = talk.clone();
    builder.on_event(move |event| tell(event, &talk)).build().map_err(|error| refused(&error))
}

/// What goes on below, for people.
pub(crate) fn tell(event: &Event<'_>, talk: &Talk) {
    match event {
        Event::Waiting { why, delay, until, .. } => {
            let why = match why {
                Waiting::Refused => "the server says that the quota is used up",
                Waiting::Second => "the quota of this second is used up",
                _ => "the quota of this minute is used up",
            };
            let until =
                Timestamp::try_from(*until).map_or_else(|_| String::new(), |until| format!("{until:.0}"));
            talk.say(&format!("{why}; going on in {:.0} s, at {until}", delay.as_secs_f64().ceil()));
        }
        Event::Retrying { attempt, reason, delay, path, .. } => talk.detail(&format!(
            "{path}: attempt {attempt} failed ({reason}); again in {:.1} s",
            delay.as_secs_f64()
        )),
        Event::QuotaLearnt { per_minute: Some(calls), .. } => {
            talk.detail(&format!("the server allows {calls} requests a minute"));
        }
        Event::ClockSkew { ahead, .. } => talk.warn(&format!(
            "the server's clock is {ahead} s ahead of this machine's; signing by the server's clock"
        )),
        Event::Sending { path, attempt, .. } => talk.trace(&format!("POST {path}, attempt {attempt}")),
        _ => {}
    }
}

fn who(ask: &Ask) -> Who {
    match &ask.ask_as {
        Some(handle) => Who::Account(handle.clone()),
        None if ask.app => Who::App,
        None => Who::Auto,
    }
}

fn ask_format(ask: &Ask, settings: &Settings) -> Result<Option<Format>, Failure> {
    if !ask.group_by.is_empty() && settings.output != Some(Format::Raw) {
        return Err(
            Failure::usage("--group-by shows the API's own shape, which rows cannot").hint("add -o raw")
        );
    }
    Ok(settings.output)
}

/// `--metrics`, with groups spelt out and legacy names replaced.
fn metrics(ask: &Ask, endpoint: Endpoint, talk: &Talk) -> Result<Metrics, Failure> {
    if ask.metrics.is_empty() {
        return Ok(Metrics::Allowed);
    }
    let mut named = Vec::new();
    for name in &ask.metrics {
        match name.as_str() {
            "all" => named.extend(endpoint.metrics()),
            "public" => named.extend(endpoint.metrics().filter(Metric::is_public)),
            "private" => named.extend(endpoint.metrics().filter(|metric| !metric.is_public())),
            name => named.push(metric(name, ask.allow_unknown_metrics, talk)?),
        }
    }
    if let Some(misplaced) = named.iter().find(|metric| !metric.is_served_by(endpoint)) {
        return Err(refused(&InvalidRequest::MisplacedMetric { endpoint, metric: misplaced.clone() }.into()));
    }
    Ok(Metrics::Named(named))
}

fn metric(name: &str, allow_unknown: bool, talk: &Talk) -> Result<Metric, Failure> {
    if let Some(metric) = Metric::formerly(name) {
        talk.warn(&format!("{name} is now called {metric}"));
        return Ok(metric);
    }
    match name.parse() {
        Ok(metric) => Ok(metric),
        Err(_) if allow_unknown && !name.is_empty() => {
            talk.warn(&format!("{} is no metric known here; sent as it is", clean_words(name, 100)));
            Ok(Metric::named(name))
        }
        Err(unknown) => Err(Failure::usage(format!("{unknown} (rule V5)"))
            .hint("a name newer than this version is sent with --allow-unknown-metrics")),
    }
}

/// The range in whole hours; that it was widened is said.
fn window(range: &Range, now: Timestamp, talk: &Talk) -> Result<Window, Failure> {
    let time = |moment: Moment| {
        moment.resolve(now).ok_or_else(|| Failure::usage("the span reaches back beyond the first year"))
    };
    let start = time(range.start)?;
    let end = range.end.map_or(Ok(now), time)?;
    let window = Window::covering(start, end).map_err(Failure::usage)?;
    if window.start().start() != start || window.end().start() != end {
        talk.say(&format!("widened to whole hours: {window}"));
    }
    Ok(window)
}

/// A table with the columns tweet_id and handle.
fn read_owners(path: &Path) -> Result<Owners, Failure> {
    let refuse = |message: String| {
        Failure::new(Exit::Input, "owners", message)
            .hint("a table with the columns tweet_id and handle is needed")
    };
    let file =
        File::open(path).map_err(|error| refuse(format!("{} cannot be read: {error}", path.display())))?;
    let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let bad = |error: csv::Error| refuse(format!("{}: {error}", path.display()));
    let header = table.headers().map_err(bad)?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|cell| cell.trim_start_matches('\u{feff}') == name);
        found.ok_or_else(|| refuse(format!("{} has no column {name}", path.display())))
    };
    let (id_column, handle_column) = (column("tweet_id")?, column("handle")?);
    let mut handles: HashMap<String, Arc<str>> = HashMap::new();
    let mut owners: HashMap<TweetId, Arc<str>> = HashMap::new();
    for record in table.records() {
        let record = record.map_err(bad)?;
        let line = record.position().map_or(0, csv::Position::line);
        let tweet_id = record.get(id_column).unwrap_or_default();
        let tweet_id: TweetId =
            tweet_id.parse().map_err(|error| refuse(format!("{}, line {line}: {error}", path.display())))?;
        let handle = record.get(handle_column).unwrap_or_default().trim_start_matches('@');
        if handle.is_empty() {
            continue;
        }
        let handle = handles.entry(handle.to_owned()).or_insert_with(|| handle.into()).clone();
        if let Some(other) = owners.insert(tweet_id, handle.clone())
            && other != handle
        {
            return Err(refuse(format!(
                "{}, line {line}: {tweet_id} belongs to {handle} here and to {other} above",
                path.display()
            )));
        }
    }
    Ok(owners.into_iter().collect())
}

/// A query or client that is refused before anything is sent.
pub(crate) fn refused(error: &engagement::Error) -> Failure {
    use engagement::ErrorKind;
    let message = describe(error);
    match error.kind() {
        ErrorKind::NoCredential | ErrorKind::NoConsumer { .. } => {
            Failure::new(Exit::Authentication, "no_credentials", message).hint(
                "set ENGAGEMENT_CONSUMER_KEY and ENGAGEMENT_CONSUMER_SECRET, or ENGAGEMENT_BEARER_TOKEN",
            )
        }
        ErrorKind::NeedsOwner { .. } => Failure::new(Exit::Authentication, "needs_owner", message)
            .hint("name the account with --as HANDLE, or the owners with --owners FILE"),
        ErrorKind::UnknownAccount { .. } => Failure::new(Exit::Authentication, "unknown_account", message)
            .hint("check the handle, or leave out --as"),
        ErrorKind::Request(InvalidRequest::NoTweetIds) => Failure::new(Exit::Input, "no_ids", message),
        _ => Failure::usage(message),
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        next = cause.source();
    }
    words
}

impl Embedded {
    /// The demo world's app and accounts.
    fn credentials(&self) -> Credentials {
        let mut credentials = Credentials::default();
        if let Some(app) = self.apps().first() {
            credentials.app = Some(
                App::consumer(app.consumer_key.clone(), app.consumer_secret.clone())
                    .with_bearer(app.bearer_token.clone()),
            );
        }
        credentials.accounts = self
            .accounts()
            .iter()
            .map(|account| {
                Account::new(account.access_token.clone(), account.access_token_secret.clone())
                    .handle(account.screen_name.clone())
            })
            .collect();
        credentials
    }
}
