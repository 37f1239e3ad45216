//! How many may be here at once, how much they may leave unread, and who has to go.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{task::AbortHandle, time::Instant};

use super::wire::Fate;

/// The open connections. When there are too many, or too much is left unread, the one that has been doing nothing for
/// longest is closed: slow clients, however many, cannot keep others out. Those who never came to an answer go first, so
/// that a flood of them does not take away the connections that others keep between two requests.
#[derive(Clone, Debug)]
pub(crate) struct Crowd(Arc<Mutex<Places>>);

#[derive(Debug)]
struct Places {
    most: usize,
    most_unread: usize,
    next: u64,
    taken: HashMap<u64, Guest>,
}

#[derive(Debug)]
struct Guest {
    task: Option<AbortHandle>,
    /// `None` while a request is being answered.
    idle_since: Option<Instant>,
    was_answered: bool,
    fate: Arc<Fate>,
}

/// One connection's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Crowd,
    id: u64,
}

impl Crowd {
    pub(crate) fn new(most: usize, most_unread: usize) -> Self {
        Self(Arc::new(Mutex::new(Places { most, most_unread, next: 0, taken: HashMap::new() })))
    }

    /// A place, if need be that of an idle connection. `None` if all are busy.
    pub(crate) fn enter(&self, fate: Arc<Fate>) -> Option<Place> {
        let mut places = self.lock();
        if places.taken.len() >= places.most && !places.send_away(|_| true) {
            return None;
        }
        let id = places.next;
        places.next += 1;
        places
            .taken
            .insert(id, Guest { task: None, idle_since: Some(Instant::now()), was_answered: false, fate });
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

impl Places {
    /// Ends the first to go of the idle connections of a kind, if there is one.
    fn send_away(&mut self, of_kind: impl Fn(&Guest) -> bool) -> bool {
        let idle = self.taken.iter().filter(|(_, guest)| of_kind(guest));
        let order = |guest: &Guest| Some((guest.has_read_answers(), guest.idle_since?));
        let Some((_, first)) = idle.filter_map(|(id, guest)| Some((order(guest)?, *id))).min() else {
            return false;
        };
        if let Some(Guest { task: Some(task), .. }) = self.taken.remove(&first) {
            task.abort();
        }
        true
    }

    fn unread(&self) -> usize {
        self.taken.values().map(|guest| guest.fate.unread()).sum()
    }
}

impl Guest {
    fn has_read_answers(&self) -> bool {
        self.was_answered && self.fate.unread() == 0
    }
}

impl Place {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// A request is here as a whole, and is being answered.
    pub(crate) fn busy(&self) {
        self.set(None);
    }

    /// It is for the other end to go on.
    pub(crate) fn waiting(&self) {
        self.set(Some(Instant::now()));
    }

    /// As [`Place::waiting`], with so many bytes to read.
    pub(crate) fn answered(&self, fate: &Fate, bytes: usize) {
        let mut places = self.crowd.lock();
        while places.unread() + bytes > places.most_unread
            && places.send_away(|guest| guest.fate.unread() > 0)
        {}
        if let Some(guest) = places.taken.get_mut(&self.id) {
            guest.was_answered = true;
        }
        drop(places);
        fate.is_to_read(bytes);
        self.waiting();
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

    fn enter(crowd: &Crowd) -> (Option<Place>, Arc<Fate>) {
        let fate = Arc::new(Fate::default());
        (crowd.enter(Arc::clone(&fate)), fate)
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_goes_and_the_busy_stay() {
        let crowd = Crowd::new(2, 0);
        let idle = enter(&crowd).0.unwrap();
        let task = tokio::spawn(core::future::pending::<()>());
        crowd.known_as(idle.id(), task.abort_handle());
        tokio::time::advance(Duration::from_secs(1)).await;
        let busy = enter(&crowd).0.unwrap();
        busy.busy();

        let third = enter(&crowd).0.unwrap();
        assert!(task.await.unwrap_err().is_cancelled());
        third.busy();
        assert!(enter(&crowd).0.is_none());
        drop(busy);
        assert!(enter(&crowd).0.is_some());
        drop(idle);
        assert_eq!(crowd.lock().taken.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_came_to_an_answer_goes_before_who_did() {
        let crowd = Crowd::new(3, 100);
        let mut guests = Vec::new();
        // The first reads its answer, the second leaves it unread, the third never asks.
        for (answered, read) in [(true, true), (true, false), (false, false)] {
            let (place, fate) = enter(&crowd);
            let place = place.unwrap();
            let task = tokio::spawn(core::future::pending::<()>());
            crowd.known_as(place.id(), task.abort_handle());
            if answered {
                place.answered(&fate, 1);
            }
            if read {
                fate.is_to_read(0);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
            guests.push((place, task));
        }
        let gone = async || {
            tokio::task::yield_now().await;
            guests.iter().map(|(_, task)| task.is_finished()).collect::<Vec<_>>()
        };
        let others = [enter(&crowd).0.unwrap(), enter(&crowd).0.unwrap()];
        assert_eq!(gone().await, [false, true, true]);
        for other in &others {
            other.busy();
        }
        assert!(enter(&crowd).0.is_some());
        assert_eq!(gone().await, [true, true, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_much_unread_goes_when_others_need_the_room() {
        let crowd = Crowd::new(10, 100);
        let mut tasks = Vec::new();
        let mut places = Vec::new();
        for _ in 0..3 {
            let (place, fate) = enter(&crowd);
            let place = place.unwrap();
            let task = tokio::spawn(core::future::pending::<()>());
            crowd.known_as(place.id(), task.abort_handle());
            tokio::time::advance(Duration::from_secs(1)).await;
            place.answered(&fate, 40);
            tasks.push(task);
            places.push(place);
        }
        assert_eq!(crowd.lock().unread(), 80);
        tokio::task::yield_now().await;
        assert_eq!(tasks.iter().map(|task| task.is_finished()).collect::<Vec<_>>(), [true, false, false]);
    }
}
