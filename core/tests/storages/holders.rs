//! Every way to hold a storage forwards every method, and what a storage leaves out has a default that is right.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use gsession::{
    AnyStorage, AsyncStorage, Changes, IntoStorage, Record, Storage, StorageError, StorageErrorKind, StoreKey,
    Timestamp,
    record::Commit,
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, StorageFuture, Swept,
        Tombstone, Touched, Watch, Watched,
    },
};

use crate::support::{IDLE, NOW, active, commit_at, key, quiet_memory, record, stored};

const MINUTE: Duration = Duration::from_secs(60);

fn pairs(list: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    Some(list.iter().map(|&(key, json)| (key.to_owned(), json.to_owned())).collect())
}

/// The async face of a storage, so that the same cases try it.
struct Awaited {
    storage: AnyStorage,
    runtime: tokio::runtime::Runtime,
}

impl Awaited {
    fn new(storage: impl IntoStorage) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { storage: storage.into_storage(), runtime }
    }
}

impl Storage for Awaited {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.runtime.block_on(self.storage.load(key, access))
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        self.runtime.block_on(self.storage.fetch(key, names, access))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.runtime.block_on(self.storage.create(key, record, now))
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.runtime.block_on(self.storage.commit(key, commit))
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        self.runtime.block_on(self.storage.touch(key, access))
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        self.runtime.block_on(self.storage.move_to(from, to, commit))
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        self.runtime.block_on(self.storage.tombstone(key, now))
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.runtime.block_on(self.storage.remove(key))
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        self.runtime.block_on(self.storage.find(principal, now))
    }

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        self.runtime.block_on(self.storage.find_page(principal, after, most, now))
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        self.runtime.block_on(self.storage.sweep(now))
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        self.runtime.block_on(self.storage.count(now))
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        self.runtime.block_on(self.storage.scan(after, now))
    }

    fn check(&self) -> Result<(), StorageError> {
        self.runtime.block_on(self.storage.check())
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.storage.watch(key)
    }
}

/// Answers with the name of the method that was called.
struct Names;

fn named<T>(name: &'static str) -> Result<T, StorageError> {
    Err(StorageError::new(StorageErrorKind::Other, name))
}

impl Storage for Names {
    fn load(&self, _: &StoreKey, _: &Access) -> Result<Lookup, StorageError> {
        named("load")
    }

    fn fetch(&self, _: &StoreKey, _: &[&str], _: &Access) -> Result<Lookup, StorageError> {
        named("fetch")
    }

    fn create(&self, _: &StoreKey, _: &Record, _: Timestamp) -> Result<Created, StorageError> {
        named("create")
    }

    fn commit(&self, _: &StoreKey, _: &Commit) -> Result<Committed, StorageError> {
        named("commit")
    }

    fn touch(&self, _: &StoreKey, _: &Access) -> Result<Touched, StorageError> {
        named("touch")
    }

    fn move_to(&self, _: &StoreKey, _: &StoreKey, _: &Commit) -> Result<Moved, StorageError> {
        named("move_to")
    }

    fn tombstone(&self, _: &StoreKey, _: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        named("tombstone")
    }

    fn remove(&self, _: &StoreKey) -> Result<Removed, StorageError> {
        named("remove")
    }

    fn find(&self, _: &str, _: Timestamp) -> Result<Vec<Found>, StorageError> {
        named("find")
    }

    fn find_page(
        &self,
        _: &str,
        _: Option<StoreKey>,
        _: NonZeroUsize,
        _: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        named("find_page")
    }

    fn sweep(&self, _: Timestamp) -> Result<Swept, StorageError> {
        named("sweep")
    }

    fn count(&self, _: Timestamp) -> Result<u64, StorageError> {
        named("count")
    }

    fn scan(&self, _: Option<&ScanCursor>, _: Timestamp) -> Result<Scanned, StorageError> {
        named("scan")
    }

    fn check(&self) -> Result<(), StorageError> {
        named("check")
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        Some(Watch::new().watch(key))
    }
}

/// The same, async.
struct AsyncNames;

fn named_later<'a, T: Send + 'a>(name: &'static str) -> StorageFuture<'a, T> {
    Box::pin(async move { named(name) })
}

impl AsyncStorage for AsyncNames {
    fn load<'a>(&'a self, _: &'a StoreKey, _: &'a Access) -> StorageFuture<'a, Lookup> {
        named_later("load")
    }

    fn fetch<'a>(&'a self, _: &'a StoreKey, _: &'a [&'a str], _: &'a Access) -> StorageFuture<'a, Lookup> {
        named_later("fetch")
    }

    fn create<'a>(&'a self, _: &'a StoreKey, _: &'a Record, _: Timestamp) -> StorageFuture<'a, Created> {
        named_later("create")
    }

    fn commit<'a>(&'a self, _: &'a StoreKey, _: &'a Commit) -> StorageFuture<'a, Committed> {
        named_later("commit")
    }

    fn touch<'a>(&'a self, _: &'a StoreKey, _: &'a Access) -> StorageFuture<'a, Touched> {
        named_later("touch")
    }

    fn move_to<'a>(&'a self, _: &'a StoreKey, _: &'a StoreKey, _: &'a Commit) -> StorageFuture<'a, Moved> {
        named_later("move_to")
    }

    fn tombstone<'a>(&'a self, _: &'a StoreKey, _: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        named_later("tombstone")
    }

    fn remove<'a>(&'a self, _: &'a StoreKey) -> StorageFuture<'a, Removed> {
        named_later("remove")
    }

    fn find<'a>(&'a self, _: &'a str, _: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        named_later("find")
    }

    fn find_page<'a>(
        &'a self,
        _: &'a str,
        _: Option<StoreKey>,
        _: NonZeroUsize,
        _: Timestamp,
    ) -> StorageFuture<'a, Vec<Found>> {
        named_later("find_page")
    }

    fn sweep(&self, _: Timestamp) -> StorageFuture<'_, Swept> {
        named_later("sweep")
    }

    fn count(&self, _: Timestamp) -> StorageFuture<'_, u64> {
        named_later("count")
    }

    fn scan<'a>(&'a self, _: Option<&'a ScanCursor>, _: Timestamp) -> StorageFuture<'a, Scanned> {
        named_later("scan")
    }

    fn check(&self) -> StorageFuture<'_, ()> {
        named_later("check")
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        Some(Watch::new().watch(key))
    }
}

