//! Why a client or a query cannot begin.

use engagement_model::{Endpoint, InvalidRequest, grouping::InvalidGrouping, plan::InvalidPlan};

/// A client that cannot be built, or a query that is refused before anything is sent.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    kind: ErrorKind,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// What is wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl From<InvalidRequest> for Error {
    fn from(invalid: InvalidRequest) -> Self {
        ErrorKind::Request(invalid).into()
    }
}

impl From<InvalidGrouping> for Error {
    fn from(invalid: InvalidGrouping) -> Self {
        ErrorKind::Grouping(invalid).into()
    }
}

impl From<InvalidPlan> for Error {
    fn from(invalid: InvalidPlan) -> Self {
        match invalid {
            InvalidPlan::Request(invalid) => ErrorKind::Request(invalid),
            other => ErrorKind::Plan(other),
        }
        .into()
    }
}

impl From<engagement_transport::Error> for Error {
    fn from(error: engagement_transport::Error) -> Self {
        Self { kind: ErrorKind::Transport, source: Some(Box::new(error)) }
    }
}

/// What is wrong, and so what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The query breaks a rule of the API: ask for something else.
    #[error("{0}")]
    Request(InvalidRequest),
    /// A grouping breaks a rule of the API.
    #[error("{0}")]
    Grouping(InvalidGrouping),
    /// No endpoint answers the question: ask for something else.
    #[error("{0}")]
    Plan(InvalidPlan),
    /// There is no credential at all: give the builder an app.
    #[error("no credential: an app's consumer key and secret, or a bearer token, is needed")]
    NoCredential,
    /// An account needs the app's consumer key and secret to sign with.
    #[error("the account {account} needs the app's consumer key and secret")]
    NoConsumer {
        /// The account's name.
        account: String,
    },
    /// No account of that name was given to the builder.
    #[error("no access token for the account {account:?}; there are tokens for {known}")]
    UnknownAccount {
        /// The name that was asked for.
        account: String,
        /// Those that are known.
        known: String,
    },
    /// Two accounts of one name: which to use cannot be told.
    #[error("there are two access tokens for the account {account:?}")]
    TwoAccounts {
        /// The name.
        account: String,
    },
    /// The endpoint answers owners only, and whose Tweets these are is not known.
    #[error(
        "{endpoint} answers only the token of the Tweets' owner, and whose Tweets these are is not known: say so, \
         or ask with one account's token"
    )]
    NeedsOwner {
        /// The endpoint.
        endpoint: Endpoint,
    },
    /// The transport cannot be built as configured: the source says why.
    #[error("the connection cannot be set up")]
    Transport,
}

/// An error and what caused it, in one line: each level of these crates' errors tells its own part only.
pub fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        next = cause.source();
    }
    words
}
