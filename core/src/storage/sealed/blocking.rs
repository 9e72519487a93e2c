//! Blocking use.

use std::{num::NonZeroUsize, sync::Arc};

use super::{Rekeyed, Sealed, inner::Blocking};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    observe::Observer,
    record::{Access, Commit},
    storage::{
        Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Storage, StorageError, Swept,
        Tombstone, Touched, Watched,
    },
    wait::wait,
};

type Answer<T> = Result<T, StorageError>;

impl<S: Storage> Sealed<S> {
    /// Seals a session with the first key of the ring, if an older one has sealed it.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken.
    pub fn rekey(&self, key: &StoreKey, now: Timestamp) -> Result<Rekeyed, StorageError> {
        wait(self.seal.rekey(&Blocking(&self.storage), key, now))
    }
}

impl<S: Storage> Storage for Sealed<S> {
    fn load(&self, key: &StoreKey, access: &Access) -> Answer<Lookup> {
        wait(self.seal.load(&Blocking(&self.storage), key, access))
    }

    fn load_cached(&self, key: &StoreKey, access: &Access) -> Option<Lookup> {
        Some(self.seal.look_up(key, self.storage.load_cached(key, access)?))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Answer<Created> {
        wait(self.seal.create(&Blocking(&self.storage), key, record, now))
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Answer<Committed> {
        wait(self.seal.commit(&Blocking(&self.storage), key, commit))
    }

    fn commit_cached(&self, key: &StoreKey, commit: &Commit) -> Option<Committed> {
        self.seal.commit_cached(&self.storage, key, commit)
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Answer<Touched> {
        self.storage.touch(key, access)
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Answer<Moved> {
        wait(self.seal.move_to(&Blocking(&self.storage), from, to, commit))
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Answer<Option<Tombstone>> {
        self.storage.tombstone(key, now)
    }

    fn remove(&self, key: &StoreKey) -> Answer<Removed> {
        self.storage.remove(key)
    }

    fn find(&self, principal: &str, now: Timestamp) -> Answer<Vec<Found>> {
        wait(self.seal.find(&Blocking(&self.storage), principal, now))
    }

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Answer<Vec<Found>> {
        wait(self.seal.find_page(&Blocking(&self.storage), principal, after, most, now))
    }

    fn sweep(&self, now: Timestamp) -> Answer<Swept> {
        self.storage.sweep(now)
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Answer<Scanned> {
        self.storage.scan(after, now)
    }

    fn count(&self, now: Timestamp) -> Answer<u64> {
        self.storage.count(now)
    }

    fn check(&self) -> Answer<()> {
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
