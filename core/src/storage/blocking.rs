//! The blocking storage trait.

use std::{num::NonZeroUsize, sync::Arc};

use super::{
    Access, Committed, Created, Found, Lookup, Moved, Pointer, Removed, ScanCursor, Scanned, StorageError, Swept,
    Tombstone, Touched, Watched, unused_key::unused_key,
};
use crate::{
    Clock as _, KeyScheme, Record, StoreKey, SystemClock, Timestamp,
    observe::Observer,
    record::{Changes, Commit},
};

/// A session storage with methods that may block.
///
/// Four methods are required. The others have defaults that are correct but not the fastest, or that return
/// [`Unsupported`](super::StorageErrorKind::Unsupported), so a storage may implement only a part, as with GoFrame's
/// `StorageBase`. The trait is object-safe, and `Arc<S>` and `Box<S>` are storages too.
///
/// # Contract
///
/// - **Absent is a value, broken is an error.** A session is absent if it never existed, has expired at
///   [`Access::now`], was destroyed, or cannot be read as a session (log that, without its content).
/// - **Nothing comes back.** After [`remove`](Self::remove) returns, no `commit`, `touch` or `move_to` under that key
///   stores anything, whatever was read before ([S4](crate::design#s4)). Only `create` creates, and it never overwrites
///   ([S6](crate::design#s6)).
/// - **Commits are atomic.** Overlapping commits see all or nothing of each other. Keys that a commit does not name
///   keep what others wrote ([S3](crate::design#s3)). If your storage holds a lock, [`Record::apply`] does the rest.
/// - **Deadlines only move forward**, and never past [`Record::absolute_deadline`] ([S7](crate::design#s7)).
///   [`Record::extend`] ensures this.
/// - **A remembered session lives by its own deadlines** ([`Record::is_remembered`], [S17](crate::design#s17)), whatever the
///   [`Access`] says. [`Record::apply`], [`Record::extend`] and [`Access::has_ended`] ensure this.
/// - **What is acknowledged is stored**: the next `load`, by anyone, sees it ([S8](crate::design#s8)).
///
/// The module `conformance` (with the feature of that name) tests a storage against every sentence of this contract. The example
/// `custom_storage` in the repository is one of four methods.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a session storage", note = "implement `Storage` for it")]
pub trait Storage: Send + Sync {
    /// Loads the session under `key`.
    ///
    /// If `access` counts as activity and a touch is due, the storage may do it in the same step and report it in
    /// [`Snapshot::extended`](super::Snapshot::extended), or leave it to [`touch`](Self::touch).
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken; never for a session that is absent or unreadable.
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError>;

