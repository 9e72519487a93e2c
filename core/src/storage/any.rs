//! One type for every async storage, so that a storage can be chosen at run time.

use std::{future::Future, pin::Pin, sync::Arc};

use super::{
    Access, AsyncStorage, Committed, Created, Found, Lookup, Moved, Removed, Storage, StorageError, Swept, Touched,
    Trace,
};
use crate::{KeyScheme, Record, StoreKey, Timestamp, record::Commit};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// [`AsyncStorage`] as a trait object: each method boxes its future.
trait Erased: Send + Sync {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> Boxed<'a, Lookup>;
    fn fetch<'a>(&'a self, key: &'a StoreKey, names: &'a [&'a str], access: &'a Access) -> Boxed<'a, Lookup>;
    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> Boxed<'a, Created>;
    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> Boxed<'a, Committed>;
    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> Boxed<'a, Touched>;
    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> Boxed<'a, Moved>;
    fn trace<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> Boxed<'a, Option<Trace>>;
    fn remove<'a>(&'a self, key: &'a StoreKey) -> Boxed<'a, Removed>;
    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> Boxed<'a, Vec<Found>>;
    fn sweep(&self, now: Timestamp) -> Boxed<'_, Swept>;
    fn key_scheme(&self) -> KeyScheme;
    fn as_immediate(&self) -> Option<&dyn Storage>;
}

impl<S: AsyncStorage> Erased for S {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> Boxed<'a, Lookup> {
        Box::pin(AsyncStorage::load(self, key, access))
    }

    fn fetch<'a>(&'a self, key: &'a StoreKey, names: &'a [&'a str], access: &'a Access) -> Boxed<'a, Lookup> {
        Box::pin(AsyncStorage::fetch(self, key, names, access))
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> Boxed<'a, Created> {
        Box::pin(AsyncStorage::create(self, key, record, now))
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> Boxed<'a, Committed> {
        Box::pin(AsyncStorage::commit(self, key, commit))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> Boxed<'a, Touched> {
        Box::pin(AsyncStorage::touch(self, key, access))
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> Boxed<'a, Moved> {
        Box::pin(AsyncStorage::move_to(self, from, to, commit))
    }

    fn trace<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> Boxed<'a, Option<Trace>> {
        Box::pin(AsyncStorage::trace(self, key, now))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> Boxed<'a, Removed> {
        Box::pin(AsyncStorage::remove(self, key))
    }

    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> Boxed<'a, Vec<Found>> {
        Box::pin(AsyncStorage::find(self, principal, now))
    }

    fn sweep(&self, now: Timestamp) -> Boxed<'_, Swept> {
        Box::pin(AsyncStorage::sweep(self, now))
    }

    fn key_scheme(&self) -> KeyScheme {
        AsyncStorage::key_scheme(self)
    }

    fn as_immediate(&self) -> Option<&dyn Storage> {
        AsyncStorage::as_immediate(self)
    }
}

/// Any async storage, behind one pointer; clones share it. What managers and the middleware hold.
///
/// A storage that never waits is called directly; for the others a call costs one allocation, for its boxed future.
///
/// ```
/// use gsession::{AnyStorage, MemoryStorage};
///
/// fn chosen_at_run_time(name: &str) -> Result<AnyStorage, String> {
///     match name {
///         "memory" => Ok(AnyStorage::new(MemoryStorage::new())),
///         // "file" => AnyStorage::new(FileStorage::open("sessions")?), with the feature `tokio`
///         other => Err(format!("there is no storage {other}")),
///     }
/// }
/// # chosen_at_run_time("memory")?;
/// # Ok::<(), String>(())
/// ```
#[derive(Clone)]
pub struct AnyStorage(Arc<dyn Erased>);

impl AnyStorage {
    /// Takes any async storage.
    pub fn new<S: AsyncStorage + 'static>(storage: S) -> Self {
        Self(Arc::new(storage))
    }
}

impl std::fmt::Debug for AnyStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyStorage")
    }
}

impl AsyncStorage for AnyStorage {
    async fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        match self.0.as_immediate() {
            Some(storage) => storage.load(key, access),
            None => self.0.load(key, access).await,
        }
    }

    async fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        match self.0.as_immediate() {
            Some(storage) => storage.fetch(key, names, access),
            None => self.0.fetch(key, names, access).await,
        }
    }

    async fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        match self.0.as_immediate() {
            Some(storage) => storage.create(key, record, now),
            None => self.0.create(key, record, now).await,
        }
    }

    async fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        match self.0.as_immediate() {
            Some(storage) => storage.commit(key, commit),
            None => self.0.commit(key, commit).await,
        }
    }

    async fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        match self.0.as_immediate() {
            Some(storage) => storage.touch(key, access),
            None => self.0.touch(key, access).await,
        }
    }

    async fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        match self.0.as_immediate() {
            Some(storage) => storage.move_to(from, to, commit),
            None => self.0.move_to(from, to, commit).await,
        }
    }

    async fn trace(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Trace>, StorageError> {
        match self.0.as_immediate() {
            Some(storage) => storage.trace(key, now),
            None => self.0.trace(key, now).await,
        }
    }

    async fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        match self.0.as_immediate() {
            Some(storage) => storage.remove(key),
            None => self.0.remove(key).await,
        }
    }

    async fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        match self.0.as_immediate() {
            Some(storage) => storage.find(principal, now),
            None => self.0.find(principal, now).await,
        }
    }

    async fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        // Also of an immediate storage: sweeping is the one thing that takes long.
        self.0.sweep(now).await
    }

    fn key_scheme(&self) -> KeyScheme {
        self.0.key_scheme()
    }

    fn as_immediate(&self) -> Option<&dyn Storage> {
        self.0.as_immediate()
    }
}
