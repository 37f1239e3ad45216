//! The `engagement` command: Tweet ids in, engagement rows out.

mod cli;
mod commands;
mod credentials;
mod exit;
mod files;
mod id_list;
mod parse;
mod place;
mod progress;
mod prompt;
mod records;
mod rows;
mod settings;
mod signal;
mod summary;
mod talk;
mod trace;
mod wire;

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
};

use crate::{
    cli::{Cli, Command, Global},
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
            if !usage {
                return ExitCode::from(Exit::Done.code());
            }
            if cli::wants_json(env::args_os()) {
                let _ = writeln!(io::stderr(), "{}", cli::refusal(&error).to_json());
            }
            return ExitCode::from(Exit::Usage.code());
        }
    };
    let mut talk = Talk::new(&cli.global);
    trace::listen(&talk);
    let exit = match run(cli, &mut talk) {
        Ok(exit) => exit,
        Err(failure) => {
            talk.failure(&failure);
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

fn run(cli: Cli, talk: &mut Talk) -> Result<Exit, Failure> {
    files::check(&cli)?;
    match cli.command {
        Command::Completions { shell } => commands::pages::completions(shell),
        Command::Man { dir } => commands::pages::man(&dir),
        Command::Ids(ids) => commands::ids::run(&ids, &cli.global, talk),
        Command::Jobs(jobs) => commands::jobs::run(&jobs, &resolve(&cli.global, talk)?, talk),
        Command::Top(top) => commands::top::run(&top, &resolve(&cli.global, talk)?, talk),
        Command::Usage(usage) => commands::usage::run(&usage, &resolve(&cli.global, talk)?, talk),
        Command::Emulator(options) => wait(commands::emulator::run(*options, talk)),
        Command::Demo(demo) => wait(commands::demo::run(demo, talk)),
        Command::Doctor(doctor) => wait(commands::doctor::run(&doctor, &cli.global, talk)),
        Command::Auth(auth) => {
            let settings = Settings::with(&cli.global, auth.command.new_profile())?;
            talk.output(settings.output);
            wait(commands::auth::run(&auth, &settings, talk))
        }
        Command::Collect(collect) => {
            wait(commands::collect::run(*collect, &resolve(&cli.global, talk)?, talk))
        }
        Command::Export(export) => wait(commands::export::run(&export, &resolve(&cli.global, talk)?, talk)),
        Command::Request(request) => {
            wait(commands::request::run(&request, &resolve(&cli.global, talk)?, talk))
        }
        Command::Ask(asking) => wait(commands::ask::run(asking.into(), &resolve(&cli.global, talk)?, talk)),
    }
}

/// Runs what waits for others.
fn wait(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new(Exit::Bug, "runtime", format!("the asynchronous runtime does not start: {error}"))
    })?;
    let exit = runtime.block_on(work);
    // A thread that is stuck in writing is not waited for.
    runtime.shutdown_background();
    exit
}

/// The settings, which say how errors are told, too.
fn resolve(global: &Global, talk: &mut Talk) -> Result<Settings, Failure> {
    let settings = Settings::resolve(global)?;
    talk.output(settings.output);
    Ok(settings)
}

/// Writes to standard output; a reader that has gone away has had enough.
fn print(text: &str) -> Result<Exit, Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Ok(Exit::Done),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => {
            Err(Failure::new(Exit::Storage, "output", format!("standard output cannot be written: {error}")))
        }
    }
}
