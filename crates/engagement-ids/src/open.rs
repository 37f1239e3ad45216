//! Opening a list.

use std::{
    error::Error,
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Opens a file for [`read()`](crate::read()), or says what is in the way.
///
/// Pipes and devices are opened like files. Opening a named pipe waits for its writer; ask [`may_wait`] first, and
/// tell the user.
pub fn open(path: &Path) -> Result<File, OpenError> {
    let failed = |kind| OpenError { path: path.to_owned(), kind };
    let file = File::open(path).map_err(|error| failed(OpenErrorKind::new(error)))?;
    // Of what was opened, not of the name: the name may mean something else by now.
    match file.metadata() {
        Ok(found) if found.is_dir() => Err(failed(OpenErrorKind::Directory)),
        Ok(_) => Ok(file),
        Err(error) => Err(failed(OpenErrorKind::Io(error))),
    }
}

/// Whether reading from this may wait for somebody: it is a pipe, a terminal or another thing that is no file.
pub fn may_wait(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Why a list could not be opened.
#[derive(Debug)]
pub struct OpenError {
    path: PathBuf,
    kind: OpenErrorKind,
}

impl OpenError {
    /// What was to be opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in the way.
    pub fn kind(&self) -> &OpenErrorKind {
        &self.kind
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.kind)
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

/// What is in the way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// Nothing is there.
    #[error("there is no such file: check the name and the folder that it is in")]
    Missing,
    /// A directory.
    #[error("this is a directory: name the file in it")]
    Directory,
    /// The user may not read it.
    #[error("it may not be read: give the user who runs this the right to (chmod u+r)")]
    Forbidden,
    /// The operating system says something else.
    #[error("it cannot be opened")]
    Io(#[source] io::Error),
}

impl OpenErrorKind {
    fn new(error: io::Error) -> Self {
        match error.kind() {
            // `a.txt/b` and `a.txt/` where `a.txt` is a file.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            // Where the system refuses to open a directory at all.
            io::ErrorKind::IsADirectory => Self::Directory,
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn says_what_is_in_the_way() {
        let check = |path: &Path, message: &str| {
            let error = open(path).unwrap_err();
            assert_eq!(error.to_string(), format!("{}: {message}", path.display()));
            assert_eq!(error.path(), path);
        };
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        check(here, "this is a directory: name the file in it");
        let missing = "there is no such file: check the name and the folder that it is in";
        check(&here.join("no such file"), missing);
        check(&here.join("Cargo.toml").join("ids.txt"), missing);
        let forbidden = OpenErrorKind::new(io::ErrorKind::PermissionDenied.into());
        assert!(matches!(forbidden, OpenErrorKind::Forbidden));
        let other = OpenErrorKind::new(io::Error::other("wires are cut"));
        assert_eq!(other.source().unwrap().to_string(), "wires are cut");
    }

    #[test]
    fn opens_a_file() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let mut text = String::new();
        open(&path).unwrap().read_to_string(&mut text).unwrap();
        assert!(text.contains("engagement-ids"));
        assert!(!may_wait(&path) && !may_wait(path.parent().unwrap()) && !may_wait(&path.join("nothing")));
    }

    #[cfg(unix)]
    #[test]
    fn knows_what_is_no_file() {
        assert!(may_wait(Path::new("/dev/null")));
        assert_eq!(open(Path::new("/dev/null")).unwrap().read(&mut [0]).unwrap(), 0);
    }
}
