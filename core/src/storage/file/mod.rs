//! Sessions in files. They survive a restart, and several processes can share them. The default storage, as in GoFrame.
//!
//! # On disk
//!
//! ```text
//! sessions/                       0700
//!   3f/                           0700  the first two digits of the key
//!     lock                        0600  locked while a session of this folder is changed
//!     3f8a…64 digits…             0600  one session, or the tombstone of a renewal
//!     3f8a…64 digits….tmp-71-4    0600  being written; renamed to the file above when complete
//! ```
//!
//! A file begins with a header of 32 bytes, numbers in little-endian order:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `GSES` |
//! | 4 | 1 | version, now 1 |
//! | 5 | 1 | kind: 1 is a session, 2 the tombstone of a renewal; 3 is reserved for encrypted sessions |
//! | 6 | 2 | 0; reserved for the number of an encryption key |
//! | 8 | 8 | idle timeout in milliseconds |
//! | 16 | 8 | absolute deadline in milliseconds since the Unix epoch; 0 for none |
//! | 24 | 8 | the first 8 bytes of the SHA-256 of bytes 0 to 23 and the content |
//!
//! The content follows. For a session it is the record as the [`Codec`](crate::Codec) writes it. For the tombstone of a renewal it
//! is the new key (32 bytes), the time of the renewal (8 bytes) and the [sealed id](crate::storage::SealedId). The file's
//! modification time says when the session was last seen, so a touch writes no data.

mod append;
mod builder;
mod cache;
mod error;
mod expiry;
mod folder;
mod format;
mod fs;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod listing;
mod lock;
mod pace;
#[cfg_attr(not(target_os = "linux"), path = "no_page_cache.rs")]
mod page_cache;
mod read;
mod renew;
mod settings;
mod stat;
mod store;
mod sweep;
mod touches;
mod write_touches;

use std::{fmt, sync::Arc};

pub use builder::FileStorageBuilder;
pub use settings::Durability;
use store::Store;

use super::{
    Access, Committed, Created, Found, Lookup, Moved, Removed, Storage, StorageError, Swept, Tombstone, Touched,
    sweeper::Background,
};
use crate::{Record, StoreKey, Timestamp, record::Commit};

/// One file per session, in a folder of its own. Clones share the storage.
///
/// - **Crash-safe**: sessions survive restarts, and `kill -9` at any moment. A file is replaced as a whole, so a reader sees
///   either the old session or the new one. For power failures, see [`Durability`].
/// - **Several processes** on one machine can share the folder. Network file systems are not supported, because file locks on
///   them are often unreliable.
/// - **Private**: the folder has mode 0700 and the files have mode 0600, whatever the umask. Links, pipes, folders and other
///   users' files inside are never followed, waited for or removed. They count as absent and are logged. Only the path of the
///   folder itself may be a link; see [below](#a-link-as-the-folder).
/// - **Damaged files** count as no session and are logged. A new session can take the place of such a file, but never of one
///   that a later version, another codec or larger limits could still read.
/// - **Backups** must preserve the files' times (`cp -p`, `rsync -t`): they say when a session was last used.
/// - **Touches** are collected and written every second, so reading a session costs no write. If writing fails, for example
///   because the folder is read-only, the touches are kept and tried again. The log says so once, and once more when it works.
/// - **Listing** a user's sessions reads every session, however often sessions are renewed. It locks each sub-folder while it
///   reads the names in it.
/// - A full disk is an error that leaves the old session as it was.
///
/// The methods block. With the feature `tokio`, async code can use the storage too: it then runs on the blocking thread pool.
/// On Linux, a file that is in the page cache (nearly every file that was read before) is read at once, without waiting for
/// the disk.
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

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        Ok(self.0.store.sweep(now)?)
    }
}
