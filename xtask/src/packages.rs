//! Packages of other languages, installed beside the build and not into the machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::workspace::succeed;

/// A Python with what a list of requirements names; `options` go to pip.
pub(crate) fn python(folder: &Path, requirements: &Path, options: &[&str]) -> Result<PathBuf> {
    let interpreter = interpreter(folder);
    once(folder, requirements, || {
        succeed(quiet("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        succeed(quiet(&interpreter).args(pip).args(options).arg("--requirement").arg(requirements))
    })?;
    Ok(interpreter)
}

/// Where [`python`] puts the interpreter.
pub(crate) fn interpreter(folder: &Path) -> PathBuf {
    folder.join("venv/bin/python")
}

/// The packages of a manifest, in `node/node_modules`.
pub(crate) fn node(folder: &Path, manifest: &Path) -> Result<()> {
    once(folder, manifest, || {
        let folder = folder.join("node");
        fs::create_dir_all(&folder)?;
        fs::copy(manifest, folder.join("package.json"))?;
        let npm = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
        succeed(quiet("npm").args(npm).current_dir(folder))
    })
}

/// Installs what `list` lists, unless that very list was installed before.
fn once(folder: &Path, list: &Path, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = fs::read(list).with_context(|| format!("reading {}", list.display()))?;
    let installed = folder.join(list.file_name().context("a list is a file")?);
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    install()?;
    fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))
}

fn quiet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::*;

    #[test]
    fn a_list_is_installed_once_until_it_changes() {
        let folder = std::env::temp_dir().join(format!("xtask-packages-{}", std::process::id()));
        let scripts = folder.join("scripts");
        fs::create_dir_all(&scripts).unwrap();
        let list = scripts.join("list.txt");
        let mut installs = 0;
        for (content, works) in [("a", false), ("a", true), ("a", true), ("b", true)] {
            fs::write(&list, content).unwrap();
            let outcome = once(&folder, &list, || {
                installs += 1;
                ensure!(works, "no network");
                Ok(())
            });
            assert_eq!(outcome.is_ok(), works);
        }
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(installs, 3);
    }
}
