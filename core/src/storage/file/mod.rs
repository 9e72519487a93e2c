//! Sessions in files. They survive a restart, and several processes can share them. The default storage, as in GoFrame.
//!
//! # On disk
//!
//! ```text
//! sessions/                       0700
//!   3f/                           0700  the first two digits of the key
//!     lock                        0600  locked while a file of this folder gets a name or loses it
//!     principals                  0600  the index: the keys of the sessions of users whose hash begins with 3f
//!     principals.lock             0600  locked while one of these users gets a session
//!     3f8a…64 digits…             0600  one session, or the tombstone of a renewal
//!     3f8a…64 digits….tmp-71-4    0600  being written; renamed to the file above when complete
//! ```
//!
//! A session's file is a header, the record, and a log. Numbers are in little-endian order, times in milliseconds:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `GSES` |
//! | 4 | 1 | version, now 2 |
//! | 5 | 1 | kind: 1 is a session, 2 the tombstone of a renewal; 3 is reserved for encrypted sessions |
//! | 6 | 2 | 0; reserved for the number of an encryption key |
//! | 8 | 8 | idle timeout |
//! | 16 | 8 | absolute deadline; 0 for none; 2<sup>52</sup> is added if the session is remembered |
//! | 24 | 4 | length of the content |
//! | 28 | 4 | 0 |
//! | 32 | 16 | salt: random bytes |
//! | 48 | 8 | the first 8 bytes of the SHA-256 of bytes 0 to 47 and the content |
//! | 56 | n | the content: the record, as the [`Codec`](crate::Codec) writes it |
//! | 56 + n | | frames, one for each commit since |
//!
//! | offset in a frame | bytes | what |
//! |---|---|---|
//! | 0 | 4 | how many bytes follow byte 11; the highest bit says whether a time is among them |
//! | 4 | 8 | the first 8 bytes of the SHA-256 of the checksum before, bytes 0 to 3, and all bytes from 12 on |
//! | 12 | 0 or 8 | when the session was last seen, if that is later than what the file says before |
//! | | n | the changes |
//!
//! The content of a tombstone is the new key (32 bytes), the time of the renewal (8 bytes) and the
//! [sealed id](crate::storage::SealedId). [`formats`](crate::formats#a-session-file) has an example, the rules in full, and version
//! 1, which is still read.
//!
//! # Who may write when
//!
//! A commit appends one frame, under a lock (`flock`) on the session's file. Everything else that writes gives a file its name or
//! takes it away: creating, replacing a file whose log is full, renewing, removing, sweeping. It holds the lock of the sub-folder
//! and, if the session has a file, the lock of that file, so nobody can append at the same time. A file may be replaced or removed
//! while a writer waits for its lock. The link count shows this, and the writer opens the name again. So every acknowledged
//! commit is in the current file, and nothing is written to a removed one ([S4](crate::design#s4)).
//!
//! Before a commit sets a session's principal, it adds the session to the index. It keeps the index locked until the commit is complete.
//!
//! Readers take no lock. They see the old state until the last byte of a frame is there, because its checksum is wrong until then.
//!
//! While a frame is written, and if that fails, the file has a time that the kernel has set, so the session was last seen when its
//! log says. A commit that finds the log older than half the idle timeout replaces the file, so that this never ends a session.
//!
//! # On Windows
//!
//! The format is the same; what a system does with files is not:
//!
//! - **Privacy**: a new session folder gets an access list that grants access to its user, the system and the administrators, and inherits
//!   nothing from the folder above. What is created in it inherits the list. A folder that exists must grant access to nobody else,
//!   unless it is empty. Anyone with write access to the parent folder is trusted. FAT does not support access lists.
//! - **Locks**: nobody can read what another process has locked, so session files are not locked. A commit that appends takes the lock
//!   of the sub-folder instead.
//! - **Replacing and removing**: where the file system cannot do this to an open file (NTFS can), the writer waits until readers have
//!   closed it, as it does for virus scanners and backups, for up to a second. While a file is replaced, its name may lead to nothing,
//!   so a reader that finds nothing looks again under the lock. A session's file is emptied before it is removed, and an empty file is
//!   no session.
//! - **The folder** cannot be renamed or removed while a storage is open.
//! - **Nothing is kept in memory**, and in async code everything is done on the pool of blocking threads.
//! - **After a power failure** ([`Durability::Commit`]): a folder cannot be synced, but the file's data and name are.
//!
//! # What is kept in memory
//!
//! A file only grows, until another one takes its place. So the number of its inode, the time of its birth and its length say what
//! it holds. A session that was read or written is kept in memory, [up to a bound](FileStorageBuilder::cache_bytes), and while its
//! file has all three, a read costs one system call (`statx`), whichever process might have written meanwhile. The kernel gives the
//! number of an inode away again at once, and its clock ticks every few milliseconds. A session is therefore kept only if the clock
//! has ticked since the file was created: then every file created later has another time of birth. Where the file system does not
//! say when a file was created, nothing is kept.
//!
//! # What does not wait
//!
//! In async code, a read or a commit that need not wait is done on the thread of the request; everything else is done on the pool
//! of blocking threads. On Linux it is known as follows:
//!
//! - **Finding and reading a file**: `openat2` with `RESOLVE_CACHED` and `preadv2` with `RWF_NOWAIT` fail if they would need the
//!   disk. A `statx` is made only of files that this process has used before.
//! - **Locks** are tried and not waited for.
//! - **Appending** writes to memory, but it may wait for the file system's journal, and no file system says so in advance: ext4 and
//!   tmpfs refuse `RWF_NOWAIT` for writing. So each append is timed. After one that took 2 ms or more, commits go to the pool for
//!   250 ms. So a slow disk costs each thread at most one such wait in that time.
//! - **With [`Durability::Commit`]** every commit waits for the disk, and goes to the pool.
//!
//! Creating, replacing and removing files wait for the disk now and then, and go to the pool. So do logins, which write to the index.
//!
//! # Who waits for the end of a session
//!
//! On Linux the kernel reports (`inotify`) when files in the sub-folder of such a session get their names or lose them, to one thread for
//! all that are waited for. Appended commits and touches are not reported and cost nothing; a commit that changes whose session it is
//! replaces the file, so it is reported. If the kernel has no watch to spare
//! (`fs.inotify.max_user_watches`; at most 256 are needed), and on other systems, one thread looks at the files of these sessions every
//! [`watch_interval`](FileStorageBuilder::watch_interval).

