//! Where a data set lies.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

#[cfg(feature = "s3")]
use super::bucket::{Bucket, Upload};
use super::{commit::Written, error::DatasetError, folder::Folder, table::Table};

/// Where a data set lies.
#[derive(Debug)]
pub(super) enum Place {
    Folder(Folder),
    #[cfg(feature = "s3")]
    Bucket(Bucket),
}

impl Place {
    /// The folder, or what the `s3://` URL names.
    pub(super) fn open(place: &Path) -> Result<Self, DatasetError> {
        #[cfg(feature = "s3")]
        if let Some(url) = place.to_str().filter(|place| place.starts_with("s3://")) {
            return Bucket::open(url).map(Self::Bucket);
        }
        Folder::open(place.to_owned()).map(Self::Folder)
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.place(),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.place(),
        }
    }

    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, DatasetError> {
        match self {
            Self::Folder(folder) => folder.read(path),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.read(path),
        }
    }

    pub(super) fn create(&self, path: &str, bytes: &[u8]) -> Result<bool, DatasetError> {
        match self {
            Self::Folder(folder) => folder.create(path, bytes),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.create(path, bytes),
        }
    }

    pub(super) fn last_commit(&self) -> Result<Option<u64>, DatasetError> {
        match self {
            Self::Folder(folder) => folder.last_commit(),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.last_commit(),
        }
    }

    /// Begins a file of a table.
    pub(super) fn begin(&self, path: &str) -> Result<Sink, DatasetError> {
        let to = match self {
            Self::Folder(folder) => To::File(folder.stage(path)?),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => To::Object(bucket.upload(path)),
        };
        Ok(Sink { to, bytes: 0 })
    }

    /// Lets the files of a table be seen.
    pub(super) fn publish(&self, table: Table) -> Result<(), DatasetError> {
        match self {
            Self::Folder(folder) => folder.publish(table),
            #[cfg(feature = "s3")]
            Self::Bucket(_) => Ok(()),
        }
    }

    pub(super) fn remove(&self, path: &str) -> Result<(), DatasetError> {
        match self {
            Self::Folder(folder) => folder.remove(path),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.remove(path),
        }
    }
}

/// A file of a table that is being written.
#[derive(Debug)]
pub(super) struct Sink {
    to: To,
    bytes: u64,
}

#[derive(Debug)]
enum To {
    File(File),
    #[cfg(feature = "s3")]
    Object(Upload),
}

impl Sink {
    /// Sees to it that it will still be there after a loss of power.
    pub(super) fn finish(self, path: String, rows: u64) -> io::Result<Written> {
        match self.to {
            To::File(file) => file.sync_all()?,
            #[cfg(feature = "s3")]
            To::Object(upload) => upload.finish()?,
        }
        Ok(Written { path, rows, bytes: self.bytes })
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = match &mut self.to {
            To::File(file) => file.write(bytes),
            #[cfg(feature = "s3")]
            To::Object(upload) => upload.write(bytes),
        }?;
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::File(file) => file.flush(),
            #[cfg(feature = "s3")]
            To::Object(upload) => upload.flush(),
        }
    }
}
