//! Sessions encrypted and authenticated at rest: [`Sealed`], on any storage. Needs the feature `encryption`.
//!
//! It is for storages that others can read or change: a database that many services share, a backup, a disk that is sent in for repair.
//! Nobody without the key can read a session or make one (ASVS 11.3.2, 14.2.4).
//!
//! ```
//! use gsession::{AsyncManager, MemoryStorage, storage::sealed::{KeyRing, Sealed, SealingKey}};
//!
//! # let folder = std::env::temp_dir().join(format!("gsession-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # let path = folder.join("sealing-key");
//! # std::fs::write(&path, "b0f1d3c59a7e4f2086d4a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f70819")?;
//! # #[cfg(unix)] std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
//! // Made once, by: (umask 077; openssl rand -hex 32 > sealing-key)
//! let keys = KeyRing::new(SealingKey::from_file(&path)?);
//! let sessions = AsyncManager::new(Sealed::new(MemoryStorage::new(), keys));
//! # let _ = sessions;
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is sealed
//!
//! | of a session | in the storage |
//! |---|---|
//! | its entries: names, values, how many there are | sealed |
//! | the principal, label, tag, address, time of the login | sealed; for looking up a user's sessions there is a keyed hash of the principal |
//! | how large it is, about | visible |
//! | when it was created and last used, its timeout and deadline, whether it is remembered | visible, because storages expire sessions by them. Only the time of the last use and the timeout can be changed unnoticed |
//! | whether it is a list of gsession's own and no session | visible |
//! | its key | a hash of the id, as always |
//!
//! Nor can any be made: a session opens only if it was sealed with a key of the ring, under this store key, and as this state of the session.
//! So a record that was copied to another key opens nothing, nor does a part of a record, or a mixture of two states of one session.
//!
//! # What it cannot do
//!
//! - **Undo a rollback.** Who may write the storage can put an earlier state of a session back, as a whole, or a session that has ended.
//!   Nothing that is stored there can show that.
//! - **Prevent deletion.** Deleting a session logs its user out.
//! - **Protect the process.** Sessions in use and the keys are in its memory.
//! - **Hide who is who.** Equal principals have equal hashes, so an observer sees how many sessions one user has.
//!
//! # Keys
//!
//! A key is 32 random bytes: `openssl rand -hex 32`. It comes [from a file](SealingKey::from_file), which nobody else may read, from
//! [the environment](SealingKey::from_env), or from [bytes](SealingKey::from_bytes) that your vault hands out. All keys, and what is
//! derived from them, are erased from memory when they are dropped. [`KeyRing`] describes how to replace a key. Without the key nobody
//! can open the sessions, and their users log in again: keep the key as safe as the sessions, but not in the same backup.
//!
//! A session that cannot be opened counts as absent ([S11](crate::design#s11)): its user is logged out, and a new session begins. It stays
//! where it is until it expires, so a key that was left out by mistake can be put back. It is counted
//! ([`decryption_failures`](Sealed::decryption_failures), [`Observer::decryption_failed`](crate::observe::Observer::decryption_failed)), and
//! the log tells of the first, the tenth, the hundredth and so on.
//!
//! # Beginning and moving
//!
//! For a storage that has sessions already, [`admitting_unsealed`](Sealed::admitting_unsealed) opens those too, and seals them as they are
//! written. Deploy that on every instance before you rely on it: an instance without the key sees empty sessions. Then run `gsession rekey`,
//! and remove the setting, since it also admits what a thief has planted.
//!
//! # Cost
//!
//! A commit replaces the whole session, on the condition that nobody has changed it since. So a commit of a request that has not read the session
//! reads it first, and one that comes too late reads it again; nothing is lost. `RedisHashStorage` has no advantage over `RedisStorage` then.
//! Encrypting and decrypting a small session takes a few microseconds (`gsession-bench --peer gsession-sealed-memory`).
//!
//! A sealed session takes a third more room, and it is one value. If sessions may have more than about 190,000 bytes, give the storage
//! below [limits](crate::Limits::sealed) that allow it; otherwise the commit that grows over them is an error, and nothing is lost:
//!
//! ```
//! # #[cfg(feature = "file")] {
//! use gsession::{FileStorage, Limits};
//!
//! let storage = FileStorage::builder("sessions").limits(Limits::default().sealed());
//! # let _ = storage;
//! # }
//! ```
//!
//! The bytes are described in [`formats`](crate::formats#the-sealed-session).

mod any_storage;
mod asynchronous;
mod blocking;
mod envelope;
mod failures;
mod inner;
mod key_ring;
mod operations;
mod seal;
mod sealing_key;

use std::{fmt, sync::Arc};

pub use key_ring::KeyRing;
pub use operations::Rekeyed;
use seal::Seal;
pub use sealing_key::{SealingKey, SealingKeyError};

/// A storage whose sessions are encrypted and authenticated by the storage that this wraps. See the [module](self).
///
/// It is a [`Storage`](crate::Storage) if `S` is one, and an [`AsyncStorage`](crate::AsyncStorage) if `S` is one. Managers of async sessions
/// also take a `Sealed<AnyStorage>`, `Sealed<MemoryStorage>` and `Sealed<FileStorage>`. Clones share what they count.
#[derive(Clone)]
pub struct Sealed<S> {
    storage: S,
    seal: Arc<Seal>,
}

impl<S> Sealed<S> {
    /// Seals what is stored in `storage` from now on, and opens only what is sealed.
    ///
    /// ```
    /// use gsession::{Manager, MemoryStorage, storage::sealed::{KeyRing, Sealed, SealingKey}};
    ///
    /// # let key = [7; 32];
    /// let manager = Manager::new(Sealed::new(MemoryStorage::new(), KeyRing::new(SealingKey::from_bytes(key))));
    /// # let _ = manager;
    /// ```
    #[must_use]
    pub fn new(storage: S, keys: KeyRing) -> Self {
        Self { storage, seal: Arc::new(Seal::new(keys, false)) }
    }

    /// Also opens sessions that are not sealed, and seals them as they are written. For a storage that has sessions already; remove it
    /// when `gsession rekey` has sealed all of them, since it lets in what others have stored there.
    #[must_use]
    pub fn admitting_unsealed(self) -> Self {
        Self { seal: Arc::new(Seal::new(self.seal.keys.clone(), true)), ..self }
    }

    /// How often a session could not be opened so far, by this and its clones.
    #[must_use]
    pub fn decryption_failures(&self) -> u64 {
        self.seal.failures.count()
    }
}

impl<S> fmt::Debug for Sealed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").finish_non_exhaustive()
    }
}
