//! A storage that lets something happen between two calls.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use gsession::{
    Record, Storage, StorageError, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Found, Lookup, Moved, Removed},
};

type Happening = Box<dyn FnMut() + Send>;

/// Counts its calls.
pub(super) struct Between {
    storage: Arc<dyn Storage>,
    after_the_first_listing: Mutex<Option<Happening>>,
    calls: AtomicUsize,
}

impl Between {
    pub(super) fn new(storage: &Arc<dyn Storage>) -> Self {
        Self { storage: Arc::clone(storage), after_the_first_listing: Mutex::new(None), calls: AtomicUsize::new(0) }
    }

    pub(super) fn after_the_first_listing(self, happening: impl FnMut() + Send + 'static) -> Self {
        *self.after_the_first_listing.lock().unwrap() = Some(Box::new(happening));
        self
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn counted(&self) -> &dyn Storage {
        self.calls.fetch_add(1, Ordering::SeqCst);
        &*self.storage
    }

    fn listed(&self, found: Vec<Found>) -> Vec<Found> {
        if let Some(mut happening) = self.after_the_first_listing.lock().unwrap().take() {
            happening();
        }
        found
    }
}

impl Storage for Between {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.counted().load(key, access)
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.counted().create(key, record, now)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.counted().commit(key, commit)
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        self.counted().move_to(from, to, commit)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.counted().remove(key)
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        Ok(self.listed(self.counted().find(principal, now)?))
    }

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        Ok(self.listed(self.counted().find_page(principal, after, most, now)?))
    }
}
