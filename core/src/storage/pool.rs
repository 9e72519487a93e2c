//! A blocking storage on tokio's pool of blocking threads.

use std::{num::NonZeroUsize, sync::Arc};

use tokio::runtime::Handle;

use super::{
    Access, AsyncStorage, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Storage,
    StorageError, StorageErrorKind, StorageFuture, Swept, Tombstone, Touched, Watched,
};
use crate::{KeyScheme, Record, StoreKey, Timestamp, observe::Observer, record::Commit};

const RUNNING: &str = "running on the blocking thread pool";

/// The storage behind [`AnyStorage::blocking`](super::AnyStorage::blocking).
pub(super) struct Pool(Arc<dyn Storage>);

impl Pool {
    pub(super) fn new(storage: impl Storage + 'static) -> Self {
        Self(Arc::new(storage))
    }

    /// Calls the storage on a thread of the pool.
    fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Storage) -> Result<T, StorageError> + Send + 'static,
    ) -> StorageFuture<'_, T> {
        let storage = Arc::clone(&self.0);
        Box::pin(async move {
            let runtime = Handle::try_current()
                .map_err(|error| StorageError::new(StorageErrorKind::Setup, RUNNING).with_source(error))?;
            runtime
                .spawn_blocking(move || call(&*storage))
                .await
                .map_err(|error| StorageError::new(StorageErrorKind::Other, RUNNING).with_source(error))?
        })
    }

    /// Reads a cached session on the current thread.
    fn cached(&self, key: &StoreKey, access: &Access) -> Option<StorageFuture<'_, Lookup>> {
        let lookup = self.0.load_cached(key, access)?;
        Some(Box::pin(std::future::ready(Ok(lookup))))
    }
}

impl AsyncStorage for Pool {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        let (owned, access) = (*key, *access);
        self.cached(key, &access).unwrap_or_else(|| self.run(move |storage| storage.load(&owned, &access)))
    }

    fn fetch<'a>(&'a self, key: &'a StoreKey, names: &'a [&'a str], access: &'a Access) -> StorageFuture<'a, Lookup> {
        self.cached(key, access).unwrap_or_else(|| {
            let (key, access) = (*key, *access);
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            self.run(move |storage| storage.fetch(&key, &names.iter().map(String::as_str).collect::<Vec<_>>(), &access))
        })
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        let (key, record) = (*key, record.clone());
        self.run(move |storage| storage.create(&key, &record, now))
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        if let Some(committed) = self.0.commit_cached(key, commit) {
            return Box::pin(std::future::ready(Ok(committed)));
        }
        let (key, commit) = (*key, commit.clone());
        self.run(move |storage| storage.commit(&key, &commit))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        let (key, access) = (*key, *access);
        self.run(move |storage| storage.touch(&key, &access))
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        let (from, to, commit) = (*from, *to, commit.clone());
        self.run(move |storage| storage.move_to(&from, &to, &commit))
    }

    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        let key = *key;
        self.run(move |storage| storage.tombstone(&key, now))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        let key = *key;
        self.run(move |storage| storage.remove(&key))
    }

    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        let principal = principal.to_owned();
        self.run(move |storage| storage.find(&principal, now))
    }

    fn find_page<'a>(
        &'a self,
        principal: &'a str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> StorageFuture<'a, Vec<Found>> {
        let principal = principal.to_owned();
        self.run(move |storage| storage.find_page(&principal, after, most, now))
    }

    fn sweep(&self, now: Timestamp) -> StorageFuture<'_, Swept> {
        self.run(move |storage| storage.sweep(now))
    }

    fn count(&self, now: Timestamp) -> StorageFuture<'_, u64> {
        self.run(move |storage| storage.count(now))
    }

    fn scan<'a>(&'a self, after: Option<&'a ScanCursor>, now: Timestamp) -> StorageFuture<'a, Scanned> {
        let after = after.cloned();
        self.run(move |storage| storage.scan(after.as_ref(), now))
    }

    fn check(&self) -> StorageFuture<'_, ()> {
        self.run(|storage| storage.check())
    }

    fn key_scheme(&self) -> KeyScheme {
        self.0.key_scheme()
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.0.watch(key)
    }

    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        self.0.report_to(observers);
    }
}
