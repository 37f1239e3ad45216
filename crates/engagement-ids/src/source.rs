//! Where ids come from, as messages name it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Where ids come from, as messages name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    File(PathBuf),
    Stdin,
    Argument,
}

impl Source {
    /// A file. Its name is shown as it was given, with what cannot be shown replaced.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::File(path.into()))
    }

    /// Standard input.
    pub const fn stdin() -> Self {
        Self(Kind::Stdin)
    }

    /// The command line: "lines" are then the numbers of the arguments, from 1.
    pub const fn argument() -> Self {
        Self(Kind::Argument)
    }

    /// The path, if this is a file.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::File(path) => Some(path),
            Kind::Stdin | Kind::Argument => None,
        }
    }

    /// This source with a line in it, as messages point: `ids.txt:3`, `stdin:3`, `argument 3`.
    pub(crate) fn line(&self, line: u64) -> impl fmt::Display {
        fmt::from_fn(move |f| match &self.0 {
            Kind::File(_) | Kind::Stdin => write!(f, "{self}:{line}"),
            Kind::Argument => write!(f, "{self} {line}"),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(path) => fmt::Display::fmt(&path.display(), f),
            Kind::Stdin => f.write_str("stdin"),
            Kind::Argument => f.write_str("argument"),
        }
    }
}
