//! Credentials.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::settings::NewProfile;

/// `engagement auth`.
#[derive(Args, Debug)]
pub(crate) struct Auth {
    #[command(subcommand)]
    pub(crate) command: AuthCommand,
}

/// What can be done about credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Keep an app's consumer key and secret, from a file, the environment, standard input or the keyboard
    App(AuthApp),
    /// Let accounts authorise the app: opens or prints the page, and waits for the answer or a PIN
    Login(AuthLogin),
    /// Keep access tokens that you have already, from standard input, a file or the keyboard
    Add(AuthAdd),
    /// Take over what another client keeps; only shows it, unless --yes
    Import(AuthImport),
    /// Show who may ask, for which app, where that is kept and what the last check found; no secrets
    List,
    /// Ask the server how each credential stands
    Check(AuthCheck),
    /// Keep an account's token no longer
    Remove(AuthRemove),
}

impl AuthCommand {
    /// Whether it may begin a profile.
    pub(crate) const fn new_profile(&self) -> NewProfile {
        match self {
            Self::List | Self::Check(_) | Self::Remove(_) => NewProfile::Refused,
            _ => NewProfile::Taken,
        }
    }
}

/// `engagement auth app`.
#[derive(Args, Debug)]
pub(crate) struct AuthApp {
    /// Read key and secret from this file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `engagement auth login`.
#[derive(Args, Debug)]
pub(crate) struct AuthLogin {
    /// Who is to authorise the app, one after the other; without any, whoever is logged in
    #[arg(value_name = "HANDLE")]
    pub(crate) handles: Vec<String>,
    /// Let the page show a PIN, and read that: for a browser on another machine
    #[arg(long, conflicts_with = "callback")]
    pub(crate) pin: bool,
    /// Where the browser is to come back to, on this machine and as registered on the app's page
    /// [default: http://127.0.0.1:8723/callback, or another port if that one is taken]
    #[arg(long, value_name = "URL")]
    pub(crate) callback: Option<String>,
    /// Only print the page's address
    #[arg(long)]
    pub(crate) no_browser: bool,
}

/// `engagement auth import`.
#[derive(Args, Debug)]
pub(crate) struct AuthImport {
    /// Whose credentials
    #[arg(long, value_name = "CLIENT")]
    pub(crate) from: ImportFrom,
    /// The client's file [default: the one that it uses; for env the environment itself]
    pub(crate) file: Option<PathBuf>,
    /// Take it
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Other clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFrom {
    /// ~/.twurlrc
    Twurl,
    /// ~/.xurl
    Xurl,
    /// ~/.twitter_api_creds
    GnipYaml,
    /// TWITTER_CONSUMER_KEY and so on, from the environment or a .env file
    Env,
}

/// `engagement auth check`.
#[derive(Args, Debug)]
pub(crate) struct AuthCheck {
    /// This account alone [default: all of the profile]
    #[arg(conflicts_with = "all")]
    pub(crate) handle: Option<String>,
    /// All profiles
    #[arg(long)]
    pub(crate) all: bool,
}

/// `engagement auth add`.
#[derive(Args, Debug)]
pub(crate) struct AuthAdd {
    /// Whose token it is; without it the user id in the token is the name, until a check tells the handle
    pub(crate) handle: Option<String>,
    /// Read tokens from this file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `engagement auth remove`.
#[derive(Args, Debug)]
pub(crate) struct AuthRemove {
    /// Handles or user ids
    #[arg(value_name = "HANDLE", conflicts_with = "all")]
    pub(crate) handles: Vec<String>,
    /// The profile's app and all its accounts
    #[arg(long)]
    pub(crate) all: bool,
    /// Have the server accept the tokens no longer, first
    #[arg(long)]
    pub(crate) revoke: bool,
}
