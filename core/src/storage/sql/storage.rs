//! A storage in a database.

use std::{fmt, num::NonZeroUsize, sync::Arc};

use super::{
    change::{Change, Changed},
    database::Database,
    failure::Answered,
    notice::Notice,
    reports::Reports,
    store::Store,
    sweeper::Sweeper,
};
use crate::{
    Record, StoreKey, Timestamp,
    observe::{EndReason, Observer, Reporter},
    record::{Access, Commit},
    storage::{
        AsyncStorage, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, StorageFuture, Swept,
        Tombstone, Touched, Watched,
    },
};

const STORING: &str = "storing a session in the database";
const RENEWING: &str = "renewing a session in the database";

/// A storage in the tables of the database `D`: see the [module](super). Usually you name it `PostgresStorage` or `SqliteStorage`. Clones
/// share it.
pub struct Sql<D>(pub(super) Arc<Inner<D>>);

pub(super) struct Inner<D> {
    pub(super) store: Store<D>,
    pub(super) reports: Arc<Reports<D>>,
    pub(super) reporter: Reporter,
    pub(super) _sweeper: Option<Sweeper>,
}

impl<D: Database> Sql<D> {
    /// Makes the tables, or brings those of an older version to this one, which keeps the sessions. Several processes may do so at once, and
    /// a database that is up to date is left alone. The user of the database must be allowed to create tables.
    ///
    /// # Errors
    ///
    /// [`StorageError`](crate::StorageError) if the database cannot be reached, refuses, or has tables of a later version.
    pub async fn migrate(&self) -> Answered<()> {
        self.0.store.migrate().await
    }

    async fn commit_session(&self, key: &StoreKey, commit: &Commit) -> Answered<Committed> {
        let store = &self.0.store;
        let change = Change { store, key, to: None, commit, operation: store.begin(STORING) };
        if commit.changes.principal().is_none() && commit.changes.lifespan().is_none() {
            return change.make().await.map(Changed::into_committed);
        }
        let mut notice = self.notice(key);
        let committed = change.make().await.map(Changed::into_committed);
        notice.is_old_news = matches!(committed, Ok(Committed::Renewed(_) | Committed::Conflict(_) | Committed::Gone));
        drop(notice);
        self.0.reports.told().await;
        committed
    }

    async fn move_session(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Answered<Moved> {
        let store = &self.0.store;
        let change = Change { store, key: from, to: Some(to), commit, operation: store.begin(RENEWING) };
        let mut notice = self.notice(from);
        let moved = change.make().await.map(Changed::into_moved);
        notice.is_old_news = matches!(moved, Ok(Moved::Renewed(_) | Moved::Taken | Moved::Gone));
        drop(notice);
        self.0.reports.told().await;
        moved
    }

    async fn remove_session(&self, key: &StoreKey) -> Answered<Removed> {
        let mut notice = self.notice(key);
        let removed = self.0.store.remove(key).await;
        notice.is_old_news = matches!(removed, Ok(Removed::Renewed(_) | Removed::Absent));
        drop(notice);
        self.0.reports.told().await;
        removed
    }

    fn notice<'a>(&'a self, key: &'a StoreKey) -> Notice<'a, D> {
        Notice { reports: &self.0.reports, key, is_old_news: false }
    }
}

impl Changed {
    fn into_committed(self) -> Committed {
        match self {
            Self::Done(header) => Committed::done(&header.record, header.revision),
            Self::Renewed(at) => Committed::Renewed(at),
            Self::Conflict(current) => Committed::Conflict(current),
            Self::Gone | Self::Taken => Committed::Gone,
        }
    }

    fn into_moved(self) -> Moved {
        match self {
            Self::Done(header) => Moved::done(&header.record, header.revision),
            Self::Renewed(at) => Moved::Renewed(at),
            Self::Taken => Moved::Taken,
            Self::Gone | Self::Conflict(_) => Moved::Gone,
        }
    }
}

impl<D: Database> Inner<D> {
    /// Removes what has ended. Returns how many rows that were.
    pub(super) async fn remove_ended(&self, now: Timestamp) -> Answered<u64> {
        let ended = |key: StoreKey, is_session: bool| {
            self.reports.noticed(&key);
            if is_session {
                self.reporter.ended(key, EndReason::Expired);
            }
        };
        self.store.sweep(now, ended).await
    }

    /// The same, and counts the rest.
    async fn sweep(&self, now: Timestamp) -> Answered<Swept> {
        let removed = self.remove_ended(now).await?;
        let kept = self.store.count_rest(now).await.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "ended sessions were removed from the database, but the others could not be counted"
            );
            0
        });
        Ok(Swept { removed, kept, foreign: 0 })
    }
}

impl<D: Database> AsyncStorage for Sql<D> {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(self.0.store.load(key, access))
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        Box::pin(self.0.store.create(key, record, now))
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        Box::pin(self.commit_session(key, commit))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        Box::pin(self.0.store.touch(key, access))
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        Box::pin(self.move_session(from, to, commit))
    }

    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        Box::pin(self.0.store.tombstone(key, now))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        Box::pin(self.remove_session(key))
    }

    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(self.0.store.find(principal, None, usize::MAX, now))
    }

    fn find_page<'a>(
        &'a self,
        principal: &'a str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(self.0.store.find(principal, after, most.get(), now))
    }

    fn scan<'a>(&'a self, after: Option<&'a ScanCursor>, now: Timestamp) -> StorageFuture<'a, Scanned> {
        Box::pin(self.0.store.scan(after, now))
    }

    fn sweep(&self, now: Timestamp) -> StorageFuture<'_, Swept> {
        Box::pin(self.0.sweep(now))
    }

    fn count(&self, now: Timestamp) -> StorageFuture<'_, u64> {
        Box::pin(self.0.store.count(now))
    }

    fn check(&self) -> StorageFuture<'_, ()> {
        Box::pin(self.0.store.check())
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.0.reports.watch(key)
    }

    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        self.0.reporter.add(observers);
    }
}

impl<D> Clone for Sql<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: fmt::Debug> fmt::Debug for Sql<D> {
    /// Without logins.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sql").field(&self.0.store.database).finish()
    }
}
