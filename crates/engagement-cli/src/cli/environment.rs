//! The twins of the options in the environment.

use std::env;

use clap::{ArgAction, builder::FalseyValueParser};

/// Gives every option of the command and of those below it its twin: `ENGAGEMENT_<OPTION>`, and for commands whose
/// options mean something else than elsewhere `ENGAGEMENT_<COMMAND>_<OPTION>`.
pub(super) fn with_twins(command: clap::Command) -> clap::Command {
    twinned(command, "ENGAGEMENT_")
}

fn twinned(command: clap::Command, above: &str) -> clap::Command {
    let prefix = match command.get_name() {
        own @ ("auth" | "doctor" | "emulator" | "demo" | "man" | "request" | "top") => {
            format!("{above}{}_", own.to_ascii_uppercase())
        }
        _ => above.to_owned(),
    };
    command
        .mut_args(|arg| match arg.get_long() {
            Some(long) if !matches!(long, "help" | "version") => {
                // The store is the same to all.
                let prefix = if long == "store" { "ENGAGEMENT_" } else { prefix.as_str() };
                let twin = format!("{prefix}{}", long.replace('-', "_").to_ascii_uppercase());
                let arg = if matches!(arg.get_action(), ArgAction::SetTrue) {
                    arg.value_parser(FalseyValueParser::new())
                } else {
                    arg
                };
                // Set to nothing is not set.
                if env::var_os(&twin).is_some_and(|value| value.is_empty()) {
                    return arg;
                }
                arg.env(twin).hide_env(true)
            }
            _ => arg,
        })
        .mut_subcommands(|command| twinned(command, &prefix))
}
