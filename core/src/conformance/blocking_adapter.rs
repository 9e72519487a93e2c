//! Presents an async storage as a blocking one, so that the same cases test it.

use std::{future::Future, io, num::NonZeroUsize, sync::Arc};

use tokio::runtime::{Builder, Runtime};

use crate::{
    AnyStorage, KeyScheme, Record, Storage, StorageError, StoreKey, Timestamp,
    record::Commit,
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Swept, Tombstone, Touched,
        Watched,
    },
};

/// The runtime of a suite's async storages.
#[derive(Debug)]
pub(super) struct Executor(Runtime);

impl Executor {
    pub(super) fn start() -> io::Result<Self> {
        Builder::new_multi_thread().worker_threads(2).enable_all().build().map(Self)
    }

    /// Waits for a future. Must be called outside the runtime.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }
}

/// An async storage as a [`Storage`]: each method waits for its future.
pub(super) struct BlockingAdapter {
    pub(super) storage: AnyStorage,
    pub(super) executor: Arc<Executor>,
}

impl Storage for BlockingAdapter {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.executor.wait(self.storage.load(key, access))
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        self.executor.wait(self.storage.fetch(key, names, access))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.executor.wait(self.storage.create(key, record, now))
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.executor.wait(self.storage.commit(key, commit))
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        self.executor.wait(self.storage.touch(key, access))
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        self.executor.wait(self.storage.move_to(from, to, commit))
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        self.executor.wait(self.storage.tombstone(key, now))
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.executor.wait(self.storage.remove(key))
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        self.executor.wait(self.storage.find(principal, now))
    }

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        self.executor.wait(self.storage.find_page(principal, after, most, now))
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        self.executor.wait(self.storage.sweep(now))
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        self.executor.wait(self.storage.count(now))
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        self.executor.wait(self.storage.scan(after, now))
    }

    fn check(&self) -> Result<(), StorageError> {
        self.executor.wait(self.storage.check())
    }

    fn key_scheme(&self) -> KeyScheme {
        self.storage.key_scheme()
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        // A storage may need its runtime to begin.
        self.executor.wait(async { self.storage.watch(key) })
    }
}
