//! Why a job cannot be made or gone on with.

use std::fmt;

use engagement_store::job::JobId;

/// What keeps a collection from its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store cannot be read or written: its own error says what to do.
    #[error(transparent)]
    Store(#[from] engagement_store::Error),
    /// The question breaks a rule of the API, or there is no credential for it.
    #[error(transparent)]
    Question(#[from] engagement::Error),
    /// The list has changed since an unfinished job was made from it.
    #[error("{0}")]
    Changed(Changed),
    /// The thread that writes is gone: a fault of this program. What was committed is kept.
    #[error("the writing thread has ended; everything that was committed is kept")]
    WriterGone,
    /// The thread that writes cannot be started.
    #[error("no thread can be started to write with: {0}")]
    Thread(std::io::Error),
    /// What a job is to be made with cannot be written down.
    #[error("the settings of the new job cannot be written: {0}")]
    NewSettings(serde_json::Error),
    /// What the job was made with cannot be read: something other than this program has written it.
    #[error("the settings of job {job} cannot be read: {why}")]
    Settings {
        /// The job.
        job: JobId,
        /// What is wrong with them.
        why: String,
    },
}

/// How a list differs from that of an unfinished job that asks the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// The unfinished job.
    pub job: JobId,
    /// Tweets that the job does not have.
    pub added: usize,
    /// Tweets that only the job has.
    pub removed: usize,
    /// Tweets that both have.
    pub kept: usize,
    /// Batches of the job that are not done.
    pub waiting: u64,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, added, removed, kept, waiting } = self;
        write!(
            f,
            "the list has changed since job {job} was made from it: {added} Tweets were added, {removed} removed, {kept} \
             are the same, and {waiting} batches of that job wait"
        )
    }
}
