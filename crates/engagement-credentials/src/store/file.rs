//! The file: private from the moment at which it exists, and whole at every moment.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{Done, Flaw, StoreError};

/// The text. `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, StoreError> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_link(path) => return Ok(None),
        Err(_) if is_link(path) => return Err(StoreError::Link { path: path.to_owned() }),
        Err(source) => return Err(failed(path, Done::Read, source)),
    };
    // Asked of what was opened, not of what has the name by now.
    let about = file.metadata().map_err(|source| failed(path, Done::Read, source))?;
    if !about.is_file() || about.len() > LONGEST {
        return Err(StoreError::NoFile { path: path.to_owned() });
    }
    judge(path, &about)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0) + 1));
    file.take(LONGEST).read_to_end(&mut bytes).map_err(|source| failed(path, Done::Read, source))?;
    match str::from_utf8(&bytes) {
        Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
        Err(_) => Err(StoreError::Broken { path: path.to_owned(), flaw: Flaw::NotUtf8 }),
    }
}

/// Puts this text in the file's place, at once and as a whole.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), StoreError> {
    let failed = |source| failed(path, Done::Written, source);
    if is_link(path) {
        return Err(StoreError::Link { path: path.to_owned() });
    }
    let part = Part(beside(path, &format!("{}.part", std::process::id())));
    // One that a process of the same number left behind when it was killed.
    let _ = fs::remove_file(&part.0);
    let mut file = create(&part.0).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&part.0, path).map_err(failed)?;
    if let Some(folder) = path.parent() {
        sync_folder(folder);
    }
    Ok(())
}

/// Finds out whether [`replace`] would succeed.
pub(super) fn try_writing(path: &Path) -> Result<(), StoreError> {
    if is_link(path) {
        return Err(StoreError::Link { path: path.to_owned() });
    }
    make_folder(path)?;
    let part = Part(beside(path, &format!("{}.try", std::process::id())));
    create(&part.0).map(|_| ()).map_err(|source| failed(path, Done::Written, source))
}

/// Waits until no other process changes the file, and keeps others waiting until it is dropped.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    make_folder(path)?;
    let lock = beside(path, "lock");
    let file = match create(&lock) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().write(true).open(&lock)
        }
        created => created,
    };
    let file = file.map_err(|source| failed(&lock, Done::Locked, source))?;
    file.lock().map_err(|source| failed(&lock, Done::Locked, source))?;
    Ok(file)
}

/// A file that is taken away again unless it was renamed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // Renamed, and so not there any more, in the good case.
        let _ = fs::remove_file(&self.0);
    }
}

fn failed(path: &Path, done: Done, source: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), done, source }
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(what);
    path.with_file_name(name)
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_symlink())
}

/// A new file, mode 0600 from the moment at which it exists.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    let file = options.open(path)?;
    // The umask can have taken bits away, and never added one.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;
    // A pipe of that name must not make anybody wait.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    if is_link(path) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    File::open(path)
}

/// Nobody but its owner may read or write it, and its owner is the user.
#[cfg(unix)]
fn judge(path: &Path, about: &fs::Metadata) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = about.mode() & 0o7777;
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(StoreError::Owner { path: path.to_owned() });
    }
    if mode & 0o077 != 0 {
        return Err(StoreError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn judge(_: &Path, _: &fs::Metadata) -> Result<(), StoreError> {
    Ok(())
}

/// Makes the folders above it that are not there, for their owner alone whatever the umask is.
fn make_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    if folder.is_dir() {
        return Ok(());
    }
    make_folder(folder)?;
    let made = match private_folder(folder) {
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    };
    made.map_err(|source| failed(folder, Done::Written, source))
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    fs::DirBuilder::new().mode(0o700).create(folder)?;
    // The umask can have taken bits away.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)
}

/// So that the new name lasts through a loss of power. Not every file system can do it, and then nothing is lost that
/// could be kept.
fn sync_folder(folder: &Path) {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// More than a thousand accounts need.
const LONGEST: u64 = 1 << 20;