mod append;
mod builder;
mod cache;
mod check;
mod closer;
mod count;
mod error;
mod expiry;
mod folder;
mod format;
mod fs;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod index;
mod listing;
mod lock;
mod pace;
mod principals;
mod read;
mod renew;
mod scan;
mod settings;
mod store;
mod sweep;
mod system;
mod touches;
mod watch;
mod write;
mod write_touches;

use std::{fmt, num::NonZeroUsize, sync::Arc};

pub use builder::FileStorageBuilder;
pub use settings::Durability;
use store::Store;
use watch::Watcher;

use super::{
    Access, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Storage, StorageError, Swept,
    Tombstone, Touched, Watched, sweeper::Background,
};
use crate::{Record, StoreKey, Timestamp, observe::Observer, record::Commit};

/// One file per session, in a folder of its own. Clones share the storage.
///
/// - **Crash-safe**: sessions survive restarts, and `kill -9` at any moment. A commit appends what has changed to the session's
///   file, with a checksum, so a reader sees either the old session or the new one. For power failures, see [`Durability`].
/// - **Several processes** on one machine can share the folder. Network file systems are not supported, because file locks on
///   them are often unreliable.
/// - **Private**: the folder has mode 0700 and the files have mode 0600, whatever the umask; on Windows an access list does
///   the same. Links, pipes, folders and other
///   users' files inside are never followed, waited for or removed. They count as absent and are logged. Only the path of the
///   folder itself may be a link; see [below](#a-link-as-the-folder).
/// - **Damaged files** count as no session and are logged. A new session can take the place of such a file, but never of one
///   that a later version, another codec or larger limits could still read. If only the end is damaged, the session is as it was
///   before the commits there.
/// - **Backups** must preserve the files' times (`cp -p`, `rsync -t`): they say when a session was last used. Restore them into an
///   empty folder that no service uses, without the files `lock`: the index of users is then made anew.
/// - **Touches** are collected and written every second, so reading a session costs no write. If writing fails, for example
///   because the folder is read-only, the touches are kept and tried again. The log says so once, and once more when it works.
/// - **Listing** a user's sessions reads only that user's, by an index. The index has 48 bytes for each logged-in session, and is split
///   into 256 files, of which a listing reads one. An existing folder is indexed by its first sweep; until then, a listing reads
///   every session. If a power failure takes the entry of a session and leaves the session, the first sweep of the next process
///   writes it again.
/// - **A full disk** is an error that leaves the old session as it was. A short commit usually still works, because it fits into
///   the block that the session's file takes anyway.
///
/// The methods block. With the feature `tokio`, async code can use the storage too: it then runs on the blocking thread pool.
/// On Linux, reads and commits that need not wait, which are nearly all, are done at once on the thread of the request; the
/// [module](self) says how that is known.
///
/// # A link as the folder
///
/// The path may be a symbolic link, such as those of systemd's `DynamicUser=` and of Capistrano's releases. The link is
/// followed when the storage is opened; owner and mode are checked on its target. From then on the storage stays with that
/// folder. If the link is switched, a running service keeps its sessions, and the next service to start uses the other folder.
/// If the folder is deleted, the link is followed again, wherever it then leads. If it leads nowhere, nothing can be written
/// until the folder exists: the target of a link is never created.
///
/// ```
/// use gsession::{ClientInfo, FileStorage, Manager};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sessions");
/// let manager = Manager::new(FileStorage::open(&path)?);
/// let session = manager.begin(None, ClientInfo::default);
/// session.set("user", "ada")?;
/// session.save()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FileStorage(Arc<Handle>);

