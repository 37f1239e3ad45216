//! Who asks, as values. Where secrets come from is not this crate's business.

use core::fmt;
use std::sync::Arc;

use engagement_model::{Access, AccountNames};
use engagement_transport::Authorization;
use oauth_core::{Credentials, Secret, three_legged::owner_id};

/// The app: what asks for public metrics of any public Tweet.
#[derive(Clone, Debug)]
pub struct App {
    consumer: Option<Credentials>,
    bearer: Option<Secret>,
}

impl App {
    /// An app by its consumer key and secret. Needed for everything but app-only requests with a bearer token.
    pub fn consumer(key: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { consumer: Some(Credentials::consumer(key, secret)), bearer: None }
    }

    /// An app by its bearer token alone, which reads public metrics only.
    pub fn bearer(token: impl Into<Secret>) -> Self {
        Self { consumer: None, bearer: Some(token.into()) }
    }

    /// The same app with a bearer token, which app-only requests then use.
    #[must_use]
    pub fn with_bearer(mut self, token: impl Into<Secret>) -> Self {
        self.bearer = Some(token.into());
        self
    }

    /// Consumer key and secret, and the bearer token, as far as they are known.
    pub(crate) fn parts(&self) -> (Option<&Credentials>, Option<&Secret>) {
        (self.consumer.as_ref(), self.bearer.as_ref())
    }

    /// What of it must not show.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = Secret> {
        let consumer = self.consumer.iter();
        consumer
            .flat_map(|consumer| [Secret::from(consumer.consumer_key()), consumer.consumer_secret().clone()])
            .chain(self.bearer.clone())
    }

    /// Asks app-only: with the bearer token, else signed with consumer key and secret.
    pub(crate) fn caller(&self) -> Option<Caller> {
        let authorization = match (&self.bearer, &self.consumer) {
            (Some(token), _) => Authorization::Bearer(token.clone()),
            (None, Some(consumer)) => Authorization::oauth1(consumer),
            (None, None) => return None,
        };
        Some(Caller { authorization, access: Access::AppOnly, owner: None, user_id: None, only_named: false })
    }

    pub(crate) fn user(&self, account: &Account) -> Option<Caller> {
        let credentials = self.consumer.clone()?.with_token(account.token.clone(), account.secret.clone());
        Some(Caller {
            authorization: Authorization::oauth1(&credentials),
            access: Access::Owner,
            owner: Some(account.name().into()),
            user_id: account.user_id(),
            only_named: account.only_named,
        })
    }
}

/// An account that has authorised the app: what asks for all metrics of the account's own Tweets.
#[derive(Clone)]
pub struct Account {
    handle: Option<String>,
    token: Secret,
    secret: Secret,
    only_named: bool,
}

impl Account {
    /// An account by its access token and the token's secret.
    pub fn new(token: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        Self { handle: None, token: token.into(), secret: secret.into(), only_named: false }
    }

    /// The account's screen name, without `@`.
    #[must_use]
    pub fn handle(mut self, handle: impl Into<String>) -> Self {
        self.handle = Some(handle.into());
        self
    }

    /// The same account, to ask only where it is named: as an owner, or by [`Who::Account`](crate::Who::Account). It is not
    /// the one that Tweets of unknown owner are tried with, and keeps no other from being it.
    #[must_use]
    pub fn only_named(mut self) -> Self {
        self.only_named = true;
        self
    }

    /// What of it must not show.
    pub(crate) fn secrets(&self) -> [&Secret; 2] {
        [&self.token, &self.secret]
    }

    /// The account's numeric id, which stands before the dash of an access token (seen in the documentation's
    /// examples, not stated).
    pub fn user_id(&self) -> Option<u64> {
        owner_id(&self.token)?.parse().ok()
    }

    /// The handle, else the user id, else `user`.
    pub fn name(&self) -> String {
        self.names().shown()
    }

    /// Whether `name` means this account: its handle in any case, with or without `@`, or its user id.
    pub fn is(&self, name: &str) -> bool {
        self.names().include(name)
    }

    pub(crate) fn names(&self) -> AccountNames<'_> {
        AccountNames { handle: self.handle.as_deref(), user_id: self.user_id() }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// A credential, ready to be used.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) authorization: Authorization,
    pub(crate) access: Access,
    /// Whose token it is.
    pub(crate) owner: Option<Arc<str>>,
    pub(crate) user_id: Option<u64>,
    /// Whether Tweets of unknown owner are not for it.
    pub(crate) only_named: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_answers_to_its_handle_and_to_the_id_in_its_token() {
        let account = Account::new("1111-demo-access-token", "s").handle("demo_brand");
        assert!(account.is("demo_brand") && account.is("1111") && !account.is("demo"));
        assert_eq!(Account::new("1111-x", "s").name(), "1111");
    }

    #[test]
    fn nothing_secret_is_shown() {
        let account = Account::new("1111-canary-token", "canary-secret").handle("demo_brand");
        let app = App::consumer("key", "canary-consumer").with_bearer("canary-bearer");
        let shown = format!("{account:?} {app:?} {:?} {:?}", app.caller(), app.user(&account));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
