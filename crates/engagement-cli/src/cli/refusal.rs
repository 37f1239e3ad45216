//! What is wrong with arguments, in our words.

use std::{env, ffi::OsString};

use crate::exit::Failure;

/// Whether programs are to read the errors, as far as arguments that are not sound can say.
pub(crate) fn wants_json(args: impl IntoIterator<Item = OsString>) -> bool {
    let mut named = false;
    let mut wanted = None;
    for arg in args {
        let arg = arg.to_string_lossy();
        if named {
            wanted = Some(arg == "json");
        } else if arg == "--" {
            break;
        } else if let Some(form) = arg.strip_prefix("--output=").or_else(|| arg.strip_prefix("-o")) {
            wanted = (!form.is_empty()).then(|| form.trim_start_matches('=') == "json");
        }
        named = arg == "-o" || arg == "--output";
    }
    wanted.unwrap_or_else(|| env::var_os("ENGAGEMENT_OUTPUT").is_some_and(|form| form == "json"))
}

/// The colour of what clap says, which it says before it has read the option.
pub(super) fn color(args: &[OsString]) -> clap::ColorChoice {
    let mut named = args.iter().enumerate().filter_map(|(at, arg)| match arg.to_str()? {
        "--color" => args.get(at + 1)?.to_str(),
        arg => arg.strip_prefix("--color="),
    });
    let twin = env::var("ENGAGEMENT_COLOR").ok();
    match named.next_back().or(twin.as_deref()) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// What clap has against the arguments, without its lines on usage.
pub(crate) fn refusal(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let said = text.split("\n\n").next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said).split_whitespace().collect::<Vec<_>>().join(" ");
    Failure::usage(said).hint("try --help")
}