struct Handle {
    store: Arc<Store>,
    watcher: Arc<Watcher>,
    _background: [Background; 2],
}

impl fmt::Debug for FileStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStorage").field("folder", &self.0.store.path()).finish_non_exhaustive()
    }
}

impl Storage for FileStorage {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        Ok(self.0.store.load(key, access)?)
    }

    fn load_cached(&self, key: &StoreKey, access: &Access) -> Option<Lookup> {
        self.0.store.load_cached(key, access)
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        Ok(self.0.store.create(key, record, now)?)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        Ok(self.0.store.commit(key, commit)?)
    }

    fn commit_cached(&self, key: &StoreKey, commit: &Commit) -> Option<Committed> {
        self.0.store.commit_cached(key, commit)
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        Ok(self.0.store.touch(key, access)?)
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        Ok(self.0.store.move_to(from, to, commit)?)
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        Ok(self.0.store.tombstone(key, now)?)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        Ok(self.0.store.remove(key)?)
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        Ok(self.0.store.find(principal, now)?)
    }

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        Ok(self.0.store.find_page(principal, after, most, now)?)
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        Ok(self.0.store.sweep(now)?)
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        Ok(self.0.store.count(now)?)
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        let after =
            after.map(|cursor| StoreKey::parse(cursor.as_str()).ok_or_else(ScanCursor::not_mine)).transpose()?;
        let (keys, last) = self.0.store.scan(after, now)?;
        let next = last.map(|last| last.to_string().parse().map_err(|_| ScanCursor::not_mine())).transpose()?;
        Ok(Scanned::new(keys, next))
    }

    /// Makes a file of 4 KiB in one of the sub-folders, reads it and removes it, as a new session would. A folder or sub-folder
    /// that is missing is made, as a new session would make it, and stays.
    fn check(&self) -> Result<(), StorageError> {
        Ok(self.0.store.check()?)
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.0.watcher.watch(key)
    }

    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        self.0.store.reporter.add(observers);
    }
}
