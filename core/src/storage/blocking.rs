//! The blocking storage trait.

use super::{
    Access, Committed, Created, Found, Lookup, Moved, Pointer, Removed, StorageError, Swept, Tombstone, Touched,
};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    record::{Changes, Commit},
};

/// A place to keep sessions, with methods that may block.
///
/// Four methods are required; the others have defaults that are right but not the fastest, or that say
/// [`Unsupported`](super::StorageErrorKind::Unsupported), so that a storage may implement a part (as GoFrame's `StorageBase`
/// allows). The trait is object-safe, and `Arc<S>` and `Box<S>` are storages too.
///
/// # Contract
///
/// - **Absent is a value, broken is an error.** A session that was never there, has expired at [`Access::now`], was
///   destroyed, or cannot be read as one (log it, without its content) is absent.
/// - **Nothing comes back.** After [`remove`](Self::remove) has answered, no `commit`, `touch` or `move_to` under that key
///   stores anything, whatever had been read before ([S4](crate::design#s4)). Only `create` creates, and it never overwrites ([S6](crate::design#s6)).
/// - **Commits are atomic.** Of overlapping commits each sees all or nothing of every other; keys a commit does not name
///   keep what others wrote ([S3](crate::design#s3)). [`Record::apply`] does this for a storage that holds a lock meanwhile.
/// - **Deadlines only move forward**, and never past [`Record::absolute_deadline`] ([S7](crate::design#s7)). [`Record::extend`] does this.
/// - **What is answered is stored**: the next `load`, by anybody, sees it ([S8](crate::design#s8)).
///
/// The module `conformance` (with the feature of that name) tests a storage against every sentence of this contract. The example
/// `custom_storage` in the repository is one of four methods.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a session storage", note = "implement `Storage` for it")]
pub trait Storage: Send + Sync {
    /// Reads the session under `key`.
    ///
    /// If `access` counts as activity and a touch is due, the storage may do it in the same step and say so in
    /// [`Snapshot::extended`](super::Snapshot::extended); it may as well leave that to [`touch`](Self::touch).
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken; never for a session that is absent or unreadable.
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError>;

    /// Reads the session under `key` with at least the entries `names`. By default: with all.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        let _ = names;
        self.load(key, access)
    }

    /// As [`load`](Self::load), answered from memory without waiting; `None` if that is impossible or anything is out of the
    /// ordinary, and then `load` is called. [`AnyStorage::blocking`](super::AnyStorage::blocking) asks this first, on the thread
    /// of the request, so that a cached session needs no other thread. By default: `None`.
    fn load_cached(&self, key: &StoreKey, access: &Access) -> Option<Lookup> {
        let _ = (key, access);
        None
    }

    /// Stores a new session, unless there is anything under `key`.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken or full; then nothing is stored.
    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError>;

    /// Changes the session under `key`, atomically, if it still exists and its condition holds.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken or full, or if the session would cross a limit; then it is as before.
    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError>;

    /// Pushes the idle deadline of the session under `key` forward, by the idle timeout of `access`, which is stored with it
    /// ([`Record::extend`]). By default: a commit without changes.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken.
    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        Ok(match self.commit(key, &Commit::new(Changes::default(), *access))? {
            Committed::Done { expires_at, .. } => Touched::Done(expires_at),
            Committed::Gone | Committed::Renewed(_) | Committed::Conflict(_) => Touched::Gone,
        })
    }

    /// Changes the session under `from` and moves it to `to`, so that at every moment, also after a crash, at most one
    /// living session is reachable. Of several moves from one key, one wins. The same move, asked for again because its answer
    /// was lost, finishes what was begun and answers `Done` or `Taken`.
    ///
    /// For [`TOMBSTONE_LIFETIME`](super::TOMBSTONE_LIFETIME) the storage remembers the move: under `from` it then answers `Renewed`,
    /// [`remove`](Self::remove) gives `to`, and [`tombstone`](Self::tombstone) gives all of it. By default: not supported, and `renew` fails with an error.
    ///
    /// # Errors
    ///
    /// [`StorageError`], as for [`commit`](Self::commit).
    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        let _ = (from, to, commit);
        Err(StorageError::unsupported("moving a session to a new id"))
    }

    /// The tombstone of the renewal of the session that was under `key`, while it is remembered at `now`. By default: none, and a
    /// client that logs in again because an answer was lost gets another session beside the renewed one.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken.
    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        let _ = (key, now);
        Ok(None)
    }

    /// Ends the session under `key`. When this has answered, it is gone.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken; the session may then still be there.
    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError>;

    /// Lists the living sessions of a principal (ASVS 7.4.5, 7.5.2). By default: not supported.
    ///
    /// A session that lives when this is called, and is renewed before it answers, is listed under its old key or its new one:
    /// a caller that [removes](Self::remove) it follows the renewal ([S4](crate::design#s4)).
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken or cannot list.
    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        let _ = (principal, now);
        Err(StorageError::unsupported("listing the sessions of a principal"))
    }

    /// Removes what has expired at `now`. By default: nothing, for storages that expire by themselves.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken.
    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        let _ = now;
        Ok(Swept::default())
    }

    /// How this storage names sessions. By default: by the SHA-256 of their ids.
    fn key_scheme(&self) -> KeyScheme {
        KeyScheme::Hashed
    }
}

/// Whatever points to a storage is one: `Arc<S>`, `Box<dyn Storage>`, `&S`.
impl<P> Storage for P
where
    P: Pointer<Target: Storage> + Send + Sync,
{
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        (**self).load(key, access)
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        (**self).fetch(key, names, access)
    }

    fn load_cached(&self, key: &StoreKey, access: &Access) -> Option<Lookup> {
        (**self).load_cached(key, access)
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        (**self).create(key, record, now)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        (**self).commit(key, commit)
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        (**self).touch(key, access)
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        (**self).move_to(from, to, commit)
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        (**self).tombstone(key, now)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        (**self).remove(key)
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        (**self).find(principal, now)
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        (**self).sweep(now)
    }

    fn key_scheme(&self) -> KeyScheme {
        (**self).key_scheme()
    }
}
