//! The async storage trait.

use std::{future::Future, num::NonZeroUsize, pin::Pin, sync::Arc};

use super::{
    Access, Committed, Created, Found, Lookup, Moved, Pointer, Removed, ScanCursor, Scanned, StorageError, Swept,
    Tombstone, Touched, Watched, unused_key::unused_key,
};
use crate::{
    Clock as _, KeyScheme, Record, StoreKey, SystemClock, Timestamp,
    observe::Observer,
    record::{Changes, Commit},
};

/// The return type of [`AsyncStorage`] methods: a boxed future that is `Send`.
pub type StorageFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// A session storage with methods that wait without blocking.
///
/// It has the methods and the contract of [`Storage`](super::Storage), as futures. Write each method as `Box::pin(async
/// move { … })`. The trait is object-safe, and `Arc<S>` and `Box<S>` are storages too. If your storage never waits,
/// implement `Storage` instead: its methods are called without a future (see [`AnyStorage`](super::AnyStorage)).
///
/// A dropped future has its whole effect or none. Only a move may be left unfinished: no session lives under either
/// key, until the same move is requested again and finishes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async session storage",
    note = "wrap a blocking storage: `AnyStorage::immediate(storage)` if it never waits, `AnyStorage::blocking(storage)` (feature `tokio`) if it does"
)]
pub trait AsyncStorage: Send + Sync {
    /// Same as [`Storage::load`](super::Storage::load).
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup>;

    /// Same as [`Storage::fetch`](super::Storage::fetch).
    fn fetch<'a>(&'a self, key: &'a StoreKey, names: &'a [&'a str], access: &'a Access) -> StorageFuture<'a, Lookup> {
        let _ = names;
        self.load(key, access)
    }

    /// Same as [`Storage::create`](super::Storage::create).
    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created>;

    /// Same as [`Storage::commit`](super::Storage::commit).
    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed>;

    /// Same as [`Storage::touch`](super::Storage::touch).
    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        Box::pin(async move {
            Ok(match self.commit(key, &Commit::new(Changes::default(), *access)).await? {
                Committed::Done { expires_at, .. } => Touched::Done(expires_at),
                Committed::Gone | Committed::Renewed(_) | Committed::Conflict(_) => Touched::Gone,
            })
        })
    }

    /// Same as [`Storage::move_to`](super::Storage::move_to).
    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        let _ = (from, to, commit);
        Box::pin(std::future::ready(Err(StorageError::unsupported("moving a session to a new id"))))
    }

    /// Same as [`Storage::tombstone`](super::Storage::tombstone).
    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        let _ = (key, now);
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Same as [`Storage::remove`](super::Storage::remove).
    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed>;

    /// Same as [`Storage::find`](super::Storage::find).
    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        let _ = (principal, now);
        Box::pin(std::future::ready(Err(StorageError::unsupported("listing the sessions of a principal"))))
    }

    /// Same as [`Storage::find_page`](super::Storage::find_page).
    fn find_page<'a>(
        &'a self,
        principal: &'a str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(async move { Ok(Found::page(self.find(principal, now).await?, after, most)) })
    }

    /// Same as [`Storage::sweep`](super::Storage::sweep).
    fn sweep(&self, now: Timestamp) -> StorageFuture<'_, Swept> {
        let _ = now;
        Box::pin(std::future::ready(Ok(Swept::default())))
    }

    /// Same as [`Storage::count`](super::Storage::count).
    fn count(&self, now: Timestamp) -> StorageFuture<'_, u64> {
        let _ = now;
        Box::pin(std::future::ready(Err(StorageError::unsupported("counting the sessions"))))
    }

    /// Same as [`Storage::scan`](super::Storage::scan).
    fn scan<'a>(&'a self, after: Option<&'a ScanCursor>, now: Timestamp) -> StorageFuture<'a, Scanned> {
        let _ = (after, now);
        Box::pin(std::future::ready(Err(StorageError::unsupported("listing all sessions"))))
    }

    /// Same as [`Storage::check`](super::Storage::check).
    fn check(&self) -> StorageFuture<'_, ()> {
        Box::pin(async move {
            let key = unused_key(self.key_scheme())?;
            self.load(&key, &Access::passive(SystemClock.now())).await.map(drop)
        })
    }

    /// Same as [`Storage::key_scheme`](super::Storage::key_scheme).
    fn key_scheme(&self) -> KeyScheme {
        KeyScheme::Hashed
    }

    /// Same as [`Storage::watch`](super::Storage::watch).
    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        let _ = key;
        None
    }

    /// Same as [`Storage::report_to`](super::Storage::report_to).
    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        let _ = observers;
    }
}

/// A pointer to a storage is a storage: `Arc<S>`, `Box<dyn AsyncStorage>`, `&S`.
impl<P> AsyncStorage for P
where
    P: Pointer<Target: AsyncStorage> + Send + Sync,
{
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        (**self).load(key, access)
    }

    fn fetch<'a>(&'a self, key: &'a StoreKey, names: &'a [&'a str], access: &'a Access) -> StorageFuture<'a, Lookup> {
        (**self).fetch(key, names, access)
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        (**self).create(key, record, now)
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        (**self).commit(key, commit)
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        (**self).touch(key, access)
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        (**self).move_to(from, to, commit)
    }

    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        (**self).tombstone(key, now)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        (**self).remove(key)
    }

    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        (**self).find(principal, now)
    }

    fn find_page<'a>(
        &'a self,
        principal: &'a str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> StorageFuture<'a, Vec<Found>> {
        (**self).find_page(principal, after, most, now)
    }

    fn sweep(&self, now: Timestamp) -> StorageFuture<'_, Swept> {
        (**self).sweep(now)
    }

    fn count(&self, now: Timestamp) -> StorageFuture<'_, u64> {
        (**self).count(now)
    }

    fn scan<'a>(&'a self, after: Option<&'a ScanCursor>, now: Timestamp) -> StorageFuture<'a, Scanned> {
        (**self).scan(after, now)
    }

    fn check(&self) -> StorageFuture<'_, ()> {
        (**self).check()
    }

    fn key_scheme(&self) -> KeyScheme {
        (**self).key_scheme()
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        (**self).watch(key)
    }

    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        (**self).report_to(observers);
    }
}
