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
//! | the principal, label, tag, address, time of the login | sealed. A user's sessions are found by a keyed hash of the principal |
//! | when it was created, its absolute deadline, whether it is remembered | visible, because storages expire sessions by them. A change is noticed |
//! | when it was last used, its idle timeout | visible, and a change is not noticed: a touch does not open the session |
//! | how large it is, about | visible |
//! | its key | a hash of the id, as always |
//!
//! A session opens only if it was sealed with a key of the ring, under this store key, as this state of the session, for this hash of the principal. So
//! a record that was copied to another key opens nothing, nor does a part of a record, or a mixture of two states.
//!
//! # What it cannot do
//!
//! - **Notice a rollback.** Someone who can write to the storage can restore a whole earlier state of a session, or a session that has
//!   ended. Nothing stored there can reveal that.
//! - **Prevent deletion.** Deleting a session logs its user out. Deleting it from an index of the storage hides it from its user's list.
//! - **Tell deployments apart.** A key is for one deployment and one application: a session copied from a test system with the same key opens.
//! - **Hide guesses.** Equal principals have equal hashes, so one sees how many sessions a user has. The lists of [tags](crate::Login::tag), and with
//!   [`AtLimit::Refuse`](crate::AtLimit::Refuse) those of logins under way, are named by a hash without a key: a guessed tag or principal can be
//!   confirmed there.
//! - **Protect the process.** Sessions in use and the keys are in its memory.
//!
//! # Keys
//!
//! A key is 32 random bytes: `openssl rand -hex 32`. It comes [from a file](SealingKey::from_file), which nobody else may read, from
//! [the environment](SealingKey::from_env), or from [bytes](SealingKey::from_bytes) that your vault hands out. Keys, and what is
//! derived from them, are erased from memory when they are dropped. [`KeyRing`] describes how to replace a key. Without the key nobody
//! can open the sessions, and their users have to log in again: keep it as safe as the sessions, but not in the same backup.
//!
//! A session that cannot be opened counts as absent ([S11](crate::design#s11)): its user is logged out, and a new session begins. It stays
//! where it is until it expires, so a key that was left out by mistake can be put back. It is counted
//! ([`decryption_failures`](Sealed::decryption_failures), [`Observer::decryption_failed`](crate::observe::Observer::decryption_failed)), and
//! the log tells of the first, the tenth, the hundredth and so on.
//!
//! # Beginning
//!
//! For a storage that has sessions already, [`admitting_unsealed`](Sealed::admitting_unsealed) opens those too, and seals them as they are
//! written. Begin on all instances at the same time: one without the key misreads sealed sessions, and what it writes to a session that is
//! being sealed is lost. Or let sessions [move](crate::storage::moving) to another, sealed place, which instances can begin one by one. Then run `gsession rekey --admit-unsealed`, and remove the setting, since it also admits what a thief has
//! planted.
//!
//! GoFrame's formats cannot be sealed, which [`check`](crate::AsyncManager::check) and every new session report. A [`Codec`](crate::Codec) of
//! your own below must keep created-at and deadlines exactly.
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
mod outside;
mod seal;
mod sealing_key;

use std::{fmt, sync::Arc};

use super::{StorageError, StorageErrorKind};
use crate::KeyScheme;
pub use key_ring::KeyRing;
pub use operations::Rekeyed;
use seal::Seal;
pub use sealing_key::{SealingKey, SealingKeyError};

/// A storage that keeps its sessions in another one, encrypted and authenticated. See the [module](self).
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

/// GoFrame's formats have no place for what is sealed, and raw ids as keys.
fn check_scheme(scheme: KeyScheme) -> Result<(), StorageError> {
    match scheme {
        KeyScheme::Hashed => Ok(()),
        KeyScheme::RawIds => Err(StorageError::new(StorageErrorKind::Setup, "sealing sessions in GoFrame's formats")),
    }
}

impl<S> fmt::Debug for Sealed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").finish_non_exhaustive()
    }
}
