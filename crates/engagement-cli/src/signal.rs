//! Being told to stop.

use crate::exit::Exit;

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
