//! A storage that notes what it is asked, and fails or waits where it is told to.

use std::sync::{Arc, Condvar, Mutex};

use gsession::{
    Record, Storage, StorageError, StorageErrorKind, StoreKey, Timestamp,
    observe::Observer,
    record::Commit,
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Swept, Tombstone, Touched,
        Watched,
    },
};

use super::PATIENCE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Load,
    Fetch,
    Create,
    Commit,
    Touch,
    Move,
    Remove,
    Tombstone,
    Find,
}

/// What a failing storage says; it must reach no client.
pub(crate) const CAUSE: &str = "connection refused by 10.0.0.1";

#[derive(Default)]
struct State {
    asked: Vec<(Op, Option<StoreKey>)>,
    failing: Vec<Op>,
    held: Option<Op>,
    leaves_touches: bool,
}

/// Wraps a storage; clones share the notes.
#[derive(Clone)]
pub(crate) struct Probe {
    storage: Arc<dyn Storage>,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Probe {
    pub(crate) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, state: Arc::default() }
    }

    /// What was asked since the last time, in order.
    pub(crate) fn asked(&self) -> Vec<Op> {
        std::mem::take(&mut self.state.0.lock().unwrap().asked).into_iter().map(|(op, _)| op).collect()
    }

    /// Whether anything was asked about a key since the last [`asked`](Self::asked).
    pub(crate) fn knows_of(&self, key: &StoreKey) -> bool {
        self.state.0.lock().unwrap().asked.iter().any(|(_, asked)| asked.as_ref() == Some(key))
    }

    /// From now on these operations fail, and no others.
    pub(crate) fn fail(&self, ops: &[Op]) {
        self.state.0.lock().unwrap().failing = ops.to_vec();
    }

    /// From now on such operations wait before they do anything. `None` lets them go.
    pub(crate) fn hold(&self, op: Option<Op>) {
        self.state.0.lock().unwrap().held = op;
        self.state.1.notify_all();
    }

    /// How often an operation was asked since the last [`asked`](Self::asked).
    pub(crate) fn count(&self, op: Op) -> usize {
        self.state.0.lock().unwrap().asked.iter().filter(|(asked, _)| *asked == op).count()
    }

    /// From now on reading does not extend sessions, as in a storage that leaves that to `touch`.
    pub(crate) fn leave_touches(&self) {
        self.state.0.lock().unwrap().leaves_touches = true;
    }

    fn reading(&self, access: &Access) -> Access {
        if self.state.0.lock().unwrap().leaves_touches { Access::passive(access.now) } else { *access }
    }

    fn note(&self, op: Op, key: Option<&StoreKey>) -> Result<(), StorageError> {
        let mut state = self.state.0.lock().unwrap();
        state.asked.push((op, key.copied()));
        if state.failing.contains(&op) {
            let error = StorageError::new(StorageErrorKind::Unavailable, "asking a storage that is down");
            return Err(error.with_source(CAUSE));
        }
        while state.held == Some(op) {
            let (next, timeout) = self.state.1.wait_timeout(state, PATIENCE).unwrap();
            assert!(!timeout.timed_out(), "nobody lets {op:?} go");
            state = next;
        }
        drop(state);
        Ok(())
    }
}

impl Storage for Probe {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.note(Op::Load, Some(key))?;
        self.storage.load(key, &self.reading(access))
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        self.note(Op::Fetch, Some(key))?;
        self.storage.fetch(key, names, &self.reading(access))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.note(Op::Create, Some(key))?;
        self.storage.create(key, record, now)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.note(Op::Commit, Some(key))?;
        self.storage.commit(key, commit)
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        self.note(Op::Touch, Some(key))?;
        self.storage.touch(key, access)
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        self.note(Op::Move, Some(from))?;
        self.storage.move_to(from, to, commit)
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        self.note(Op::Tombstone, Some(key))?;
        self.storage.tombstone(key, now)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.note(Op::Remove, Some(key))?;
        self.storage.remove(key)
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        self.note(Op::Find, None)?;
        self.storage.find(principal, now)
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        self.storage.sweep(now)
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        self.storage.count(now)
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        self.storage.scan(after, now)
    }

    fn check(&self) -> Result<(), StorageError> {
        self.storage.check()
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.storage.watch(key)
    }

    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        self.storage.report_to(observers);
    }
}
