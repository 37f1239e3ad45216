//! `engagement completions` and `engagement man`.

use std::{fs, path::Path};

use crate::{
    cli::Cli,
    exit::{Exit, Failure},
    print,
};

/// Prints a completion script.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::definition(), "engagement", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Writes a manual page for each command.
pub(crate) fn man(dir: &Path) -> Result<Exit, Failure> {
    fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Cli::definition(), dir)).map_err(
        |error| {
            Failure::new(
                Exit::Storage,
                "man",
                format!("the manual pages cannot be written to {}: {error}", dir.display()),
            )
        },
    )?;
    Ok(Exit::Done)
}
