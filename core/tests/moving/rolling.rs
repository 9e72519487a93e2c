//! Instances of two deployments side by side.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use gsession::{
    BlockingMovingStorage, KeyScheme, Record, Storage, StorageError, StoreKey, Timestamp,
    record::Commit,
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Swept, Tombstone, Touched,
        Watched,
    },
};

/// Which instance serves a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Balance {
    /// Sessions begin with the one that is only prepared, and are used with the one that moves them.
    ByTurnsOfTheSession,
    /// One request with this one, the next one with that one.
    ByTurns,
}

/// Both instances over the same places, as their users see them.
pub(crate) struct Rolling {
    prepared: BlockingMovingStorage,
    moving: BlockingMovingStorage,
    balance: Balance,
    turn: AtomicUsize,
}

impl Rolling {
    pub(crate) fn new(old: Arc<dyn Storage>, new: Arc<dyn Storage>, balance: Balance) -> Self {
        let moving = BlockingMovingStorage::new(old, new).unwrap();
        Self { prepared: moving.clone().prepared(), moving, balance, turn: AtomicUsize::new(0) }
    }

    fn next(&self) -> &BlockingMovingStorage {
        let is_odd = self.turn.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        if self.balance == Balance::ByTurns && is_odd { &self.prepared } else { &self.moving }
    }
}

impl Storage for Rolling {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.next().load(key, access)
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        self.next().fetch(key, names, access)
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        match self.balance {
            Balance::ByTurnsOfTheSession => self.prepared.create(key, record, now),
            Balance::ByTurns => self.next().create(key, record, now),
        }
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.next().commit(key, commit)
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        self.next().touch(key, access)
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        self.next().move_to(from, to, commit)
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        self.next().tombstone(key, now)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.next().remove(key)
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        self.next().find(principal, now)
    }

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        self.next().find_page(principal, after, most, now)
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        self.next().sweep(now)
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        self.next().count(now)
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        self.next().scan(after, now)
    }

    fn check(&self) -> Result<(), StorageError> {
        self.next().check()
    }

    fn key_scheme(&self) -> KeyScheme {
        self.moving.key_scheme()
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.next().watch(key)
    }
}
