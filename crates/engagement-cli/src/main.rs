//! The `engagement` command: Tweet ids in, engagement rows out.

mod cli;
mod commands;
mod credentials;
mod exit;
mod id_list;
mod parse;
mod progress;
mod rows;
mod settings;
mod signal;
mod summary;
mod talk;

use std::{env, io, process::ExitCode};

use crate::{
    cli::{Cli, Command},
    exit::{Exit, Failure},
    settings::Settings,
    talk::Talk,
};

fn main() -> ExitCode {
    let cli = match Cli::read(env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers on standard output; a closed pipe there is no failure.
            let usage = error.use_stderr();
            let _ = error.print();
            return ExitCode::from(if usage { Exit::Usage } else { Exit::Done }.code());
        }
    };
    let talk = Talk::new(&cli.global);
    let exit = match run(cli, &talk) {
        Ok(exit) => exit,
        Err(failure) => {
            talk.failure(&failure);
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

fn run(cli: Cli, talk: &Talk) -> Result<Exit, Failure> {
    match cli.command {
        Command::Completions { shell } => return commands::pages::completions(shell),
        Command::Man { dir } => return commands::pages::man(&dir),
        Command::Ids(ids) => return commands::ids::run(&ids, &cli.global, talk),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new(Exit::Bug, "runtime", format!("the asynchronous runtime does not start: {error}"))
    })?;
    runtime.block_on(async {
        match cli.command {
            Command::Emulator(options) => commands::emulator::run(*options, talk).await,
            Command::Demo(demo) => commands::demo::run(demo, talk).await,
            Command::Request(request) => {
                commands::request::run(&request, &Settings::resolve(&cli.global)?, talk).await
            }
            command => {
                let settings = Settings::resolve(&cli.global)?;
                commands::ask::run(command.try_into()?, &settings, talk).await
            }
        }
    })
}

/// Writes to standard output; a reader that has gone away has had enough.
fn print(text: &str) -> Result<Exit, Failure> {
    match io::Write::write_all(&mut io::stdout().lock(), text.as_bytes()) {
        Ok(()) => Ok(Exit::Done),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => {
            Err(Failure::new(Exit::Storage, "output", format!("standard output cannot be written: {error}")))
        }
    }
}
