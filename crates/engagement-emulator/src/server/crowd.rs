//! How many may be here at once, and who has to go.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{task::AbortHandle, time::Instant};

/// The open connections. When there are too many, the one that has been doing nothing for longest is closed: slow
/// clients, however many, cannot keep others out.
#[derive(Clone, Debug)]
pub(crate) struct Crowd(Arc<Mutex<Places>>);

#[derive(Debug)]
struct Places {
    most: usize,
    next: u64,
    taken: HashMap<u64, Guest>,
}

#[derive(Debug)]
struct Guest {
    task: Option<AbortHandle>,
    /// `None` while a request is being answered.
    idle_since: Option<Instant>,
}

/// One connection's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Crowd,
    id: u64,
}

impl Crowd {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Places { most, next: 0, taken: HashMap::new() })))
    }

    /// A place, if need be that of an idle connection. `None` if all are busy.
    pub(crate) fn enter(&self) -> Option<Place> {
        let mut places = self.lock();
        if places.taken.len() >= places.most {
            let idle = places.taken.iter().filter_map(|(id, guest)| Some((guest.idle_since?, *id)));
            let (_, oldest) = idle.min()?;
            if let Some(Guest { task: Some(task), .. }) = places.taken.remove(&oldest) {
                task.abort();
            }
        }
        let id = places.next;
        places.next += 1;
        places.taken.insert(id, Guest { task: None, idle_since: Some(Instant::now()) });
        drop(places);
        Some(Place { crowd: self.clone(), id })
    }

    /// How to end the connection.
    pub(crate) fn known_as(&self, id: u64, task: AbortHandle) {
        // A connection may be over, or have lost its place, before it is known.
        match self.lock().taken.get_mut(&id) {
            Some(guest) => guest.task = Some(task),
            None => task.abort(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// A request has come.
    pub(crate) fn busy(&self) {
        self.set(None);
    }

    /// It has been answered.
    pub(crate) fn waiting(&self) {
        self.set(Some(Instant::now()));
    }

    fn set(&self, idle_since: Option<Instant>) {
        if let Some(guest) = self.crowd.lock().taken.get_mut(&self.id) {
            guest.idle_since = idle_since;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.lock().taken.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_goes_and_the_busy_stay() {
        let crowd = Crowd::new(2);
        let idle = crowd.enter().unwrap();
        let task = tokio::spawn(core::future::pending::<()>());
        crowd.known_as(idle.id(), task.abort_handle());
        tokio::time::advance(Duration::from_secs(1)).await;
        let busy = crowd.enter().unwrap();
        busy.busy();

        let third = crowd.enter().unwrap();
        assert!(task.await.unwrap_err().is_cancelled());
        third.busy();
        assert!(crowd.enter().is_none());
        drop(busy);
        assert!(crowd.enter().is_some());
        drop(idle);
        assert_eq!(crowd.lock().taken.len(), 1);
    }
}
