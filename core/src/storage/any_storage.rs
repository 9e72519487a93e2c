//! One type for any storage: what managers and sessions hold, and how they call it.

use std::{fmt, num::NonZeroUsize, sync::Arc};

use super::{
    Access, AsyncStorage, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Storage,
    StorageError, Swept, Tombstone, Touched, Watched,
};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    observe::{Observers, Operation},
    record::Commit,
};

/// Any storage, behind one pointer. Clones share it. Managers and the middleware take anything that converts into it.
///
/// | from | its methods run |
/// |---|---|
/// | an [`AsyncStorage`] | as futures, one allocation per call |
/// | [`MemoryStorage`](crate::MemoryStorage), or [`immediate`](Self::immediate) around a [`Storage`] that never waits | in place, on the request's thread, without a future |
/// | `FileStorage` (feature `tokio`), or `blocking` around a [`Storage`] that may wait | on tokio's pool of blocking threads |
///
/// ```
/// use gsession::{AnyStorage, MemoryStorage};
///
/// fn chosen_at_run_time(name: &str) -> Result<AnyStorage, String> {
///     match name {
///         "memory" => Ok(AnyStorage::new(MemoryStorage::new())),
///         // "file" => Ok(AnyStorage::new(FileStorage::open("sessions")?)), with the feature `tokio`
///         other => Err(format!("there is no storage {other}")),
///     }
/// }
/// # chosen_at_run_time("memory")?;
/// # Ok::<(), String>(())
/// ```
#[derive(Clone)]
pub struct AnyStorage {
    pub(super) kind: Kind,
    /// Those of the manager that holds it.
    pub(super) observers: Observers,
}

#[derive(Clone)]
pub(super) enum Kind {
    /// Never waits, so every future of this module is ready on the first poll.
    Immediate(Arc<dyn Storage>),
    Waiting(Arc<dyn AsyncStorage>),
}

/// What a manager, a middleware and [`AnyStorage::new`] take: an [`AsyncStorage`], an [`AnyStorage`], a
/// [`MemoryStorage`](crate::MemoryStorage), or a `FileStorage` (feature `tokio`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a storage for async sessions",
    note = "implement `AsyncStorage` for it; or wrap a blocking `Storage`: `AnyStorage::immediate(storage)` if it never waits, `AnyStorage::blocking(storage)` (feature `tokio`) if it does"
)]
pub trait IntoStorage {
    /// The storage behind one pointer.
    fn into_storage(self) -> AnyStorage;
}

impl AnyStorage {
    /// Takes a storage of any kind.
    pub fn new(storage: impl IntoStorage) -> Self {
        storage.into_storage()
    }

    /// A blocking storage whose methods are called in place. For storages that never wait, such as maps in memory: one that
    /// does wait holds up every request of its thread.
    ///
    /// ```
    /// use gsession::{AnyStorage, AsyncManager, Storage};
    ///
    /// fn manager_over(storage: impl Storage + 'static) -> AsyncManager {
    ///     AsyncManager::new(AnyStorage::immediate(storage))
    /// }
    /// # manager_over(gsession::MemoryStorage::new());
    /// ```
    pub fn immediate(storage: impl Storage + 'static) -> Self {
        Self::of(Kind::Immediate(Arc::new(storage)))
    }

    /// A blocking storage whose methods run on tokio's pool of blocking threads. Needs the feature `tokio`, and a tokio
    /// runtime around each call (actix, axum and tonic provide one).
    ///
    /// Once started, a call finishes even if its future is dropped because the client has left. A session that the
    /// storage has [cached](Storage::load_cached) is read on the request's thread, and a commit that need
    /// [not wait](Storage::commit_cached) is made there.
    ///
    /// ```
    /// use gsession::{AnyStorage, AsyncManager, Storage};
    ///
    /// fn manager_over(storage: impl Storage + 'static) -> AsyncManager {
    ///     AsyncManager::new(AnyStorage::blocking(storage))
    /// }
    /// # manager_over(gsession::MemoryStorage::new());
    /// ```
    #[cfg(feature = "tokio")]
    pub fn blocking(storage: impl Storage + 'static) -> Self {
        super::pool::Pool::new(storage).into_storage()
    }

    fn of(kind: Kind) -> Self {
        Self { kind, observers: Observers::default() }
    }

    /// Whether the storage never waits, so that each answer is ready on the first poll.
    pub(crate) const fn is_immediate(&self) -> bool {
        matches!(self.kind, Kind::Immediate(_))
    }

