//! The files that are judged, and which of their lines are product, test or prose.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

/// A text file of the checkout.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Below the root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// `None` for what is no text, or no file: a link, or one that is deleted but still on git's list.
    pub(crate) fn read(root: &Path, path: &str) -> Result<Option<Self>> {
        let file = root.join(path);
        if !file.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Ok(None);
        }
        let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        Ok(String::from_utf8(bytes).ok().map(|text| Self { path: path.to_owned(), text }))
    }

    /// Whether this is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    /// Every line with its number, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The lines of Rust that end up in the product: no comments, no tests.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_product = self.is_rust() && !self.path.split('/').any(|part| TEST_FOLDERS.contains(&part));
        let mut before = "";
        self.lines()
            .take_while(move |(_, line)| {
                let tests_begin = before == "#[cfg(test)]" && line.starts_with("mod ");
                before = line;
                is_product && !tests_begin
            })
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Every file that git knows; without git, every file that is not a build's output.
pub(crate) fn paths(root: &Path) -> Result<Vec<String>> {
    let git = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output();
    match git {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => {
            let list = String::from_utf8(output.stdout).context("the list of git ls-files")?;
            Ok(list.split_terminator('\0').map(str::to_owned).collect())
        }
        _ => {
            let mut paths = Vec::new();
            walk(root, "", &mut paths)?;
            paths.sort();
            Ok(paths)
        }
    }
}

fn walk(folder: &Path, below_root: &str, paths: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let path = format!("{below_root}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_file() {
            paths.push(path);
        } else if kind.is_dir() && !is_output(&entry.path()) {
            walk(&entry.path(), &format!("{path}/"), paths)?;
        }
    }
    Ok(())
}

/// Cargo tags the folders it fills, whatever they are called.
fn is_output(folder: &Path) -> bool {
    folder.ends_with(".git") || folder.ends_with("__pycache__") || folder.join("CACHEDIR.TAG").exists()
}

fn has_extension(path: &str, wanted: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == wanted)
}

const TEST_FOLDERS: &[&str] = &["benches", "examples", "fuzz", "tests"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn tests_and_comments_are_no_product() {
        let text = "//! Prose.\nuse a;\n#[cfg(test)]\nuse b;\n    // why\nfn c() {}\n\n#[cfg(test)]\nmod tests {\n    d();\n}\n";
        let numbers = |path: &str| {
            let source = Source { path: path.to_owned(), text: text.to_owned() };
            source.product_lines().map(|(number, _)| number).collect::<Vec<_>>()
        };
        assert_eq!(numbers("crates/a/src/b.rs"), [2, 3, 4, 6, 7, 8]);
        assert_eq!(numbers("crates/a/examples/b.rs"), [0; 0]);
        assert_eq!(numbers("crates/a/b.md"), [0; 0]);
    }

    #[test]
    fn git_and_a_walk_both_find_the_sources() {
        let root = Workspace::here().unwrap().root().to_path_buf();
        let mut walked = Vec::new();
        walk(&root, "", &mut walked).unwrap();
        let known = paths(&root).unwrap();
        assert!(known.contains(&"xtask/src/main.rs".to_owned()), "{known:?}");
        assert!(walked.contains(&"xtask/src/main.rs".to_owned()), "{walked:?}");
        assert!(
            !walked.iter().any(|path| path.starts_with("target/") || path.starts_with(".git/")),
            "{walked:?}"
        );
    }
}
