//! The storage below, blocking or async, behind one interface. In the blocking variant every future is ready when it is first polled.

use std::num::NonZeroUsize;

use crate::{
    Record, StoreKey, Timestamp,
    record::{Access, Commit},
    storage::{AsyncStorage, Committed, Created, Found, Lookup, Moved, Storage, StorageError},
};

type Answer<T> = Result<T, StorageError>;

/// The operations of a storage whose arguments or answers are sealed.
pub(super) trait Inner: Sync {
    fn load(&self, key: &StoreKey, access: &Access) -> impl Future<Output = Answer<Lookup>> + Send;
    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> impl Future<Output = Answer<Created>> + Send;
    fn commit(&self, key: &StoreKey, commit: &Commit) -> impl Future<Output = Answer<Committed>> + Send;
    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> impl Future<Output = Answer<Moved>> + Send;
    fn find(&self, principal: &str, now: Timestamp) -> impl Future<Output = Answer<Vec<Found>>> + Send;
    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> impl Future<Output = Answer<Vec<Found>>> + Send;
}

pub(super) struct Blocking<'a, S>(pub(super) &'a S);

impl<S: Storage> Inner for Blocking<'_, S> {
    async fn load(&self, key: &StoreKey, access: &Access) -> Answer<Lookup> {
        self.0.load(key, access)
    }

    async fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Answer<Created> {
        self.0.create(key, record, now)
    }

    async fn commit(&self, key: &StoreKey, commit: &Commit) -> Answer<Committed> {
        self.0.commit(key, commit)
    }

    async fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Answer<Moved> {
        self.0.move_to(from, to, commit)
    }

    async fn find(&self, principal: &str, now: Timestamp) -> Answer<Vec<Found>> {
        self.0.find(principal, now)
    }

    async fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Answer<Vec<Found>> {
        self.0.find_page(principal, after, most, now)
    }
}

pub(super) struct Asynchronous<'a, S>(pub(super) &'a S);

impl<S: AsyncStorage> Inner for Asynchronous<'_, S> {
    async fn load(&self, key: &StoreKey, access: &Access) -> Answer<Lookup> {
        self.0.load(key, access).await
    }

    async fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Answer<Created> {
        self.0.create(key, record, now).await
    }

    async fn commit(&self, key: &StoreKey, commit: &Commit) -> Answer<Committed> {
        self.0.commit(key, commit).await
    }

    async fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Answer<Moved> {
        self.0.move_to(from, to, commit).await
    }

    async fn find(&self, principal: &str, now: Timestamp) -> Answer<Vec<Found>> {
        self.0.find(principal, now).await
    }

    async fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Answer<Vec<Found>> {
        self.0.find_page(principal, after, most, now).await
    }
}
