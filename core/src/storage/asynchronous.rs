//! The async storage trait.

use std::future::Future;

use super::{Access, Committed, Created, Found, Lookup, Moved, Removed, Storage, StorageError, Swept, Touched, Trace};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    record::{Changes, Commit},
};

/// A place to keep sessions, with methods that wait without blocking.
///
/// The same methods with the same contract as [`Storage`], as futures that are `Send`, so that servers of every kind can
/// use it. A blocking storage becomes one through [`OnTheSpot`](super::OnTheSpot) or, with the feature `tokio`, `OnPool`.
///
/// A future that is dropped may or may not have had its effect, but never half of it. Only a move may be left unfinished: then
/// no session lives under either key, and the same move, asked for again, brings it to its end.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async session storage",
    note = "wrap a blocking storage: `OnTheSpot(storage)` if it never waits, `OnPool(storage)` (feature `tokio`) if it does"
)]
pub trait AsyncStorage: Send + Sync {
    /// As [`Storage::load`].
    fn load(&self, key: &StoreKey, access: &Access) -> impl Future<Output = Result<Lookup, StorageError>> + Send;

    /// As [`Storage::fetch`].
    fn fetch(
        &self,
        key: &StoreKey,
        names: &[&str],
        access: &Access,
    ) -> impl Future<Output = Result<Lookup, StorageError>> + Send {
        let _ = names;
        self.load(key, access)
    }

    /// As [`Storage::create`].
    fn create(
        &self,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> impl Future<Output = Result<Created, StorageError>> + Send;

    /// As [`Storage::commit`].
    fn commit(&self, key: &StoreKey, commit: &Commit) -> impl Future<Output = Result<Committed, StorageError>> + Send;

    /// As [`Storage::touch`].
    fn touch(&self, key: &StoreKey, access: &Access) -> impl Future<Output = Result<Touched, StorageError>> + Send {
        let commit = Commit::new(Changes::default(), *access);
        async move {
            Ok(match self.commit(key, &commit).await? {
                Committed::Done { expires_at, .. } => Touched::Done(expires_at),
                Committed::Gone | Committed::Moved(_) | Committed::Conflict(_) => Touched::Gone,
            })
        }
    }

    /// As [`Storage::move_to`].
    fn move_to(
        &self,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
    ) -> impl Future<Output = Result<Moved, StorageError>> + Send {
        let _ = (from, to, commit);
        std::future::ready(Err(StorageError::unsupported("moving a session to a new id")))
    }

    /// As [`Storage::trace`].
    fn trace(
        &self,
        key: &StoreKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Trace>, StorageError>> + Send {
        let _ = (key, now);
        std::future::ready(Ok(None))
    }

    /// As [`Storage::remove`].
    fn remove(&self, key: &StoreKey) -> impl Future<Output = Result<Removed, StorageError>> + Send;

    /// As [`Storage::find`].
    fn find(&self, principal: &str, now: Timestamp) -> impl Future<Output = Result<Vec<Found>, StorageError>> + Send {
        let _ = (principal, now);
        std::future::ready(Err(StorageError::unsupported("listing the sessions of a principal")))
    }

    /// As [`Storage::sweep`].
    fn sweep(&self, now: Timestamp) -> impl Future<Output = Result<Swept, StorageError>> + Send {
        let _ = now;
        std::future::ready(Ok(Swept::default()))
    }

    /// As [`Storage::key_scheme`].
    fn key_scheme(&self) -> KeyScheme {
        KeyScheme::Hashed
    }

    /// The blocking face of a storage that never waits, which drivers call without making a future. By default: none.
    fn as_immediate(&self) -> Option<&dyn Storage> {
        None
    }
}

macro_rules! forward {
    ($pointer:ty) => {
        impl<S: AsyncStorage + ?Sized> AsyncStorage for $pointer {
            fn load(
                &self,
                key: &StoreKey,
                access: &Access,
            ) -> impl Future<Output = Result<Lookup, StorageError>> + Send {
                (**self).load(key, access)
            }

            fn fetch(
                &self,
                key: &StoreKey,
                names: &[&str],
                access: &Access,
            ) -> impl Future<Output = Result<Lookup, StorageError>> + Send {
                (**self).fetch(key, names, access)
            }

            fn create(
                &self,
                key: &StoreKey,
                record: &Record,
                now: Timestamp,
            ) -> impl Future<Output = Result<Created, StorageError>> + Send {
                (**self).create(key, record, now)
            }

            fn commit(
                &self,
                key: &StoreKey,
                commit: &Commit,
            ) -> impl Future<Output = Result<Committed, StorageError>> + Send {
                (**self).commit(key, commit)
            }

            fn touch(
                &self,
                key: &StoreKey,
                access: &Access,
            ) -> impl Future<Output = Result<Touched, StorageError>> + Send {
                (**self).touch(key, access)
            }

            fn move_to(
                &self,
                from: &StoreKey,
                to: &StoreKey,
                commit: &Commit,
            ) -> impl Future<Output = Result<Moved, StorageError>> + Send {
                (**self).move_to(from, to, commit)
            }

            fn trace(
                &self,
                key: &StoreKey,
                now: Timestamp,
            ) -> impl Future<Output = Result<Option<Trace>, StorageError>> + Send {
                (**self).trace(key, now)
            }

            fn remove(&self, key: &StoreKey) -> impl Future<Output = Result<Removed, StorageError>> + Send {
                (**self).remove(key)
            }

            fn find(
                &self,
                principal: &str,
                now: Timestamp,
            ) -> impl Future<Output = Result<Vec<Found>, StorageError>> + Send {
                (**self).find(principal, now)
            }

            fn sweep(&self, now: Timestamp) -> impl Future<Output = Result<Swept, StorageError>> + Send {
                (**self).sweep(now)
            }

            fn key_scheme(&self) -> KeyScheme {
                (**self).key_scheme()
            }

            fn as_immediate(&self) -> Option<&dyn Storage> {
                (**self).as_immediate()
            }
        }
    };
}

forward!(std::sync::Arc<S>);
forward!(Box<S>);
