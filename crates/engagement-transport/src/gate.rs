use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::BoxError;

/// What every attempt of a call passes last: it has its turn in the quota and its connection, and it is neither signed
/// nor sent before the gate lets it.
///
/// A gate is where a caller writes down that a request goes out, so that no request is sent that is not written down.
/// It is asked once for each attempt, on the task that makes the call. While it takes its time no timeout counts. If it
/// refuses, nothing is sent, the turn in the quota is given back, and the call ends with
/// [`ErrorKind::Held`](crate::ErrorKind::Held) and the gate's error as the source. If the call is dropped meanwhile, so
/// is the gate's future, and nothing is sent.
///
/// What passes is not yet certain to leave: a pooled connection may turn out to be closed as it is written to. The
/// attempt that then follows passes the gate again.
#[derive(Clone)]
pub struct Gate(Kind);

#[derive(Clone)]
enum Kind {
    AtOnce(Arc<dyn Fn(u32) -> Result<(), BoxError> + Send + Sync>),
    Waiting(Arc<dyn Fn(u32) -> Passage + Send + Sync>),
}

impl Gate {
    /// A gate that asks `pass`, which is given the number of the attempt, from 1.
    pub fn new<F>(pass: impl Fn(u32) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self(Kind::Waiting(Arc::new(move |attempt| Box::pin(pass(attempt)))))
    }

    /// The same of one that has its answer at once. It may not block: the time that it takes counts.
    pub fn at_once(pass: impl Fn(u32) -> Result<(), BoxError> + Send + Sync + 'static) -> Self {
        Self(Kind::AtOnce(Arc::new(pass)))
    }

    /// Returns how long it took, as well.
    pub(crate) async fn pass(&self, attempt: u32) -> (Result<(), BoxError>, Duration) {
        match &self.0 {
            Kind::AtOnce(pass) => (pass(attempt), Duration::ZERO),
            Kind::Waiting(pass) => {
                let begun = Instant::now();
                let passed = pass(attempt).await;
                (passed, begun.elapsed())
            }
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

type Passage = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;
