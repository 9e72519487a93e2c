//! A storage that stops an operation before or after it takes effect, until the test lets it go on, or that fails.

use std::{
    collections::HashSet,
    sync::{Arc, Condvar, Mutex},
};

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
    Create,
    Commit,
    Touch,
    Move,
    Remove,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

#[derive(Default)]
struct State {
    /// Set and not met yet.
    waiting: Vec<(u64, Op, Side)>,
    /// Gates at which somebody stands.
    reached: HashSet<u64>,
    released: HashSet<u64>,
    next: u64,
    /// Every operation that began.
    begun: Vec<Op>,
    /// The keys that were loaded.
    loaded: Vec<StoreKey>,
    /// Which operations fail, and whether they take effect all the same.
    failing: Vec<(Op, Side)>,
}

/// Wraps a storage; clones share the gates.
#[derive(Clone)]
pub(crate) struct PausingStorage {
    storage: Arc<dyn Storage>,
    shared: Arc<(Mutex<State>, Condvar)>,
}

/// One gate. It stops one operation, once. Dropping it opens it.
pub(crate) struct Gate {
    number: u64,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl PausingStorage {
    pub(crate) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, shared: Arc::default() }
    }

    /// The next such operation stops before it does anything.
    pub(crate) fn before(&self, op: Op) -> Gate {
        self.gate(op, Side::Before)
    }

    /// The next such operation takes effect, and stops before it is answered.
    pub(crate) fn after(&self, op: Op) -> Gate {
        self.gate(op, Side::After)
    }

    /// The next such operation fails, and does nothing.
    pub(crate) fn fail(&self, op: Op) {
        self.shared.0.lock().unwrap().failing.push((op, Side::Before));
    }

    /// The next such operation takes effect, and its answer is lost.
    pub(crate) fn lose_answer(&self, op: Op) {
        self.shared.0.lock().unwrap().failing.push((op, Side::After));
    }

    /// How many such operations there were.
    pub(crate) fn count(&self, op: Op) -> usize {
        self.shared.0.lock().unwrap().begun.iter().filter(|begun| **begun == op).count()
    }

    /// How often this key was loaded.
    pub(crate) fn loads_of(&self, key: &StoreKey) -> usize {
        self.shared.0.lock().unwrap().loaded.iter().filter(|loaded| *loaded == key).count()
    }

    fn gate(&self, op: Op, side: Side) -> Gate {
        let mut state = self.shared.0.lock().unwrap();
        let number = state.next;
        state.next += 1;
        state.waiting.push((number, op, side));
        Gate { number, shared: Arc::clone(&self.shared) }
    }

    fn pass(&self, op: Op, side: Side) {
        let (state, changed) = &*self.shared;
        let mut state = state.lock().unwrap();
        if side == Side::Before {
            state.begun.push(op);
        }
        let Some(at) = state.waiting.iter().position(|&(_, o, s)| (o, s) == (op, side)) else { return };
        let (number, ..) = state.waiting.remove(at);
        state.reached.insert(number);
        changed.notify_all();
        while !state.released.contains(&number) {
            let (next, timeout) = changed.wait_timeout(state, PATIENCE).unwrap();
            assert!(!timeout.timed_out(), "nobody opened the gate {op:?} {side:?}");
            state = next;
        }
    }

    fn through<T>(
        &self,
        op: Op,
        call: impl FnOnce(&dyn Storage) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let failing = {
            let mut state = self.shared.0.lock().unwrap();
            let at = state.failing.iter().position(|&(failing, _)| failing == op);
            at.map(|at| state.failing.remove(at).1)
        };
        let failed = || StorageError::new(StorageErrorKind::Timeout, "failing, as the test asked");
        self.pass(op, Side::Before);
        if failing == Some(Side::Before) {
            return Err(failed());
        }
        let answer = call(&*self.storage);
        self.pass(op, Side::After);
        if failing == Some(Side::After) { Err(failed()) } else { answer }
    }
}

impl Gate {
    /// Waits until an operation stands at this gate.
    pub(crate) fn reached(&self) {
        let (state, changed) = &*self.shared;
        let mut state = state.lock().unwrap();
        while !state.reached.contains(&self.number) {
            let (next, timeout) = changed.wait_timeout(state, PATIENCE).unwrap();
            assert!(!timeout.timed_out(), "nobody came to the gate");
            state = next;
        }
    }

    pub(crate) fn open(self) {}
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.0.lock() {
            state.waiting.retain(|&(number, ..)| number != self.number);
            state.released.insert(self.number);
        }
        self.shared.1.notify_all();
    }
}

impl Storage for PausingStorage {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        let lookup = self.through(Op::Load, |storage| storage.load(key, access));
        self.shared.0.lock().unwrap().loaded.push(*key);
        lookup
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.through(Op::Create, |storage| storage.create(key, record, now))
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.through(Op::Commit, |storage| storage.commit(key, commit))
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        self.through(Op::Touch, |storage| storage.touch(key, access))
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        self.through(Op::Move, |storage| storage.move_to(from, to, commit))
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        self.storage.tombstone(key, now)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.through(Op::Remove, |storage| storage.remove(key))
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
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
