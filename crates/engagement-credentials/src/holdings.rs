//! What is held: an app, and the accounts that have authorised it.

use core::fmt;

use engagement_model::AccountNames;
use jiff::Timestamp;
use oauth_core::{Credentials, Secret, three_legged::owner_id};

/// An app and the accounts that have authorised it. Any part may be missing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    /// The app's key and secret.
    pub consumer: Option<Consumer>,
    /// The app's bearer token.
    pub bearer: Option<Secret>,
    /// What the last check of the app found.
    pub checked: Option<Checked>,
    /// The accounts. Each is there once.
    pub accounts: Vec<Account>,
}

impl Holdings {
    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.consumer.is_none() && self.bearer.is_none() && self.accounts.is_empty()
    }

    /// The account of this handle or user id.
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.is(name))
    }

    /// Takes an account in; one that is the same user's gives way to it. Returns whether there was one. Another user who
    /// had the handle has it no longer.
    pub fn put(&mut self, account: Account) -> bool {
        if let Some(handle) = &account.handle {
            for known in self.accounts.iter_mut().filter(|known| !known.is_same_user(&account)) {
                known.handle.take_if(|own| own.eq_ignore_ascii_case(handle));
            }
        }
        match self.accounts.iter_mut().find(|known| known.is_same_user(&account)) {
            Some(known) => {
                let handle = account.handle.clone().or_else(|| known.handle.take());
                *known = Account { handle, ..account };
                true
            }
            None => {
                self.accounts.push(account);
                false
            }
        }
    }

    /// Takes out the account of this handle or user id.
    pub fn take(&mut self, name: &str) -> Option<Account> {
        let at = self.accounts.iter().position(|account| account.is(name))?;
        Some(self.accounts.remove(at))
    }

    /// All of it that must not show.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let consumer = self.consumer.iter().flat_map(|consumer| [&consumer.key, &consumer.secret]);
        let accounts = self.accounts.iter().flat_map(|account| [&account.token, &account.secret]);
        consumer.chain(&self.bearer).chain(accounts)
    }

    /// The app acting for an account. `None` without the app's key and secret.
    pub fn credentials(&self, account: &Account) -> Option<Credentials> {
        let consumer = self.consumer.as_ref()?;
        Some(consumer.credentials().with_token(account.token.clone(), account.secret.clone()))
    }
}

impl fmt::Debug for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holdings")
            .field("consumer", &self.consumer.is_some())
            .field("bearer", &self.bearer.is_some())
            .field("accounts", &self.accounts)
            .finish_non_exhaustive()
    }
}

/// An app's consumer key and secret.
///
/// The key is sent with every request, but whoever knows it can pose as the app in a login: it is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Consumer {
    /// The key.
    pub key: Secret,
    /// The secret.
    pub secret: Secret,
}

impl Consumer {
    /// To sign with.
    pub fn credentials(&self) -> Credentials {
        Credentials::consumer(self.key.expose(), self.secret.clone())
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Consumer([redacted])")
    }
}

/// An account that has authorised the app, by its access token.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The screen name without `@`, where it is known. It can change.
    pub handle: Option<String>,
    /// The access token.
    pub token: Secret,
    /// Its secret.
    pub secret: Secret,
    /// What the last check of the token found.
    pub checked: Option<Checked>,
}

impl Account {
    /// An account whose handle is not known yet.
    pub fn new(token: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        Self { handle: None, token: token.into(), secret: secret.into(), checked: None }
    }

    /// With a handle, whose `@` falls away; an empty one is none.
    #[must_use]
    pub fn with_handle(self, handle: &str) -> Self {
        let handle = handle.trim().trim_start_matches('@');
        Self { handle: (!handle.is_empty()).then(|| handle.to_owned()), ..self }
    }

    /// The numeric id, which stands before the dash of an access token: it is known without asking anybody.
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

    fn names(&self) -> AccountNames<'_> {
        AccountNames { handle: self.handle.as_deref(), user_id: self.user_id() }
    }

    /// Whether both are tokens of one user, as far as can be told.
    pub fn is_same_user(&self, other: &Self) -> bool {
        match (self.user_id(), other.user_id(), &self.handle, &other.handle) {
            (Some(own), Some(other), ..) => own == other,
            _ if self.token == other.token => true,
            (.., Some(own), Some(other)) => own.eq_ignore_ascii_case(other),
            _ => false,
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name())
            .field("checked", &self.checked)
            .finish_non_exhaustive()
    }
}

