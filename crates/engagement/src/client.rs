//! The client: who may ask, where, and how fast.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use engagement_model::{
    AccountNames, Endpoint, TweetId, Window,
    plan::{Asker, Target},
};
use engagement_transport::{Clock, Event, Quota, SystemClock, Transport, Url};
use jiff::Timestamp;

use oauth_core::Secret;

use crate::{
    bearer::{self, Bearer, Keeper},
    credential::{Account, App, Caller},
    error::{Error, ErrorKind},
    exchange::{Bodies, settle},
    meter::Meter,
    pools::{Pools, QuotaPool},
    query::Query,
    settled::Settled,
    unit::Unit,
};

/// A client of the API. Cheap to clone; clones share connections, quota and counters.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

impl Client {
    /// Begins with the defaults: the API's own host, no credential.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Asks for lifetime totals.
    pub fn totals(&self, tweet_ids: impl IntoIterator<Item = TweetId>) -> Query {
        Query::new(self.clone(), Target::Totals, tweet_ids.into_iter().collect())
    }

    /// Asks for the last 28 hours, of Tweets whose owner's token is there.
    pub fn last_28_hours(&self, tweet_ids: impl IntoIterator<Item = TweetId>) -> Query {
        Query::new(self.clone(), Target::Last28Hours, tweet_ids.into_iter().collect())
    }

    /// Asks for any range of time, of Tweets whose owner's token is there. More than four weeks are several requests,
    /// whose answers are put together.
    pub fn historical(&self, tweet_ids: impl IntoIterator<Item = TweetId>, range: Window) -> Query {
        Query::new(self.clone(), Target::Historical(range), tweet_ids.into_iter().collect())
    }

    /// Asks wherever it costs least: for lifetime numbers without a range, else for the hours of the range. See
    /// [`Target::Auto`].
    pub fn auto(&self, tweet_ids: impl IntoIterator<Item = TweetId>, range: Option<Window>) -> Query {
        Query::new(self.clone(), Target::Auto(range), tweet_ids.into_iter().collect())
    }

    /// Asks for one unit, and again for what a refusal leaves over, until each of its Tweets × metrics has a row: what a
    /// query does with each of its requests.
    ///
    /// It never fails: what went wrong is in [`Settled::problems`]. Nothing is sent before the future is polled, and
    /// dropping it ends what is in flight. How many are in flight at once is the caller's business, up to the client's
    /// [concurrency](Builder::concurrency): more than these wait for a connection. Once polled, it is to be polled to its
    /// end or dropped: left alone it keeps its place in the queue for quota, before all that came after it.
    pub fn settle(&self, unit: Unit) -> impl Future<Output = Settled> + Send + use<> {
        self.settle_metered(unit, Arc::default())
    }

    /// The same, told to a meter while it goes on.
    pub fn settle_metered(
        &self,
        unit: Unit,
        meter: Arc<Meter>,
    ) -> impl Future<Output = Settled> + Send + use<> {
        let client = self.clone();
        async move {
            settle(&client, &unit, Bodies::Dropped, &meter).await;
            meter.end()
        }
    }

    /// The app, as units and plans name it, if there is one.
    pub fn app(&self) -> Option<Asker> {
        self.0.app()
    }

    /// An account by its handle or user id, as units and plans name it.
    ///
    /// # Errors
    ///
    /// There is no token of an account of that name.
    pub fn account(&self, name: &str) -> Result<Asker, Error> {
        Ok(self.0.account(name)?)
    }

    /// The accounts that there are tokens of, and their names.
    pub fn accounts(&self) -> impl Iterator<Item = (Asker, &Arc<str>)> {
        self.0.accounts()
    }

    /// The account that Tweets of unknown owner are tried with: the only one, but for those that ask
    /// [only where they are named](crate::Account::only_named).
    pub fn only_account(&self) -> Option<Asker> {
        self.0.only_account()
    }

    /// The name of the account; `None` for the app, and for a number that this client did not give.
    pub fn owner(&self, asker: Asker) -> Option<&Arc<str>> {
        self.0.caller(asker)?.owner.as_ref()
    }

    /// The account's numeric id, where its token tells it.
    pub fn user_id(&self, asker: Asker) -> Option<u64> {
        self.0.caller(asker)?.user_id
    }

    /// The transport, for other requests to the same servers.
    pub fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// The quota that all requests draw on, unless there is [one for each of several pools](Builder::quota_pool).
    pub fn quota(&self) -> &Quota {
        self.0.quotas.first()
    }

    /// How many requests it has in flight at once, at most.
    pub fn concurrency(&self) -> usize {
        self.0.concurrency
    }