    /// Same as [`Storage::load`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::load`].
    pub async fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Load, Some(key), || storage.load(key, access)),
            Kind::Waiting(storage) => self.waiting(Operation::Load, Some(key), || storage.load(key, access)).await,
        }
    }

    /// Same as [`Storage::fetch`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::fetch`].
    pub async fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Fetch, Some(key), || storage.fetch(key, names, access)),
            Kind::Waiting(storage) => {
                self.waiting(Operation::Fetch, Some(key), || storage.fetch(key, names, access)).await
            }
        }
    }

    /// Same as [`Storage::create`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::create`].
    pub async fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Create, Some(key), || storage.create(key, record, now)),
            Kind::Waiting(storage) => {
                self.waiting(Operation::Create, Some(key), || storage.create(key, record, now)).await
            }
        }
    }

    /// Same as [`Storage::commit`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::commit`].
    pub async fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Commit, Some(key), || storage.commit(key, commit)),
            Kind::Waiting(storage) => self.waiting(Operation::Commit, Some(key), || storage.commit(key, commit)).await,
        }
    }

    /// Same as [`Storage::touch`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::touch`].
    pub async fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Touch, Some(key), || storage.touch(key, access)),
            Kind::Waiting(storage) => self.waiting(Operation::Touch, Some(key), || storage.touch(key, access)).await,
        }
    }

    /// Same as [`Storage::move_to`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::move_to`].
    pub async fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => {
                self.at_once(Operation::MoveTo, Some(from), || storage.move_to(from, to, commit))
            }
            Kind::Waiting(storage) => {
                self.waiting(Operation::MoveTo, Some(from), || storage.move_to(from, to, commit)).await
            }
        }
    }

    /// Same as [`Storage::tombstone`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::tombstone`].
    pub async fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Tombstone, Some(key), || storage.tombstone(key, now)),
            Kind::Waiting(storage) => {
                self.waiting(Operation::Tombstone, Some(key), || storage.tombstone(key, now)).await
            }
        }
    }

    /// Same as [`Storage::remove`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::remove`].
    pub async fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Remove, Some(key), || storage.remove(key)),
            Kind::Waiting(storage) => self.waiting(Operation::Remove, Some(key), || storage.remove(key)).await,
        }
    }

    /// Same as [`Storage::find`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::find`].
    pub async fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Find, None, || storage.find(principal, now)),
            Kind::Waiting(storage) => self.waiting(Operation::Find, None, || storage.find(principal, now)).await,
        }
    }

    /// Same as [`Storage::find_page`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::find_page`].
    pub async fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => {
                self.at_once(Operation::FindPage, None, || storage.find_page(principal, after, most, now))
            }
            Kind::Waiting(storage) => {
                self.waiting(Operation::FindPage, None, || storage.find_page(principal, after, most, now)).await
            }
        }
    }

    /// Same as [`Storage::sweep`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::sweep`].
    pub async fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Sweep, None, || storage.sweep(now)),
            Kind::Waiting(storage) => self.waiting(Operation::Sweep, None, || storage.sweep(now)).await,
        }
    }

    /// Same as [`Storage::count`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::count`].
    pub async fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Count, None, || storage.count(now)),
            Kind::Waiting(storage) => self.waiting(Operation::Count, None, || storage.count(now)).await,
        }
    }

    /// Same as [`Storage::scan`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::scan`].
    pub async fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Scan, None, || storage.scan(after, now)),
            Kind::Waiting(storage) => self.waiting(Operation::Scan, None, || storage.scan(after, now)).await,
        }
    }

    /// Same as [`Storage::check`].
    ///
    /// # Errors
    ///
    /// Same as [`Storage::check`].
    pub async fn check(&self) -> Result<(), StorageError> {
        match &self.kind {
            Kind::Immediate(storage) => self.at_once(Operation::Check, None, || storage.check()),
            Kind::Waiting(storage) => self.waiting(Operation::Check, None, || storage.check()).await,
        }
    }

    /// Same as [`Storage::key_scheme`].
    #[must_use]
    pub fn key_scheme(&self) -> KeyScheme {
        match &self.kind {
            Kind::Immediate(storage) => storage.key_scheme(),
            Kind::Waiting(storage) => storage.key_scheme(),
        }
    }

    /// Same as [`Storage::watch`].
    #[must_use]
    pub fn watch(&self, key: &StoreKey) -> Option<Watched> {
        match &self.kind {
            Kind::Immediate(storage) => storage.watch(key),
            Kind::Waiting(storage) => storage.watch(key),
        }
    }
}

impl IntoStorage for AnyStorage {
    fn into_storage(self) -> AnyStorage {
        self
    }
}

impl<S: AsyncStorage + 'static> IntoStorage for S {
    fn into_storage(self) -> AnyStorage {
        AnyStorage::of(Kind::Waiting(Arc::new(self)))
    }
}

impl IntoStorage for crate::MemoryStorage {
    fn into_storage(self) -> AnyStorage {
        AnyStorage::immediate(self)
    }
}

#[cfg(all(feature = "file", feature = "tokio"))]
impl IntoStorage for crate::FileStorage {
    fn into_storage(self) -> AnyStorage {
        AnyStorage::blocking(self)
    }
}

impl fmt::Debug for AnyStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyStorage")
    }
}
