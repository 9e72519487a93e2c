//! Async use.

use std::sync::Arc;

use super::MovingStorage;
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    observe::Observer,
    record::Commit,
    storage::{
        Access, AsyncStorage, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, StorageFuture,
        Swept, Tombstone, Touched, Watched,
    },
};

impl AsyncStorage for MovingStorage {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(self.0.load(key, access))
    }

    fn fetch<'a>(&'a self, key: &'a StoreKey, names: &'a [&'a str], access: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(self.0.fetch(key, names, access))
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        Box::pin(self.0.create(key, record, now))
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        Box::pin(self.0.commit(key, commit))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        Box::pin(self.0.touch(key, access))
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        Box::pin(self.0.move_to(from, to, commit))
    }

    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        Box::pin(self.0.tombstone(key, now))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        Box::pin(self.0.remove(key))
    }

    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(self.0.find(principal, now))
    }

    fn sweep(&self, now: Timestamp) -> StorageFuture<'_, Swept> {
        Box::pin(self.0.sweep(now))
    }

    fn count(&self, now: Timestamp) -> StorageFuture<'_, u64> {
        Box::pin(self.0.count(now))
    }

    fn scan<'a>(&'a self, after: Option<&'a ScanCursor>, now: Timestamp) -> StorageFuture<'a, Scanned> {
        Box::pin(self.0.scan(after, now))
    }

    fn check(&self) -> StorageFuture<'_, ()> {
        Box::pin(self.0.check())
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
