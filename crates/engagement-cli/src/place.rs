//! Where output goes: standard output, or a file that appears whole.

use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use crate::{
    exit::{Exit, Failure},
    files::linked,
};

/// Standard output, or a file that nobody finds half written.
pub(crate) struct Place {
    writer: Option<Box<dyn Write + Send>>,
    terminal: bool,
    moved: Option<Moved>,
}

/// Written beside its place and moved there at the end.
struct Moved {
    part: PathBuf,
    path: PathBuf,
}

impl Place {
    /// Opens the file, or standard output where none is named. A file that is there already stays as it is until
    /// [`Place::finish`].
    pub(crate) fn open(out: Option<&Path>) -> Result<Self, Failure> {
        match out {
            Some(path) => Self::file(path),
            None => {
                let stdout = io::stdout();
                let terminal = stdout.is_terminal();
                Ok(Self { writer: Some(Box::new(BufWriter::new(stdout))), terminal, moved: None })
            }
        }
    }

    /// Opens a file.
    pub(crate) fn file(path: &Path) -> Result<Self, Failure> {
        let refused = |why: &dyn std::fmt::Display| {
            Failure::new(Exit::Storage, "output", format!("{} cannot be written: {why}", path.display()))
                .hint("name a file in a folder that can be written to")
        };
        let found = fs::metadata(path).ok();
        if found.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(refused(&"it is a folder"));
        }
        // A device or a pipe is written to, not replaced.
        if found.is_some_and(|found| !found.is_file()) {
            let file = File::options().write(true).open(path).map_err(|error| refused(&error))?;
            return Ok(Self { writer: Some(Box::new(BufWriter::new(file))), terminal: false, moved: None });
        }
        // A link stays one.
        let path = linked(path);
        let mut part = path.clone().into_os_string();
        part.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(part);
        let file = File::create(&part).map_err(|error| refused(&error))?;
        Ok(Self {
            writer: Some(Box::new(BufWriter::new(file))),
            terminal: false,
            moved: Some(Moved { part, path }),
        })
    }

    /// Whether people look at it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes this and no more. A reader that has gone away has had enough.
    pub(crate) fn put(mut self, bytes: &[u8]) -> Result<Exit, Failure> {
        match self.write_all(bytes).and_then(|()| self.finish()) {
            Ok(()) => Ok(Exit::Done),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
            Err(error) => Err(Failure::output(&error)),
        }
    }

    /// Writes what is left, and lets a file appear under its name.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.writer = None;
        if let Some(Moved { part, path }) = &self.moved {
            // What is found under the name after a loss of power is what was there before, or all of this.
            File::options().write(true).open(part)?.sync_all()?;
            fs::rename(part, path)?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
                // Not every file system can do it, and then nothing is lost that could be kept.
                let _ = folder.sync_all();
            }
            self.moved = None;
        }
        Ok(())
    }
}

impl Write for Place {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.writer {
            Some(writer) => writer.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.flush())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(Moved { part, .. }) = &self.moved {
            // Never finished, so never wanted; what cannot be removed is left.
            let _ = fs::remove_file(part);
        }
    }
}
