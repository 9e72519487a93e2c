//! Files that are looked at now and then, because the system does not watch them.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::super::{
    folder::sub_name,
    store::Store,
    system::{FileId, Opened, Purpose, open_own},
};
use crate::{StoreKey, storage::Watch};

pub(super) struct Polling {
    store: Weak<Store>,
    watch: Watch,
    interval: Duration,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// What was seen of each file.
    files: HashMap<StoreKey, Seen>,
    is_running: bool,
}

/// What was seen of a session's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    File(FileId),
    /// It cannot be told from another one, or was not looked at yet.
    Unknown,
}

impl Polling {
    pub(super) fn new(store: Weak<Store>, watch: Watch, interval: Duration) -> Self {
        Self { store, watch, interval, shared: Arc::default() }
    }

    pub(super) fn begin(&self, key: &StoreKey) {
        let mut state = self.shared.state.lock();
        if !state.is_running {
            let (store, watch, interval) = (self.store.clone(), self.watch.clone(), self.interval);
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("gsession-poll".into());
            if let Err(error) = thread.spawn(move || run(&shared, &store, &watch, interval)) {
                tracing::error!(%error, "no thread could be started that looks for the ends of sessions");
                return;
            }
            state.is_running = true;
        }
        state.files.insert(*key, Seen::Unknown);
    }

    pub(super) fn end(&self, key: &StoreKey) {
        self.shared.end(|files| {
            files.remove(key);
        });
    }

    pub(super) fn has(&self, key: &StoreKey) -> bool {
        self.shared.state.lock().files.contains_key(key)
    }
}

impl Shared {
    fn end(&self, remove: impl FnOnce(&mut HashMap<StoreKey, Seen>)) {
        let mut state = self.state.lock();
        remove(&mut state.files);
        if state.files.is_empty() {
            self.ended.notify_all();
        }
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.shared.end(HashMap::clear);
    }
}

/// Runs on the thread, until nobody waits.
fn run(shared: &Shared, store: &Weak<Store>, watch: &Watch, interval: Duration) {
    let mut state = shared.state.lock();
    loop {
        let until = Instant::now().checked_add(interval);
        loop {
            if state.files.is_empty() {
                state.is_running = false;
                return;
            }
            match until {
                Some(until) if shared.ended.wait_until(&mut state, until).timed_out() => break,
                Some(_) => {}
                None => shared.ended.wait(&mut state),
            }
        }
        let keys: Vec<StoreKey> = state.files.keys().copied().collect();
        drop(state);
        let seen: Vec<Seen> = match store.upgrade() {
            Some(store) => keys.iter().map(|key| look(&store, key)).collect(),
            None => Vec::new(),
        };
        state = shared.state.lock();
        let mut changed = Vec::new();
        for (key, seen) in keys.into_iter().zip(seen) {
            if let Some(before) = state.files.get_mut(&key)
                && (*before != seen || seen == Seen::Unknown)
            {
                *before = seen;
                changed.push(key);
            }
        }
        parking_lot::MutexGuard::unlocked(&mut state, || changed.iter().for_each(|key| watch.changed(key)));
    }
}

/// Which file has the name of a session.
fn look(store: &Store, key: &StoreKey) -> Seen {
    match store.folder.sub(&sub_name(key)) {
        Ok(None) => Seen::Nothing,
        Ok(Some(sub)) => match open_own(&sub, &key.to_string(), Purpose::Reading) {
            Ok(Opened::Absent | Opened::Foreign) => Seen::Nothing,
            Ok(Opened::File(_, stat)) => stat.id.map_or(Seen::Unknown, Seen::File),
            Err(_) => Seen::Unknown,
        },
        Err(_) => Seen::Unknown,
    }
}
