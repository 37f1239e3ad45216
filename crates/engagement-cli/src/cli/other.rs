//! Single requests, the emulator, and finding out.

use std::path::PathBuf;

use clap::Args;

use crate::parse::Rate;

/// `engagement request`.
#[derive(Args, Debug)]
pub(crate) struct Request {
    /// GET, POST, or any other method
    pub(crate) method: String,
    /// Any https URL, or plain http to this machine
    pub(crate) url: String,
    /// The body, or `@FILE`; sent byte for byte
    #[arg(long, short, value_name = "DATA|@FILE")]
    pub(crate) data: Option<String>,
    /// A header; repeatable
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// Show the request, secrets hidden, and do not send it
    #[arg(long)]
    pub(crate) print: bool,
    /// Ask with the token of this account [default: auto, the first account's, or app-only without any]
    #[arg(long = "as", value_name = "HANDLE", conflicts_with = "app")]
    pub(crate) ask_as: Option<String>,
    /// Ask app-only
    #[arg(long)]
    pub(crate) app: bool,
}

/// `engagement emulator`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(crate) struct Emulator {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
    /// Write the URL to this file once requests can be served
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Which world: everything follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Start the clock at this time; it runs on [default: now]
    #[arg(long, value_name = "TIME", value_parser = engagement_emulator::read_time)]
    pub(crate) now: Option<jiff::Timestamp>,
    /// Apps, accounts and single Tweets of your own
    #[arg(long, value_name = "FILE")]
    pub(crate) world: Option<PathBuf>,
    /// Requests a minute [default: 60]
    #[arg(long, value_name = "N/min")]
    pub(crate) quota: Option<Rate>,
    /// Refuse what the documentation does not allow and real clients send all the same
    #[arg(long)]
    pub(crate) strict: bool,
    /// Choose between readings of the documentation, as NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) switch: Vec<String>,
    /// Faults to show
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// The URL that clients sign for, if a proxy before it changes scheme or host [default: as they call it]
    #[arg(long, value_name = "URL", value_parser = origin)]
    pub(crate) public_url: Option<String>,
    /// Serve https, with a certificate of its own making
    #[arg(long)]
    pub(crate) tls: bool,
    /// Write the certificate authority behind --tls and --proxy to this file, for clients to trust
    #[arg(long, value_name = "FILE")]
    pub(crate) write_ca: Option<PathBuf>,
    /// Be the HTTPS proxy for the API's own hosts too
    #[arg(long)]
    pub(crate) proxy: bool,
    /// Print the rules that it follows, with the evidence for each and the switch that changes it, and end
    #[arg(long)]
    pub(crate) rules: bool,
    /// Listen on an address that other machines reach
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

/// `engagement doctor`.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Print the findings as a JSON array
    #[arg(long)]
    pub(crate) json: bool,
    /// The store to look at [default: engagement.db, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

/// `engagement demo`.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Keep what the tour writes in this folder [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// A URL that is nothing but scheme and host.
fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = host.map(|host| host.strip_suffix('/').unwrap_or(host));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => Ok(text.to_owned()),
        _ => Err("it is written as https://HOST or https://HOST:PORT".to_owned()),
    }
}
