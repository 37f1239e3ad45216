//! `cargo xtask pages`: the emulator's pages, in Chromium.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    emulator::Emulator,
    packages,
    provision::{self, Purpose},
    tally::{Tally, count},
    workspace::{Workspace, output_of},
};

/// Runs the scripts of `tests/pages` against an emulator of their own world, and says how many of their tests passed.
pub(crate) fn run(workspace: &Workspace) -> Result<Tally> {
    provision::run(Purpose::Pages)?;
    let scripts = workspace.root().join("tests/pages");
    let folder =
        workspace.target().map_or_else(|| workspace.root().join("target"), PathBuf::from).join("pages");
    // The package brings the script that is wanted, and would bring a browser.
    let python = packages::python(&folder, &scripts.join("requirements.txt"), &["--no-deps"])?;
    let axe = axe(&python)?;
    let world = scripts.join("world.toml");
    let emulator = Emulator::start(workspace, &folder, &["--world".as_ref(), world.as_ref()])?;
    let mut tally = Tally::default();
    for script in ["test_pages.py", "test_transcript.py"] {
        let mut tests = Command::new(&python);
        tests.arg(scripts.join(script)).stdin(Stdio::null());
        tests.env("EMULATOR", emulator.url()).env("ENGAGEMENT", emulator.program()).env("AXE", &axe);
        tests.env("PYTHONDONTWRITEBYTECODE", "1");
        let counted = count(&mut tests, io::stdout().lock())?;
        ensure!(
            counted.succeeded && counted.tally.passed > 0,
            "the pages are not as they should be: {script}"
        );
        tally.add(counted.tally);
    }
    Ok(tally)
}

/// Where the package has put axe-core.
fn axe(python: &Path) -> Result<PathBuf> {
    let find = "import importlib.util as u; print(u.find_spec('axe_playwright_python').submodule_search_locations[0])";
    let folder = output_of(Command::new(python).args(["-c", find])).context("looking for axe-core")?;
    Ok(Path::new(folder.trim()).join("axe.min.js"))
}
