//! How a manager calls its storage, and who is told of the calls.

use std::sync::Arc;

use super::{AnyStorage, AsyncStorage, Leads, Removed, Storage, StorageError, StorageFuture, Trail, any_storage::Kind};
use crate::{
    StoreKey,
    observe::{Call, EndReason, Observer, Observers, Operation},
};

impl AnyStorage {
    /// The same storage for a manager with these observers.
    pub(crate) fn observed_by(self, observers: Vec<Arc<dyn Observer>>) -> Self {
        match &self.kind {
            _ if observers.is_empty() => {}
            Kind::Immediate(storage) => storage.report_to(&observers),
            Kind::Waiting(storage) => storage.report_to(&observers),
        }
        Self { observers: Observers::new(observers), ..self }
    }

    pub(crate) const fn observers(&self) -> &Observers {
        &self.observers
    }

    /// The door to a storage that never waits, where calls are observed.
    #[inline]
    pub(super) fn at_once<T>(
        &self,
        operation: Operation,
        key: Option<&StoreKey>,
        call: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        if Call::is_watched(&self.observers) {
            return Call::begin(&self.observers, operation, key).make(call);
        }
        call()
    }

    /// The door to one that may wait.
    #[inline]
    pub(super) fn waiting<'a, T: Send + 'a>(
        &self,
        operation: Operation,
        key: Option<&StoreKey>,
        call: impl FnOnce() -> StorageFuture<'a, T>,
    ) -> StorageFuture<'a, T> {
        if Call::is_watched(&self.observers) {
            return Call::begin(&self.observers, operation, key).follow(call);
        }
        call()
    }

    /// Ends the session under `key`, even if it was renewed since. Returns whether there was one.
    pub(crate) async fn end(&self, mut key: StoreKey, reason: EndReason) -> Result<bool, StorageError> {
        let mut trail = Trail::default();
        loop {
            match self.remove(&key).await? {
                Removed::Done => {
                    self.observers.ended(key, reason);
                    return Ok(true);
                }
                Removed::Absent => return Ok(false),
                Removed::Renewed(next) => match trail.follow(&next)? {
                    Leads::On => key = next,
                    Leads::InACycle => return Ok(false),
                },
            }
        }
    }
}
