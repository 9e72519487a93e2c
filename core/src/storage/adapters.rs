//! A blocking storage where an async one is asked for.

use super::{
    Access, AsyncStorage, Committed, Created, Found, Lookup, Moved, Removed, Storage, StorageError, Swept, Touched,
    Trace,
};
use crate::{Record, StoreKey, Timestamp, record::Commit};

/// Implements [`AsyncStorage`] with the methods of another trait or type, awaited or not.
///
/// Three types need it, each with ten methods that differ in nothing else.
macro_rules! delegate_async_storage {
    ([$($generics:tt)*] $type:ty, |$this:ident| $inner:expr, $trait:ident $($await:tt)*) => {
        impl<$($generics)*> AsyncStorage for $type {
            async fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
                let $this = self;
                $trait::load($inner, key, access)$($await)*
            }

            async fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
                let $this = self;
                $trait::fetch($inner, key, names, access)$($await)*
            }

            async fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
                let $this = self;
                $trait::create($inner, key, record, now)$($await)*
            }

            async fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
                let $this = self;
                $trait::commit($inner, key, commit)$($await)*
            }

            async fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
                let $this = self;
                $trait::touch($inner, key, access)$($await)*
            }

            async fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
                let $this = self;
                $trait::move_to($inner, from, to, commit)$($await)*
            }

            async fn trace(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Trace>, StorageError> {
                let $this = self;
                $trait::trace($inner, key, now)$($await)*
            }

            async fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
                let $this = self;
                $trait::remove($inner, key)$($await)*
            }

            async fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
                let $this = self;
                $trait::find($inner, principal, now)$($await)*
            }

            async fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
                let $this = self;
                $trait::sweep($inner, now)$($await)*
            }

            fn key_scheme(&self) -> crate::KeyScheme {
                let $this = self;
                $trait::key_scheme($inner)
            }

            delegate_async_storage!(@immediate $inner, $this, $($await)*);
        }
    };
    (@immediate $inner:expr, $this:ident, .await) => {};
    (@immediate $inner:expr, $this:ident,) => {
        fn as_immediate(&self) -> Option<&dyn Storage> {
            let $this = self;
            Some($inner)
        }
    };
}
pub(super) use delegate_async_storage;

/// Makes a blocking storage async by calling it on the spot. For storages that never wait, such as maps in memory: one
/// that does would hold up every request of its thread.
///
/// ```
/// use gsession::{AsyncManager, MemoryStorage, OnTheSpot, Storage};
///
/// fn manager_over(storage: impl Storage + 'static) -> AsyncManager {
///     AsyncManager::new(OnTheSpot(storage))
/// }
/// # manager_over(MemoryStorage::new());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OnTheSpot<S>(
    /// The blocking storage.
    pub S,
);

delegate_async_storage!([S: Storage] OnTheSpot<S>, |this| &this.0, Storage);

#[cfg(feature = "tokio")]
pub use pool::OnPool;

#[cfg(feature = "tokio")]
mod pool {
    use std::sync::Arc;

    use super::*;
    use crate::{KeyScheme, storage::StorageErrorKind};

    /// Makes a blocking storage async by calling it on tokio's blocking thread pool. Needs the feature `tokio`, and must be
    /// used inside a tokio runtime (actix, axum and tonic run in one).
    ///
    /// What was begun is finished also when the future is dropped, because the request's client has gone. What the storage can
    /// load [at once](Storage::load_at_once) goes to no other thread.
    ///
    /// ```
    /// use gsession::{AsyncManager, OnPool, Storage};
    ///
    /// fn manager_over(storage: impl Storage + 'static) -> AsyncManager {
    ///     AsyncManager::new(OnPool::new(storage))
    /// }
    /// # manager_over(gsession::MemoryStorage::new());
    /// ```
    #[derive(Debug)]
    pub struct OnPool<S: ?Sized>(Arc<S>);

    impl<S: ?Sized> Clone for OnPool<S> {
        fn clone(&self) -> Self {
            Self(Arc::clone(&self.0))
        }
    }

    impl<S: Storage + 'static> OnPool<S> {
        /// Wraps a blocking storage.
        pub fn new(storage: S) -> Self {
            Self(Arc::new(storage))
        }
    }

    impl<S: Storage + ?Sized + 'static> From<Arc<S>> for OnPool<S> {
        fn from(storage: Arc<S>) -> Self {
            Self(storage)
        }
    }

    impl<S: Storage + ?Sized + 'static> OnPool<S> {
        async fn run<T: Send + 'static>(
            &self,
            call: impl FnOnce(&S) -> Result<T, StorageError> + Send + 'static,
        ) -> Result<T, StorageError> {
            const WHAT: &str = "running on the blocking thread pool";
            let storage = Arc::clone(&self.0);
            let runtime = tokio::runtime::Handle::try_current()
                .map_err(|error| StorageError::new(StorageErrorKind::Setup, WHAT).with_source(error))?;
            runtime
                .spawn_blocking(move || call(&storage))
                .await
                .map_err(|error| StorageError::new(StorageErrorKind::Other, WHAT).with_source(error))?
        }
    }

    impl<S: Storage + ?Sized + 'static> AsyncStorage for OnPool<S> {
        async fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
            if let Some(found) = self.0.load_at_once(key, access) {
                return Ok(found);
            }
            let (key, access) = (*key, *access);
            self.run(move |storage| storage.load(&key, &access)).await
        }

        async fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
            if let Some(found) = self.0.load_at_once(key, access) {
                return Ok(found);
            }
            let (key, access) = (*key, *access);
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            self.run(move |storage| storage.fetch(&key, &names.iter().map(String::as_str).collect::<Vec<_>>(), &access))
                .await
        }

        async fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
            let (key, record) = (*key, record.clone());
            self.run(move |storage| storage.create(&key, &record, now)).await
        }

        async fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
            let (key, commit) = (*key, commit.clone());
            self.run(move |storage| storage.commit(&key, &commit)).await
        }

        async fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
            let (key, access) = (*key, *access);
            self.run(move |storage| storage.touch(&key, &access)).await
        }

        async fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
            let (from, to, commit) = (*from, *to, commit.clone());
            self.run(move |storage| storage.move_to(&from, &to, &commit)).await
        }

        async fn trace(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Trace>, StorageError> {
            let key = *key;
            self.run(move |storage| storage.trace(&key, now)).await
        }

        async fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
            let key = *key;
            self.run(move |storage| storage.remove(&key)).await
        }

        async fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
            let principal = principal.to_owned();
            self.run(move |storage| storage.find(&principal, now)).await
        }

        async fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
            self.run(move |storage| storage.sweep(now)).await
        }

        fn key_scheme(&self) -> KeyScheme {
            self.0.key_scheme()
        }
    }
}