/// What a check found, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// When.
    pub at: Timestamp,
    /// What.
    pub found: Finding,
}

/// How a credential stands with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finding {
    /// Accepted.
    Good,
    /// The server does not know the consumer key, or the consumer secret does not belong to it.
    WrongConsumer,
    /// The server does not accept the bearer token.
    WrongBearer,
    /// The server does not know the token, and never was seen to accept it.
    WrongToken,
    /// The server accepted the token once and does so no longer: the user has revoked or reset it.
    RevokedToken,
    /// The token belongs to another app.
    OtherApp,
    /// The token is known, and its secret does not belong to it.
    WrongTokenSecret,
    /// The clocks are too far apart.
    ClockOff,
    /// The app is not provisioned for the Engagement API.
    NotProvisioned,
    /// The quota was used up, so nothing was found.
    QuotaUsedUp,
    /// The server could not be reached.
    Network,
    /// The server is in trouble, or says something that is not understood.
    Server,
}

impl Finding {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Good,
        Self::WrongConsumer,
        Self::WrongBearer,
        Self::WrongToken,
        Self::RevokedToken,
        Self::OtherApp,
        Self::WrongTokenSecret,
        Self::ClockOff,
        Self::NotProvisioned,
        Self::QuotaUsedUp,
        Self::Network,
        Self::Server,
    ];

    /// The word for it, for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::WrongConsumer => "wrong_consumer",
            Self::WrongBearer => "wrong_bearer",
            Self::WrongToken => "wrong_token",
            Self::RevokedToken => "revoked_token",
            Self::OtherApp => "other_app",
            Self::WrongTokenSecret => "wrong_token_secret",
            Self::ClockOff => "clock_off",
            Self::NotProvisioned => "not_provisioned",
            Self::QuotaUsedUp => "quota_used_up",
            Self::Network => "network",
            Self::Server => "server",
        }
    }

    /// The finding of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|finding| finding.word() == word)
    }

    /// Whether it says something about the credential, and not about the way to the server.
    pub const fn is_about_credential(self) -> bool {
        !matches!(self, Self::ClockOff | Self::QuotaUsedUp | Self::Network | Self::Server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(handle: &str, token: &str) -> Account {
        Account::new(token, "s").with_handle(handle)
    }

    #[test]
    fn an_account_answers_to_its_names() {
        let brand = account("@demo_brand", "1111-demo-access-token");
        assert!(brand.is("demo_brand") && brand.is("1111") && !brand.is("demo"));
        assert_eq!(account("", "1111-x").name(), "1111");
    }

    #[test]
    fn one_user_is_held_once_and_keeps_a_handle_that_is_known() {
        let mut holdings = Holdings::default();
        assert!(!holdings.put(account("demo_brand", "1111-old")));
        assert!(!holdings.put(account("demo_news", "2222-x")));
        assert!(holdings.put(account("", "1111-new")));
        assert_eq!(holdings.accounts.len(), 2);
        let brand = holdings.account("demo_brand").unwrap();
        assert_eq!(brand.token, Secret::from("1111-new"));
        assert!(holdings.put(account("renamed", "1111-new")));
        assert!(holdings.account("demo_brand").is_none() && holdings.account("renamed").is_some());
        assert!(holdings.put(account("Demo_News", "1111-new")));
        assert_eq!(
            (holdings.account("demo_news").unwrap().user_id(), holdings.accounts.len()),
            (Some(1111), 2)
        );
        assert_eq!(holdings.take("2222").unwrap().name(), "2222");
        assert!(holdings.take("2222").is_none());
    }

    #[test]
    fn opaque_tokens_are_told_apart_by_handle_or_token() {
        let mut holdings = Holdings::default();
        holdings.put(account("a", "opaque-1"));
        assert!(!holdings.put(account("b", "opaque-2")));
        assert!(holdings.put(account("A", "opaque-3")));
        assert_eq!(holdings.accounts.len(), 2);
        assert!(!holdings.put(account("", "opaque-4")) && !holdings.put(account("", "opaque-5")));
        assert_eq!(holdings.accounts.len(), 4);
    }

    #[test]
    fn every_finding_has_its_own_word() {
        for finding in Finding::ALL {
            assert_eq!(Finding::from_word(finding.word()), Some(finding));
        }
        assert_eq!(Finding::from_word("fine"), None);
    }
}