    /// The time now, by this client's clock.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

/// Settings of a [`Client`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    base_url: String,
    api_url: Option<String>,
    keeper: Option<Keeper>,
    app: Option<App>,
    accounts: Vec<Account>,
    quota: Option<Quota>,
    quota_pool: QuotaPool,
    concurrency: usize,
    max_requests: Option<u64>,
    clock: Arc<dyn Clock>,
    transport: engagement_transport::Builder,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.to_owned(),
            api_url: None,
            keeper: None,
            app: None,
            accounts: Vec::new(),
            quota: None,
            quota_pool: QuotaPool::default(),
            concurrency: CONCURRENCY,
            max_requests: None,
            clock: Arc::new(SystemClock),
            transport: Transport::builder().max_connections(CONCURRENCY),
        }
    }
}

impl Builder {
    /// Where the API is: scheme and host, to which the endpoints' paths are added. Default
    /// `https://data-api.twitter.com`; newer pages print `https://data-api.x.com`. Plain http to loopback only.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Where the OAuth endpoints are. Default: [what belongs](crate::api_url) to the base URL: `https://api.twitter.com`
    /// for the hosts of the API, the base URL itself for any other.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = Some(url.into());
        self
    }

    /// Is given each new bearer token, to keep it for the next client, and may take its time: it runs on a thread for
    /// work that blocks, and requests with the token wait for it. With it an app without a token has one fetched
    /// before its first app-only request; without it only a token that is refused is replaced. Either needs the app's
    /// consumer key and secret.
    pub fn on_bearer(mut self, keep: impl Fn(&Secret) + Send + Sync + 'static) -> Self {
        self.keeper = Some(Keeper(Arc::new(keep)));
        self
    }

    /// The app.
    pub fn app(mut self, app: App) -> Self {
        self.app = Some(app);
        self
    }

    /// An account that has authorised the app; repeatable.
    pub fn account(mut self, account: Account) -> Self {
        self.accounts.push(account);
        self
    }

    /// The calls to draw on. Default: learnt from the server.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// Which requests draw on the same quota. With several pools, each has the limit of [`Builder::quota`], and learns by
    /// itself. Default [`QuotaPool::App`].
    pub fn quota_pool(mut self, pool: QuotaPool) -> Self {
        self.quota_pool = pool;
        self
    }

    /// Requests in flight at once, at least 1. Default 8. There are as many connections, unless
    /// [`Builder::transport`] says otherwise after this.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self.transport = self.transport.max_connections(self.concurrency);
        self
    }

    /// Sends no more requests than this in all, retries included. What is then left is unaccounted, and says so.
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.max_requests = Some(requests);
        self
    }

    /// How long one attempt may take, from connecting to the last byte. Default 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.transport = self.transport.attempt_timeout(timeout);
        self
    }

    /// Certificates in PEM to trust besides the system's.
    pub fn extra_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.transport = self.transport.extra_roots(pem);
        self
    }

    /// Hears of waits, repetitions and what is learnt of the quota.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.transport = self.transport.on_event(hook);
        self
    }

    /// The clock that signatures and age rules go by. Default: the system's.
    pub fn clock(mut self, clock: impl Clock + Clone + 'static) -> Self {
        self.transport = self.transport.clock(clock.clone());
        self.clock = Arc::new(clock);
        self
    }

    /// Changes the transport's own settings.
    pub fn transport(
        mut self,
        change: impl FnOnce(engagement_transport::Builder) -> engagement_transport::Builder,
    ) -> Self {
        self.transport = change(self.transport);
        self
    }

    /// Checks the settings. Opens no connection.
    ///
    /// # Errors
    ///
    /// A base URL that is none or would send credentials unprotected, two accounts of one name, an account without the
    /// app's consumer key and secret, or a transport that cannot be set up.
    pub fn build(self) -> Result<Client, Error> {
        let url = |endpoint: Endpoint| {
            let text = format!("{}{}", self.base_url.trim_end_matches('/'), endpoint.path());
            Url::parse(&text).map_err(engagement_transport::Error::from)
        };
        let urls = [url(Endpoint::Totals)?, url(Endpoint::Last28Hours)?, url(Endpoint::Historical)?];
        let app = self.app.as_ref().and_then(App::caller);
        let bearer = match self.app.as_ref().map(App::parts) {
            Some((Some(consumer), token)) => {
                let api_url = self.api_url.as_deref().unwrap_or_else(|| bearer::api_url(&self.base_url));
                let url = format!("{}/oauth2/token", api_url.trim_end_matches('/'));
                let url = Url::parse(&url).map_err(engagement_transport::Error::from)?;
                Some(Bearer::new(url, consumer, token, self.keeper))
            }
            _ => None,
        };
        let transport = self.transport.build()?;
        // A server may repeat in one answer what it was told in another request.
        for secret in self.app.iter().flat_map(App::secrets) {
            transport.conceal(&secret);
        }
        for secret in self.accounts.iter().flat_map(Account::secrets) {
            transport.conceal(secret);
        }
        let mut owners = Vec::with_capacity(self.accounts.len());
        let mut names = HashMap::new();
        for (account, number) in self.accounts.into_iter().zip(0..) {
            if names.contains_key(&AccountNames::comparable(&account.name())) {
                return Err(ErrorKind::TwoAccounts { account: account.name() }.into());
            }
            let caller = self.app.as_ref().and_then(|app| app.user(&account));
            owners.push(caller.ok_or_else(|| ErrorKind::NoConsumer { account: account.name() })?);
            for name in account.names().all() {
                names.entry(name).or_insert(number);
            }
        }
        Ok(Client(Arc::new(Inner {
            transport,
            urls,
            quotas: Pools::new(self.quota_pool, self.quota.unwrap_or_else(Quota::learnt)),
            app,
            bearer,
            owners,
            names,
            concurrency: self.concurrency,
            allowance: self.max_requests.map(Allowance::new),
            clock: self.clock,
        })))
    }
}

