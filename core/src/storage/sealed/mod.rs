//! Sessions encrypted and authenticated at rest: [`Sealed`], on any storage. Needs the feature `encryption`.

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

use super::{AnyStorage, IntoStorage};
pub use key_ring::KeyRing;
pub use operations::Rekeyed;
use seal::Seal;
pub use sealing_key::{SealingKey, SealingKeyError};

/// A storage that keeps sessions encrypted and authenticated.
#[derive(Clone)]
pub struct Sealed<S> {
    storage: S,
    seal: Arc<Seal>,
}

impl<S> Sealed<S> {
    /// Seals everything that is stored in `storage`.
    #[must_use]
    pub fn new(storage: S, keys: KeyRing) -> Self {
        Self { storage, seal: Arc::new(Seal::new(keys, false)) }
    }

    /// Also opens sessions that are not sealed, and seals them as they are written.
    #[must_use]
    pub fn admitting_unsealed(self) -> Self {
        Self { seal: Arc::new(Seal::new(self.seal.keys.clone(), true)), ..self }
    }

    /// How often a session could not be opened so far.
    #[must_use]
    pub fn decryption_failures(&self) -> u64 {
        self.seal.failures.count()
    }
}

impl IntoStorage for Sealed<crate::MemoryStorage> {
    fn into_storage(self) -> AnyStorage {
        AnyStorage::immediate(self)
    }
}

#[cfg(all(feature = "file", feature = "tokio"))]
impl IntoStorage for Sealed<crate::FileStorage> {
    fn into_storage(self) -> AnyStorage {
        AnyStorage::blocking(self)
    }
}

impl<S> fmt::Debug for Sealed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").finish_non_exhaustive()
    }
}
