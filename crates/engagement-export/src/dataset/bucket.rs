//! A prefix in S3, or in what speaks as S3 does, as the place of a data set.

use std::{
    fmt,
    io::{self, Write},
    mem,
    sync::Arc,
};

use object_store::{
    MultipartUpload, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    path::Path,
};
use tokio::runtime::{Builder, Runtime};

use super::{
    commit::{COMMITS, IDENTITY, OWN_FOLDER, record_number},
    error::DatasetError,
};

/// A prefix of a bucket.
///
/// There is no lock and no folder to move: a file is there as soon as it is whole, and only the commit record says that
/// all of them are.
#[derive(Debug)]
pub(super) struct Bucket {
    url: String,
    prefix: Path,
    store: Arc<AmazonS3>,
    runtime: Arc<Runtime>,
}

impl Bucket {
    /// Opens the prefix; refuses one with anything below it but a data set.
    pub(super) fn open(url: &str) -> Result<Self, DatasetError> {
        let wrong = || DatasetError::Url { url: url.to_owned() };
        let (bucket, prefix) = url
            .strip_prefix("s3://")
            .map(|rest| rest.split_once('/').unwrap_or((rest, "")))
            .ok_or_else(wrong)?;
        if bucket.is_empty() {
            return Err(wrong());
        }
        let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|_| wrong())?;
        let refused = |source| DatasetError::Objects { path: url.to_owned(), source };
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        // Plain http to this machine only, unless AWS_ALLOW_HTTP says otherwise.
        if builder.get_config_value(&AmazonS3ConfigKey::Endpoint).is_some_and(|url| is_loopback(&url)) {
            builder = builder.with_allow_http(true);
        }
        let store = Arc::new(builder.build().map_err(refused)?);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| DatasetError::Io { path: url.to_owned(), done: "opened", source })?;
        let bucket = Self { url: url.to_owned(), prefix, store, runtime: Arc::new(runtime) };
        if bucket.read(IDENTITY)?.is_none() && bucket.is_used()? {
            return Err(DatasetError::Foreign { place: url.to_owned() });
        }
        Ok(bucket)
    }

    pub(super) fn place(&self) -> String {
        self.url.clone()
    }

    /// The content of an object, if there is one.
    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, DatasetError> {
        let location = self.location(path);
        let read = self.runtime.block_on(async { self.store.get(&location).await?.bytes().await });
        match read {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.refused(path)(source)),
        }
    }

    /// Makes an object with this content, unless there is one.
    pub(super) fn create(&self, path: &str, bytes: &[u8]) -> Result<bool, DatasetError> {
        let payload = PutPayload::from(bytes.to_vec());
        let options = PutOptions::from(PutMode::Create);
        let location = self.location(path);
        match self.runtime.block_on(self.store.put_opts(&location, payload, options)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(source) => Err(self.refused(path)(source)),
        }
    }

    /// The number of the newest commit record.
    pub(super) fn last_commit(&self) -> Result<Option<u64>, DatasetError> {
        let folder = self.location(COMMITS);
        let listing = self.store.list_with_delimiter(Some(&folder));
        let commits = self.runtime.block_on(listing).map_err(self.refused(COMMITS))?;
        let numbers = commits.objects.iter().filter_map(|object| record_number(object.location.filename()?));
        Ok(numbers.max())
    }

    /// A file of a table.
    pub(super) fn upload(&self, path: &str) -> Upload {
        Upload {
            store: Arc::clone(&self.store),
            runtime: Arc::clone(&self.runtime),
            location: self.location(path),
            part: Vec::new(),
            parts: None,
        }
    }

    /// Removes a file that no commit holds any longer.
    pub(super) fn remove(&self, path: &str) -> Result<(), DatasetError> {
        match self.runtime.block_on(self.store.delete(&self.location(path))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(self.refused(path)(source)),
        }
    }

    /// Whether there is anything but what a data set says of itself.
    fn is_used(&self) -> Result<bool, DatasetError> {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        let listing =
            self.runtime.block_on(self.store.list_with_delimiter(prefix)).map_err(self.refused(""))?;
        let own = self.location(OWN_FOLDER);
        Ok(!listing.objects.is_empty() || listing.common_prefixes.iter().any(|folder| *folder != own))
    }

    fn location(&self, path: &str) -> Path {
        path.split('/').fold(self.prefix.clone(), |location, part| location.join(part))
    }

    fn refused(&self, path: &str) -> impl Fn(object_store::Error) -> DatasetError {
        let path = format!("{}/{path}", self.url.trim_end_matches('/'));
        move |source| DatasetError::Objects { path: path.clone(), source }
    }
}

/// An object that is being written, in parts if it is large. It is there once it is finished, and not before.
pub(super) struct Upload {
    store: Arc<AmazonS3>,
    runtime: Arc<Runtime>,
    location: Path,
    part: Vec<u8>,
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    /// Sends what is left, and lets the object appear.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let Some(mut parts) = self.parts.take() else {
            let payload = PutPayload::from(mem::take(&mut self.part));
            self.runtime.block_on(self.store.put(&self.location, payload))?;
            return Ok(());
        };
        let rest = mem::take(&mut self.part);
        self.runtime.block_on(async {
            if !rest.is_empty() {
                parts.put_part(PutPayload::from(rest)).await?;
            }
            parts.complete().await
        })?;
        Ok(())
    }

    fn send_part(&mut self) -> io::Result<()> {
        let payload = PutPayload::from(mem::take(&mut self.part));
        let Self { store, runtime, location, parts, .. } = self;
        runtime.block_on(async {
            let parts = match parts {
                Some(parts) => parts,
                None => parts.insert(store.put_multipart(location).await?),
            };
            parts.put_part(payload).await
        })?;
        Ok(())
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART {
            self.send_part()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(mut parts) = self.parts.take() {
            // Parts that nobody completes are invisible, but paid for. What cannot be dropped is left to the bucket's rules.
            let _ = self.runtime.block_on(parts.abort());
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("location", &self.location).finish_non_exhaustive()
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url.strip_prefix("http://").and_then(|rest| rest.split(['/', ':']).next());
    matches!(host, Some("127.0.0.1" | "localhost"))
}

/// S3 takes no smaller parts than 5 MiB, but for the last, and no more than 10,000: so a file may have 160 GiB.
const PART: usize = 16 << 20;
