//! How a manager calls its storage, and who is told of the calls.

use std::sync::Arc;

use super::{AnyStorage, AsyncStorage, Storage, StorageError, StorageFuture, any_storage::Kind};
use crate::{
    StoreKey,
    observe::{Call, Observer, Observers, Operation},
};

impl AnyStorage {
    /// The same storage for a manager with these observers.
    pub(crate) fn observed_by(self, observers: Vec<Arc<dyn Observer>>) -> Self {
        if !observers.is_empty() {
            self.report_to(&observers);
        }
        Self { observers: Observers::new(observers), ..self }
    }

    /// Same as [`Storage::report_to`].
    pub(super) fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        match &self.kind {
            Kind::Immediate(storage) => storage.report_to(observers),
            Kind::Waiting(storage) => storage.report_to(observers),
        }
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
}
