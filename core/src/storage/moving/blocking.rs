//! Blocking use.

use std::sync::Arc;

use super::BlockingMovingStorage;
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    observe::Observer,
    record::Commit,
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Storage, StorageError, Swept,
        Tombstone, Touched, Watched,
    },
    wait::wait,
};

impl Storage for BlockingMovingStorage {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        wait(self.0.load(key, access))
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        wait(self.0.fetch(key, names, access))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        wait(self.0.create(key, record, now))
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        wait(self.0.commit(key, commit))
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        wait(self.0.touch(key, access))
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        wait(self.0.move_to(from, to, commit))
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        wait(self.0.tombstone(key, now))
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        wait(self.0.remove(key))
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        wait(self.0.find(principal, now))
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        wait(self.0.sweep(now))
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        wait(self.0.count(now))
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        wait(self.0.scan(after, now))
    }

    fn check(&self) -> Result<(), StorageError> {
        wait(self.0.check())
    }

    fn key_scheme(&self) -> KeyScheme {
        self.0.names.scheme()
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.0.watch(key)
    }

    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        self.0.old.report_to(observers);
        self.0.new.report_to(observers);
    }
}
