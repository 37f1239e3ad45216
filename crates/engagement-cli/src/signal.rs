//! Being told to stop.

use std::{pin::Pin, time::Duration};

use tokio::time::{Instant, sleep_until};

use crate::exit::Exit;

/// The signal to stop, and how long what is under way may take after it.
pub(crate) struct Signal {
    waiting: Pin<Box<dyn Future<Output = Exit>>>,
    came_at: Option<Instant>,
}

impl Signal {
    /// Waits for one.
    pub(crate) fn new() -> Self {
        Self { waiting: Box::pin(stopped()), came_at: None }
    }

    /// Whether it is there.
    pub(crate) fn has_come(&self) -> bool {
        self.came_at.is_some()
    }

    /// Ends when it comes, once.
    pub(crate) async fn came(&mut self) -> Exit {
        let exit = self.waiting.as_mut().await;
        self.came_at = Some(Instant::now());
        exit
    }

    /// Ends when what is under way has had its time after the signal; never before the signal has come.
    pub(crate) fn patience_ends(&self) -> impl Future<Output = ()> + use<> {
        let end = self.came_at.map(|came_at| came_at + PATIENCE);
        async move {
            match end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        }
    }
}

/// Waits until SIGINT or SIGTERM comes, and says which.
#[cfg(unix)]
pub(crate) async fn stopped() -> Exit {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
        },
        // Signals then end the process in the system's own way.
        _ => std::future::pending().await,
    }
}

/// Waits until Ctrl-C is pressed.
#[cfg(not(unix))]
pub(crate) async fn stopped() -> Exit {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Exit::Interrupted,
        Err(_) => std::future::pending().await,
    }
}

/// After a signal, what is under way has this long to come to its end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
