//! A storage that is broken on purpose, so that the ledger can be seen to find it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gsession::{
    AnyStorage, AsyncStorage, KeyScheme, Record, StorageError, StoreKey, Timestamp,
    record::Commit,
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, Snapshot, StorageFuture, Swept, Tombstone, Touched,
        Watched,
    },
};

use super::COUNTER;
use crate::target::Sabotage;

/// A sound storage with a saboteur before it.
pub(super) struct Sabotaged {
    storage: AnyStorage,
    sabotage: Sabotage,
    calls: AtomicU64,
    /// What somebody else has read last.
    last: Mutex<Option<Snapshot>>,
}

impl Sabotaged {
    pub(super) fn new(storage: AnyStorage, sabotage: Sabotage) -> Self {
        Self { storage, sabotage, calls: 0.into(), last: Mutex::default() }
    }

    /// Whether this is sabotaged, now: every so many times.
    fn strikes(&self, sabotage: Sabotage, every: u64) -> bool {
        self.sabotage == sabotage && self.calls.fetch_add(1, Ordering::Relaxed) % every == every - 1
    }

    /// Says that a commit is stored, which it is not; `None` if it could not be stored anyway.
    async fn pretend(&self, key: &StoreKey, commit: &Commit) -> Result<Option<Committed>, StorageError> {
        Ok(match self.storage.touch(key, &commit.access).await? {
            Touched::Done(expires_at) => Some(Committed::Done { expires_at, is_remembered: false, revision: 0 }),
            Touched::Gone => None,
        })
    }
}

impl AsyncStorage for Sabotaged {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(async move {
            let lookup = self.storage.load(key, access).await?;
            let Lookup::Found(snapshot) = &lookup else { return Ok(lookup) };
            if self.strikes(Sabotage::FalseSuccesses, 20) {
                return Ok(Lookup::Absent);
            }
            let other = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(snapshot.clone());
            match other {
                Some(other) if self.strikes(Sabotage::Crossed, 20) => Ok(Lookup::Found(other)),
                _ => Ok(lookup),
            }
        })
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        Box::pin(async move {
            if self.strikes(Sabotage::RefusedLogins, 1) && record.principal.is_some() {
                // A login that could not join, and is told that it worked.
                return Ok(Created::Done);
            }
            if self.strikes(Sabotage::Growth, 1) {
                let mut bytes = *key.as_bytes();
                bytes[15] ^= 1;
                let endless = Record::new(now, Duration::from_secs(1000 * 24 * 60 * 60), None);
                self.storage.create(&StoreKey::from_bytes(bytes), &endless, now).await?;
            }
            self.storage.create(key, record, now).await
        })
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        Box::pin(async move {
            let is_struck = match &commit.expect {
                Some(expect) => *expect.key == *COUNTER && self.strikes(Sabotage::MissingIncrements, 4),
                None => self.strikes(Sabotage::LostUpdates, 5),
            };
            if is_struck && let Some(pretended) = self.pretend(key, commit).await? {
                return Ok(pretended);
            }
            let committed = self.storage.commit(key, commit).await?;
            let was_read = commit.base.is_some() && commit.expect.is_none();
            let is_stored = was_read && matches!(committed, Committed::Done { .. });
            Ok(if is_stored && self.strikes(Sabotage::StoredRefusals, 10) { Committed::Gone } else { committed })
        })
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        Box::pin(async move { self.storage.touch(key, access).await })
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        Box::pin(async move {
            if self.strikes(Sabotage::Successors, 1)
                && let Lookup::Found(snapshot) = self.storage.load(from, &Access::passive(commit.access.now)).await?
            {
                return Ok(match self.storage.create(to, &snapshot.record, commit.access.now).await? {
                    Created::Done => Moved::done(&snapshot.record, 0),
                    Created::Exists => Moved::Taken,
                });
            }
            self.storage.move_to(from, to, commit).await
        })
    }

    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        Box::pin(async move {
            if matches!(self.sabotage, Sabotage::RefusedLogins | Sabotage::SecondSessions) {
                return Ok(None);
            }
            self.storage.tombstone(key, now).await
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        Box::pin(async move {
            if self.strikes(Sabotage::Zombies, 2) {
                return Ok(Removed::Done);
            }
            self.storage.remove(key).await
        })
    }

    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(async move {
            let mut found = self.storage.find(principal, now).await?;
            if self.sabotage == Sabotage::MissedSessions {
                tokio::time::sleep(Duration::from_millis(120)).await;
                let mut still = Vec::new();
                for one in found {
                    if let Lookup::Found(_) = self.storage.load(&one.key, &Access::passive(now)).await? {
                        still.push(one);
                    }
                }
                found = still;
            }
            Ok(found)
        })
    }

    fn sweep<'a>(&'a self, now: Timestamp) -> StorageFuture<'a, Swept> {
        Box::pin(async move { self.storage.sweep(now).await })
    }

    fn key_scheme(&self) -> KeyScheme {
        self.storage.key_scheme()
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.storage.watch(key)
    }
}
