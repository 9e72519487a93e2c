//! A storage each of whose operations waits for its turn.

use std::sync::Arc;

use gsession::{
    AsyncStorage, KeyScheme, Record, Storage, StorageError, StorageErrorKind, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Found, Lookup, Moved, Removed, StorageFuture, Swept, Tombstone, Touched},
};

use super::{
    explorer::Fate,
    turnstile::{Deed, Turnstile},
};

pub(crate) struct Stepping<S> {
    pub(crate) storage: Arc<S>,
    pub(crate) turnstile: Turnstile,
}

impl<S: Storage> Stepping<S> {
    /// An operation in its turn. `deed` says of an answer what it has changed.
    async fn through<T>(
        &self,
        operation: &'static str,
        run: impl FnOnce() -> Result<T, StorageError>,
        deed: impl FnOnce(&T) -> Option<(Deed, Timestamp)>,
    ) -> Result<T, StorageError> {
        let failed = || Err(StorageError::new(StorageErrorKind::Unavailable, operation));
        let fate = self.turnstile.step(operation).await;
        if fate == Fate::FailsBefore {
            return failed();
        }
        let answer = run()?;
        if let Some((deed, now)) = deed(&answer) {
            let access = Access::passive(now);
            self.turnstile.did(deed, |key| matches!(self.storage.load(key, &access), Ok(Lookup::Found(_))));
        }
        match fate {
            Fate::FailsAfter => failed(),
            // The explorer drops it now.
            Fate::DroppedAfter => std::future::pending().await,
            _ => Ok(answer),
        }
    }
}

impl<S: Storage> AsyncStorage for Stepping<S> {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(async move {
            let load = || {
                let lookup = self.storage.load(key, access);
                if let Ok(Lookup::Found(_)) = lookup {
                    self.turnstile.found(key);
                }
                lookup
            };
            self.through("load", load, |_| None).await
        })
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        Box::pin(async move {
            let create = || self.storage.create(key, record, now);
            let deed =
                |created: &Created| (*created == Created::Done).then_some((Deed::Created { key: *key, now }, now));
            self.through("create", create, deed).await
        })
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        Box::pin(async move {
            let (run, now) = (|| self.storage.commit(key, commit), commit.access.now);
            let deed = Deed::Stored { from: *key, to: *key, now };
            let is_done = |committed: &Committed| matches!(committed, Committed::Done { .. });
            self.through("commit", run, |committed| is_done(committed).then_some((deed, now))).await
        })
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        Box::pin(async move { self.through("touch", || self.storage.touch(key, access), |_| None).await })
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        Box::pin(async move {
            let (run, now) = (|| self.storage.move_to(from, to, commit), commit.access.now);
            let deed = Deed::Stored { from: *from, to: *to, now };
            let is_done = |moved: &Moved| matches!(moved, Moved::Done { .. });
            self.through("move", run, |moved| is_done(moved).then_some((deed, now))).await
        })
    }

    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        Box::pin(async move { self.through("tombstone", || self.storage.tombstone(key, now), |_| None).await })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        Box::pin(async move {
            let deed = (Deed::Ended { key: *key }, Timestamp::default());
            self.through("remove", || self.storage.remove(key), |removed| (*removed == Removed::Done).then_some(deed))
                .await
        })
    }

    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(async move { self.through("find", || self.storage.find(principal, now), |_| None).await })
    }

    fn sweep<'a>(&'a self, now: Timestamp) -> StorageFuture<'a, Swept> {
        Box::pin(async move { self.storage.sweep(now) })
    }

    fn key_scheme(&self) -> KeyScheme {
        self.storage.key_scheme()
    }
}