    /// Loads the session under `key` with at least the entries `names` and, if `access` is activity, the entry `gsession.tag`. The
    /// default loads all entries.
    ///
    /// # Errors
    ///
    /// Same as [`load`](Self::load).
    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        let _ = names;
        self.load(key, access)
    }

    /// Like [`load`](Self::load), from memory and without waiting. Returns `None` if that is impossible or anything is
    /// unusual; `load` is then called. [`AnyStorage::blocking`](super::AnyStorage::blocking) tries this first, on the
    /// request's thread, so that a cached session needs no other thread. The default returns `None`.
    fn load_cached(&self, key: &StoreKey, access: &Access) -> Option<Lookup> {
        let _ = (key, access);
        None
    }

    /// Stores a new session, unless there is anything under `key`.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken or full. Nothing is stored.
    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError>;

    /// Changes the session under `key` atomically, if it still exists and the commit's condition holds.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken or full, or the session would exceed a limit. The session is
    /// unchanged.
    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError>;

    /// Like [`commit`](Self::commit), without waiting. Returns `None` if that is impossible or anything is unusual; nothing is then
    /// changed, and `commit` is called. [`AnyStorage::blocking`](super::AnyStorage::blocking) tries this first, on the request's
    /// thread, so that a short write needs no other thread. The default returns `None`.
    fn commit_cached(&self, key: &StoreKey, commit: &Commit) -> Option<Committed> {
        let _ = (key, commit);
        None
    }

    /// Moves the idle deadline of the session under `key` forward by the idle timeout of `access`, and stores that
    /// timeout ([`Record::extend`]). The default is a commit without changes.
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

    /// Changes the session under `from` and moves it to `to`. At every moment, even after a crash, at most one live
    /// session is reachable. Of several moves from one key, one wins. The same move, requested again because its answer
    /// was lost, finishes what was begun and returns `Done` or `Taken`.
    ///
    /// The storage remembers the move for [`TOMBSTONE_LIFETIME`](super::TOMBSTONE_LIFETIME): under `from` it then
    /// returns `Renewed`, [`remove`](Self::remove) returns `to`, and [`tombstone`](Self::tombstone) returns all of it.
    /// The default is not supported, and `renew` fails with an error.
    ///
    /// # Errors
    ///
    /// Same as [`commit`](Self::commit).
    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        let _ = (from, to, commit);
        Err(StorageError::unsupported("moving a session to a new id"))
    }

    /// The tombstone of the session that was renewed from `key`, if it is still remembered at `now`. The default is
    /// none: a client that repeats a login because the response was lost then gets another session beside the renewed
    /// one.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken.
    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        let _ = (key, now);
        Ok(None)
    }

    /// Ends the session under `key`. When this returns, the session is gone.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken. The session may then still exist.
    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError>;

    /// Lists the live sessions of a principal (ASVS 7.4.5, 7.5.2). The default is not supported.
    ///
    /// A session that is renewed while this runs is listed under its old key or its new one. A caller that
    /// [removes](Self::remove) it follows the renewal ([S4](crate::design#s4)).
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken or cannot list.
    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        let _ = (principal, now);
        Err(StorageError::unsupported("listing the sessions of a principal"))
    }

    /// Lists a part of the live sessions of a principal: the first `most` whose keys come after `after`, in the order of their keys.
    /// There are fewer only if no more are left. The default cuts them out of [`find`](Self::find).
    ///
    /// A session that is renewed while this runs may be missing: its new key may come before those that were listed already.
    ///
    /// # Errors
    ///
    /// Same as [`find`](Self::find).
    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        Ok(Found::page(self.find(principal, now)?, after, most))
    }

    /// Removes what has expired at `now`. The default does nothing, for storages that expire sessions themselves.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken.
    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        let _ = now;
        Ok(Swept::default())
    }

    /// Counts the sessions that live at `now`, by their stored deadlines. Tombstones of renewals are no sessions, nor are
    /// [lists](Record::is_list). What begins, ends or is renewed meanwhile may be counted or not. The default is not supported.
    ///
    /// Every storage looks at each session: this is for operators and for a gauge that is read every few minutes, not for requests.
    ///
    /// | storage | cost |
    /// |---|---|
    /// | memory | some tenths of a second of CPU for a million sessions. Locks are held for microseconds, but the calling thread is busy: in async code, all its other tasks wait |
    /// | files | opens and reads each file |
    /// | Redis | 8 bytes of memory for each session, and `SCAN` over the prefix on every primary, 500 keys a step, and the first 62 bytes of each; of a session without a principal and an absolute lifetime also what tells it from a list: two fields of a hash, the whole of a string. With a near cache, the server also remembers for this connection what it has read: rather count over a storage without one |
    /// | Postgres, SQLite | reads all rows but their content, 10,000 with each statement. A session that is renewed meanwhile may count twice or not at all |
    /// | GoFrame's formats | `SCAN`, and of a string its first byte. A key that looks like a session counts, so sessions need a prefix of their own |
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken or cannot count.
    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        let _ = now;
        Err(StorageError::unsupported("counting the sessions"))
    }

    /// Lists the keys of all sessions that live at `now`, and of [lists](Record::is_list), page by page, so that each can be moved or
    /// rewritten. The first page is asked for without a cursor, each other one with [`Scanned::next`] of the page before, at any time
    /// and by any process. The default is not supported.
    ///
    /// - **Nothing is missing**: each session that lives while all pages are read is listed, under its key, or under one from which
    ///   [`tombstone`](Self::tombstone) leads to it, if it is renewed meanwhile. GoFrame's formats cannot tell where a session was
    ///   renewed to, nor can the memory storage after [many renewals in a minute](crate::MemoryStorage#renewals): it may be missing.
    /// - **Something may be listed twice**, or may have ended or moved when the caller loads it. What has ended before the scan begins
    ///   is not listed, nor is what is no session, but the tombstone of a renewal may lead to such a key.
    /// - **A page has about 500 keys at most**, and holds no lock for longer than a step of [`sweep`](Self::sweep).
    /// - **A cursor is never wrong**: where it is worth nothing any more, for example because the Redis server was restarted, the
    ///   scan begins again.
    ///
    /// | storage | cost of a page |
    /// |---|---|
    /// | memory | looks at up to 500 sessions |
    /// | files | reads the names in a sub-folder, and up to 500 files |
    /// | Redis | `INFO server`, `SCAN` over 500 keys of all, and the first 62 bytes of those that have the prefix. In a cluster, primary after primary. Sessions may be missing if their slots move to another node meanwhile |
    /// | Postgres, SQLite | one statement, which reads 500 keys |
    /// | GoFrame's formats | `INFO server`, `SCAN`, and of a string its first byte. A key that looks like a session is listed |
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken or cannot list, or if the cursor is [not from this storage](ScanCursor::not_mine).
    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        let _ = (after, now);
        Err(StorageError::unsupported("listing all sessions"))
    }

    /// Whether sessions can be stored and read now. Leaves no session behind. The default loads a session that does not exist.
    ///
    /// # Errors
    ///
    /// [`StorageError`], whose source names the reason, without secrets.
    fn check(&self) -> Result<(), StorageError> {
        self.load(&unused_key(self.key_scheme())?, &Access::passive(SystemClock.now())).map(drop)
    }

    /// How this storage names sessions. The default is by the SHA-256 of their ids.
    fn key_scheme(&self) -> KeyScheme {
        KeyScheme::Hashed
    }

    /// Begins to watch the session under `key`, for [`ended`](crate::AsyncSession#method.ended) ([S18](crate::design#s18)). The storage
    /// signals when the session may have ended or moved to another key, may end earlier than before, or may have another principal,
    /// also if another process did that. [`Watch`](super::Watch) does most of the work.
    ///
    /// - The caller loads the session next, so changes before the call need no signal. Nor does expiry: the caller knows the deadline.
    /// - A signal without a change does no harm.
    /// - It is called on the thread of a request. A few system calls are fine, but it must not wait for a server or another request.
    ///
    /// The default is `None`, for a storage that has no signals. Waiters then load the session every 5 seconds.
    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        let _ = key;
        None
    }

    /// Also tells these observers what the storage does by itself. Each manager that has observers calls it once, when it is built.
    /// A storage that reports passes them to its [`Reporter`](crate::observe::Reporter); one that wraps another passes them on. The
    /// default does nothing.
    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        let _ = observers;
    }
}

/// A pointer to a storage is a storage: `Arc<S>`, `Box<dyn Storage>`, `&S`.
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

    fn commit_cached(&self, key: &StoreKey, commit: &Commit) -> Option<Committed> {
        (**self).commit_cached(key, commit)
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

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        (**self).find_page(principal, after, most, now)
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        (**self).sweep(now)
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        (**self).count(now)
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        (**self).scan(after, now)
    }

    fn check(&self) -> Result<(), StorageError> {
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
