//! A folder of this machine as the place of a data set.

use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{
    commit::{COMMITS, OWN_FOLDER, record_number},
    error::DatasetError,
    table::Table,
};

/// A folder, locked against other exports for as long as this lives.
///
/// What is written stays in a folder of its own until it is whole and on the disk; then it is moved to its place, which
/// the file system does in one step for each file, and for a table that was not there before in one step altogether.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens the folder, or makes it; refuses one with anything in it but a data set.
    pub(super) fn open(root: PathBuf) -> Result<Self, DatasetError> {
        let place = || root.display().to_string();
        let entries = match fs::read_dir(&root) {
            Ok(entries) => Some(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&root, "read")(error)),
        };
        let own = root.join(OWN_FOLDER);
        // The identity comes right after the folder, so whoever died in between has left nothing else.
        let mut names = entries.into_iter().flatten().map(|entry| entry.map(|entry| entry.file_name()));
        let strange = names.find(|name| name.as_ref().map_or(true, |name| name != OWN_FOLDER));
        if strange.is_some() && !own.join("dataset.json").exists() {
            return Err(DatasetError::Foreign { place: place() });
        }
        fs::create_dir_all(&own).map_err(failed(&own, "made"))?;
        let path = own.join("lock");
        let lock = File::create(&path).map_err(failed(&path, "written"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DatasetError::Busy { place: place() }),
            Err(TryLockError::Error(error)) => return Err(failed(&path, "locked")(error)),
        }
        let folder = Self { root, _lock: lock };
        // Whoever left it there is dead, else the lock would be theirs.
        folder.clear()?;
        Ok(folder)
    }

    pub(super) fn place(&self) -> String {
        self.root.display().to_string()
    }

    /// The content of a file, if there is one.
    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, DatasetError> {
        let path = self.root.join(path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, "read")(error)),
        }
    }

    /// Makes a file with this content, unless there is one: whole or not at all, whatever happens meanwhile.
    pub(super) fn create(&self, path: &str, bytes: &[u8]) -> Result<bool, DatasetError> {
        let path = self.root.join(path);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(failed(folder, "made"))?;
        let part = path.with_extension("part");
        let write = || {
            let mut file = File::create(&part)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(failed(&part, "written"))?;
        // A link, unlike a move, does not take the place of what is there.
        let linked = fs::hard_link(&part, &path);
        fs::remove_file(&part).map_err(failed(&part, "removed"))?;
        match linked {
            Ok(()) => sync_folder(folder).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(failed(&path, "made")(error)),
        }
    }

    /// The number of the newest commit record.
    pub(super) fn last_commit(&self) -> Result<Option<u64>, DatasetError> {
        let commits = self.root.join(COMMITS);
        let entries = match fs::read_dir(&commits) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&commits, "read")(error)),
        };
        let mut last = None;
        for entry in entries {
            let name = entry.map_err(failed(&commits, "read"))?.file_name();
            last = last.max(name.to_str().and_then(record_number));
        }
        Ok(last)
    }

    /// A file of a table, which stays apart until [`Folder::publish`].
    pub(super) fn stage(&self, path: &str) -> Result<File, DatasetError> {
        let path = self.staging().join(path);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(failed(folder, "made"))?;
        File::create(&path).map_err(failed(&path, "written"))
    }

    /// Moves the files of a table to their places.
    pub(super) fn publish(&self, table: Table) -> Result<(), DatasetError> {
        let staged = self.staging().join(table.name());
        if !staged.exists() {
            return Ok(());
        }
        for_each_folder(&staged, &mut sync_folder)?;
        let target = self.root.join(table.name());
        if target.exists() {
            for_each_folder(&staged, &mut |folder| {
                let below = folder.strip_prefix(&staged).unwrap_or(folder);
                move_files(folder, &target.join(below))
            })?;
            fs::remove_dir_all(&staged).map_err(failed(&staged, "removed"))?;
        } else {
            fs::rename(&staged, &target).map_err(failed(&target, "made"))?;
        }
        sync_folder(&self.root)
    }

    /// Removes a file that no commit holds any longer, and its folder with it if that is empty now.
    pub(super) fn remove(&self, path: &str) -> Result<(), DatasetError> {
        let path = self.root.join(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, "removed")(error)),
            _ => {
                if let Some(folder) = path.parent() {
                    // Not if there is something else in it.
                    let _ = fs::remove_dir(folder);
                }
                Ok(())
            }
        }
    }

    /// Drops what was staged and not published.
    pub(super) fn clear(&self) -> Result<(), DatasetError> {
        let staging = self.staging();
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&staging, "removed")(error)),
            _ => Ok(()),
        }
    }

    fn staging(&self) -> PathBuf {
        self.root.join(OWN_FOLDER).join("staging")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next export.
        let _ = self.clear();
    }
}

/// Moves the files of a folder to another, over what is there.
fn move_files(from: &Path, to: &Path) -> Result<(), DatasetError> {
    fs::create_dir_all(to).map_err(failed(to, "made"))?;
    for entry in fs::read_dir(from).map_err(failed(from, "read"))? {
        let path = entry.map_err(failed(from, "read"))?.path();
        if path.is_file() {
            let target = to.join(path.file_name().unwrap_or(OsStr::new("")));
            fs::rename(&path, &target).map_err(failed(&target, "written"))?;
        }
    }
    sync_folder(to)
}

/// The folder, and those in it.
fn for_each_folder(
    folder: &Path,
    visit: &mut impl FnMut(&Path) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    for entry in fs::read_dir(folder).map_err(failed(folder, "read"))? {
        let path = entry.map_err(failed(folder, "read"))?.path();
        if path.is_dir() {
            for_each_folder(&path, visit)?;
        }
    }
    visit(folder)
}

/// Sees to it that the names in a folder survive a loss of power.
fn sync_folder(folder: &Path) -> Result<(), DatasetError> {
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder, "synced"))?;
    }
    Ok(())
}

fn failed(path: &Path, done: &'static str) -> impl Fn(io::Error) -> DatasetError {
    move |source| DatasetError::Io { path: path.display().to_string(), done, source }
}
