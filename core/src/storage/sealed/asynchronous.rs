//! Async use.

use std::{num::NonZeroUsize, sync::Arc};

use super::{Sealed, inner::Asynchronous};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    observe::Observer,
    record::{Access, Commit},
    storage::{
        AsyncStorage, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, StorageFuture, Swept,
        Tombstone, Touched, Watched,
    },
};

impl<S: AsyncStorage> AsyncStorage for Sealed<S> {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(async move { self.seal.load(&Asynchronous(&self.storage), key, access).await })
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        Box::pin(async move { self.seal.create(&Asynchronous(&self.storage), key, record, now).await })
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        Box::pin(async move { self.seal.commit(&Asynchronous(&self.storage), key, commit).await })
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        self.storage.touch(key, access)
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        Box::pin(async move { self.seal.move_to(&Asynchronous(&self.storage), from, to, commit).await })
    }

    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        self.storage.tombstone(key, now)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        self.storage.remove(key)
    }

    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(async move { self.seal.find(&Asynchronous(&self.storage), principal, now).await })
    }

    fn find_page<'a>(
        &'a self,
        principal: &'a str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(async move { self.seal.find_page(&Asynchronous(&self.storage), principal, after, most, now).await })
    }

    fn sweep(&self, now: Timestamp) -> StorageFuture<'_, Swept> {
        self.storage.sweep(now)
    }

    fn scan<'a>(&'a self, after: Option<&'a ScanCursor>, now: Timestamp) -> StorageFuture<'a, Scanned> {
        self.storage.scan(after, now)
    }

    fn count(&self, now: Timestamp) -> StorageFuture<'_, u64> {
        self.storage.count(now)
    }

    fn check(&self) -> StorageFuture<'_, ()> {
        self.storage.check()
    }

    fn key_scheme(&self) -> KeyScheme {
        self.storage.key_scheme()
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.storage.watch(key)
    }

    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        self.seal.failures.reporter.add(observers);
        self.storage.report_to(observers);
    }
}