/// A pointer that forgets one method would fall back to its default, which is slower or does nothing.
fn forwards_every_method(storage: &dyn Storage) {
    fn name<T>(answer: Result<T, StorageError>) -> &'static str {
        answer.err().expect("it only fails").operation()
    }
    let commit = commit_at(Changes::default(), NOW);
    assert_eq!(name(storage.load(&key(1), &active(NOW))), "load");
    assert_eq!(name(storage.fetch(&key(1), &["a"], &active(NOW))), "fetch");
    assert_eq!(name(storage.create(&key(1), &record(&[]), NOW)), "create");
    assert_eq!(name(storage.commit(&key(1), &commit)), "commit");
    assert_eq!(name(storage.touch(&key(1), &active(NOW))), "touch");
    assert_eq!(name(storage.move_to(&key(1), &key(2), &commit)), "move_to");
    assert_eq!(name(storage.tombstone(&key(1), NOW)), "tombstone");
    assert_eq!(name(storage.remove(&key(1))), "remove");
    assert_eq!(name(storage.find("ada", NOW)), "find");
    assert_eq!(name(storage.find_page("ada", None, NonZeroUsize::MIN, NOW)), "find_page");
    assert_eq!(name(storage.sweep(NOW)), "sweep");
    assert_eq!(name(storage.count(NOW)), "count");
    assert_eq!(name(storage.scan(None, NOW)), "scan");
    assert_eq!(name(storage.check()), "check");
    assert!(storage.watch(&key(1)).is_some(), "watch");
}

#[test]
fn every_way_to_hold_a_storage_forwards_every_method() {
    forwards_every_method(&Names);
    forwards_every_method(&&Names);
    forwards_every_method(&(Arc::new(Names) as Arc<dyn Storage>));
    forwards_every_method(&(Box::new(Names) as Box<dyn Storage>));
    forwards_every_method(&Awaited::new(AnyStorage::immediate(Names)));
    forwards_every_method(&Awaited::new(AnyStorage::immediate(Arc::new(Names) as Arc<dyn Storage>)));
    forwards_every_method(&Awaited::new(AsyncNames));
    forwards_every_method(&Awaited::new(Arc::new(AsyncNames) as Arc<dyn AsyncStorage>));
    forwards_every_method(&Awaited::new(Box::new(AsyncNames) as Box<dyn AsyncStorage>));
}

#[cfg(feature = "tokio")]
#[test]
fn the_pool_forwards_every_method() {
    forwards_every_method(&Awaited::new(AnyStorage::blocking(Names)));
    forwards_every_method(&Awaited::new(AnyStorage::blocking(Arc::new(Names) as Arc<dyn Storage>)));
}

/// A storage with the required methods alone.
struct Least(Box<dyn Storage>);

impl Storage for Least {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.0.load(key, access)
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.0.create(key, record, now)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.0.commit(key, commit)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.0.remove(key)
    }
}

#[test]
fn the_defaults_are_right_or_say_that_they_are_missing() {
    let storage = Least(Box::new(quiet_memory()));
    storage.create(&key(30), &record(&[("a", "1")]), NOW).unwrap();
    let late = NOW + MINUTE;
    assert_eq!(storage.touch(&key(30), &active(late)).unwrap(), Touched::Done(late + IDLE));
    assert_eq!(storage.touch(&key(31), &active(late)).unwrap(), Touched::Gone);
    assert_eq!(stored(&storage, &key(30), late), pairs(&[("a", "1")]));
    let unsupported = |error: StorageError| assert_eq!(error.kind(), StorageErrorKind::Unsupported);
    unsupported(storage.move_to(&key(30), &key(31), &commit_at(Changes::default(), NOW)).unwrap_err());
    unsupported(storage.find("ada", NOW).unwrap_err());
    unsupported(storage.find_page("ada", None, NonZeroUsize::MIN, NOW).unwrap_err());
    unsupported(storage.count(NOW).unwrap_err());
    assert_eq!(storage.sweep(NOW).unwrap(), Swept::default());
    storage.check().unwrap();
    let broken = Least(Box::new(Names)).check().unwrap_err();
    assert_eq!(broken.operation(), "load", "a storage that cannot be read is not ready");
    assert!(storage.watch(&key(30)).is_none());
    assert_eq!(stored(&storage, &key(30), late), pairs(&[("a", "1")]));
}

/// Outside a runtime the pool says so, instead of panicking.
#[cfg(feature = "tokio")]
#[test]
fn the_pool_without_a_runtime_is_an_error() {
    let storage = AnyStorage::blocking(quiet_memory());
    let error = futures::executor::block_on(storage.load(&key(1), &active(NOW))).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
}
