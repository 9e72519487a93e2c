//! Sessions in files: they survive a restart, and several processes may share them. The default storage, as in GoFrame.
//!
//! # On disk
//!
//! ```text
//! sessions/                       0700
//!   3f/                           0700  the first two digits of the key
//!     lock                        0600  locked while a session of this folder is changed
//!     3f8a…64 digits…             0600  one session, or the trace of a renewal
//!     3f8a…64 digits….tmp-71-4    0600  being written; renamed over the file above when complete
//! ```
//!
//! A file begins with a header of 32 bytes, numbers in little-endian order:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `GSES` |
//! | 4 | 1 | version, now 1 |
//! | 5 | 1 | kind: 1 a session, 2 the trace of a renewal; 3 is kept for encrypted sessions |
//! | 6 | 2 | 0; kept for the number of an encryption key |
//! | 8 | 8 | idle timeout in milliseconds |
//! | 16 | 8 | absolute deadline in milliseconds since the Unix epoch; 0 for none |
//! | 24 | 8 | the first 8 bytes of the SHA-256 of bytes 0 to 23 and of the content |
//!
//! The content follows: the record as the [`Codec`](crate::Codec) writes it, or for the trace of a renewal the 32 bytes of
//! the key the session lives on under, 8 bytes of when it was renewed, and the [sealed id](crate::storage::SealedId). The file's modification time is when the session
//! was last seen, so that a touch writes no data.

mod builder;
mod error;
mod expiry;
mod folder;
mod format;
mod fs;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod listing;
mod lock;
#[cfg(target_os = "linux")]
mod page_cache;
mod settings;
mod store;
mod sweep;
mod touches;
mod write_touches;

use std::{fmt, sync::Arc};

pub use builder::FileStorageBuilder;
pub use settings::Durability;
use store::Store;

use super::{
    Access, Committed, Created, Found, Lookup, Moved, Removed, Storage, StorageError, Swept, Touched, Trace,
    blocking::delegate_storage, sweeper::Background,
};
#[cfg(feature = "tokio")]
use super::{AsyncStorage, OnPool, adapters::delegate_async_storage};
use crate::{Record, StoreKey, Timestamp, record::Commit};

/// One file a session, in a folder of its own. Clones share it.
///
/// - **Survives** restarts, and `kill -9` at any moment: a file is replaced as a whole, so a reader sees the old session or
///   the new one. Against power failure, see [`Durability`].
/// - **Several processes** on one machine may share the folder; network file systems are not supported, because their locks
///   often are not.
/// - **Private**: the folder is 0700 and the files are 0600 whatever the umask. Links, pipes, folders and other users' files
///   in it are neither followed nor waited for nor removed; they count as absent and are reported in the log. Only the path of
///   the folder itself may be a link; see [below](#a-link-as-the-folder).
/// - **Damaged files** count as no session and are reported in the log. A new session may take such a file's place, but never
///   that of a file which a later version, another codec or larger limits could still read.
/// - **Backups** must keep the files' times (`cp -p`, `rsync -t`): they tell when a session was last used.
/// - **Touches** are collected and written every second, so that reading a session costs no write. If that fails, for example
///   because the folder is read-only, they are kept and tried again; the log says so once, and once more when it works.
/// - **Listing** a user's sessions reads every session, however often anybody renews theirs. It takes the lock of each
///   sub-folder for as long as it takes to read the names in it.
/// - A full disk is an error that leaves the old session as it was.
///
/// Its methods block; from async code use it with the feature `tokio`, where it runs on the blocking thread pool. What Linux holds
/// in its page cache anyway, as nearly all that is read more than once, is read on the spot, and never waits for a disk.
///
/// # A link as the folder
///
/// The path may be a symbolic link, as systemd's `DynamicUser=` and Capistrano's releases make them. It is followed when the
/// storage is opened, and owner and mode are those of the folder that it leads to. From then on the storage stays with that
/// folder: if the link is switched, a running service keeps its sessions, and the next one to start begins with those of the
/// other folder. If the folder is deleted, the link is followed again, wherever it leads then. If it leads nowhere, nothing
/// can be written until the folder is there; what a link leads to is never created.
///
/// ```
/// use gsession::{ClientInfo, FileStorage, Manager};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sessions");
/// let manager = Manager::new(FileStorage::open(&path)?);
/// let session = manager.session(None, ClientInfo::default());
/// session.set("user", "ada")?;
/// session.save()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FileStorage(Arc<Handle>);

struct Handle {
    store: Arc<Store>,
    _background: [Background; 2],
}

impl fmt::Debug for FileStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStorage").field("folder", &self.0.store.path()).finish_non_exhaustive()
    }
}

impl Storage for Handle {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        Ok(self.store.load(key, access)?)
    }

    fn load_at_once(&self, key: &StoreKey, access: &Access) -> Option<Lookup> {
        self.store.load_at_once(key, access)
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        Ok(self.store.create(key, record, now)?)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        Ok(self.store.commit(key, commit)?)
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        Ok(self.store.touch(key, access)?)
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        Ok(self.store.move_to(from, to, commit)?)
    }

    fn trace(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Trace>, StorageError> {
        Ok(self.store.trace(key, now)?)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        Ok(self.store.remove(key)?)
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        Ok(self.store.find(principal, now)?)
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        Ok(self.store.sweep(now)?)
    }
}

delegate_storage!([] FileStorage, |this| this.0);
#[cfg(feature = "tokio")]
delegate_async_storage!([] FileStorage, |this| &OnPool::from(Arc::clone(&this.0)), AsyncStorage .await);
