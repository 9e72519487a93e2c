//! Use in managers of async sessions.

use super::{
    Rekeyed, Sealed,
    inner::{Asynchronous, Blocking},
};
use crate::{
    AnyStorage, MemoryStorage, StoreKey, Timestamp,
    storage::{IntoStorage, StorageError, any_storage::Kind},
};

impl<S> Sealed<S> {
    fn over<T>(self, convert: impl FnOnce(S) -> T) -> Sealed<T> {
        Sealed { storage: convert(self.storage), seal: self.seal }
    }
}

impl Sealed<AnyStorage> {
    /// Seals a session with the first key of the ring, if an older one has sealed it.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage is broken.
    pub async fn rekey(&self, key: &StoreKey, now: Timestamp) -> Result<Rekeyed, StorageError> {
        match &self.storage.kind {
            Kind::Immediate(storage) => self.seal.rekey(&Blocking(storage), key, now).await,
            Kind::Waiting(storage) => self.seal.rekey(&Asynchronous(storage), key, now).await,
        }
    }
}

impl IntoStorage for Sealed<AnyStorage> {
    fn into_storage(self) -> AnyStorage {
        match self.storage.kind.clone() {
            Kind::Immediate(storage) => AnyStorage::immediate(self.over(|_| storage)),
            Kind::Waiting(storage) => self.over(|_| storage).into_storage(),
        }
    }
}

impl IntoStorage for Sealed<MemoryStorage> {
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