/// What clones of a client share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) transport: Transport,
    urls: [Url; 3],
    pub(crate) quotas: Pools,
    app: Option<Caller>,
    /// The app's proof, where there is more than one.
    pub(crate) bearer: Option<Bearer>,
    owners: Vec<Caller>,
    /// Every name that an account answers to, as [`AccountNames::comparable`] writes it.
    names: HashMap<String, u32>,
    pub(crate) concurrency: usize,
    pub(crate) allowance: Option<Allowance>,
    clock: Arc<dyn Clock>,
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        // Beyond the year 9999 nothing is asked for.
        Timestamp::try_from(self.clock.now()).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn url(&self, endpoint: Endpoint) -> &Url {
        let [totals, last_28_hours, historical] = &self.urls;
        match endpoint {
            Endpoint::Totals => totals,
            Endpoint::Last28Hours => last_28_hours,
            Endpoint::Historical => historical,
        }
    }

    /// The app, if there is one.
    pub(crate) fn app(&self) -> Option<Asker> {
        self.app.as_ref().map(|_| Asker::AppOnly)
    }

    /// The accounts, and their names.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (Asker, &Arc<str>)> {
        self.owners
            .iter()
            .zip(0..)
            .filter_map(|(caller, number)| Some((Asker::Owner(number), caller.owner.as_ref()?)))
    }

    pub(crate) fn only_account(&self) -> Option<Asker> {
        let mut numbered = self.owners.iter().zip(0..).filter(|(caller, _)| !caller.only_named);
        let (_, number) = numbered.next()?;
        numbered.next().is_none().then_some(Asker::Owner(number))
    }

    /// The credential of this number, if this client gave it.
    pub(crate) fn caller(&self, asker: Asker) -> Option<&Caller> {
        match asker {
            Asker::AppOnly => self.app.as_ref(),
            Asker::Owner(number) => self.owners.get(number as usize),
        }
    }

    /// The account of this name.
    pub(crate) fn account(&self, name: &str) -> Result<Asker, ErrorKind> {
        self.names.get(&AccountNames::comparable(name)).map(|number| Asker::Owner(*number)).ok_or_else(|| {
            let names: Vec<&str> =
                self.owners.iter().filter_map(|caller| caller.owner.as_deref()).take(MOST_NAMED).collect();
            let known = match self.owners.len().saturating_sub(names.len()) {
                0 if names.is_empty() => "nobody".to_owned(),
                0 => names.join(", "),
                more => format!("{} and {more} more", names.join(", ")),
            };
            ErrorKind::UnknownAccount { account: name.to_owned(), known }
        })
    }
}

/// How many requests may still be sent.
#[derive(Debug)]
pub(crate) struct Allowance {
    limit: u64,
    left: AtomicU64,
}

impl Allowance {
    fn new(limit: u64) -> Self {
        Self { limit, left: AtomicU64::new(limit) }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// How many are left.
    pub(crate) fn left(&self) -> u32 {
        u32::try_from(self.left.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Gives back what was not used.
    pub(crate) fn give_back(&self, unused: u32) {
        self.left.fetch_add(unused.into(), Ordering::Relaxed);
    }
}

/// Requests in flight at once, unless told otherwise.
const CONCURRENCY: usize = 8;
/// Accounts that an error names.
const MOST_NAMED: usize = 20;
/// The host in every version of the documentation that printed one for long.
const DEFAULT_BASE_URL: &str = "https://data-api.twitter.com";
