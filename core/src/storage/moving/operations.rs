//! The operations, for both traits.

use std::collections::HashMap;

use super::{
    names::{aside_of, owner_of, unmarked},
    places::{Places, Stage},
};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    record::Commit,
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, ScanCursor, Scanned, StorageError, StorageErrorKind, Swept,
        Touched, Watched,
    },
};

/// What the cursors of scans begin with.
const OLD: &str = "old";
const NEW: &str = "new";

impl Places {
    pub(super) async fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        let access = *access;
        self.ask(key, &access, |at| Box::pin(async move { at.storage.load(&at.key, &access).await })).await
    }

    pub(super) async fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        let places = self;
        let (access, names): (_, Vec<String>) = (*access, names.iter().map(|&name| name.into()).collect());
        places
            .ask(key, &access, |at| {
                let names = names.clone();
                Box::pin(async move {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    at.storage.fetch(&at.key, &names, &access).await
                })
            })
            .await
    }

    /// New ids are random, but lists have keys that are not, and an id generator of the application's may be a bad one: what is at
    /// the other place is not overwritten.
    pub(super) async fn create(
        &self,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> Result<Created, StorageError> {
        let access = Access::passive(now);
        self.clock.see(now);
        let (brought, new_key) = (self.bring(key, &access).await?, self.names.new_key(key));
        if brought.renewed.is_some() {
            return Ok(Created::Exists);
        }
        if self.stage == Stage::Moving || !self.names.is_at_old(key) {
            return self.new.create(&new_key, record, now).await;
        }
        if !matches!(self.new.load(&new_key, &access).await?, Lookup::Absent) {
            return Ok(Created::Exists);
        }
        let created = self.old.create(key, record, now).await?;
        if created == Created::Exists && self.has_moved_from(key, now).await? {
            // A list that has moved, and has expired since.
            return self.new.create(&new_key, record, now).await;
        }
        Ok(created)
    }

    /// Whether what is in the way at the old place is the trace of something that was set aside.
    async fn has_moved_from(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StorageError> {
        Ok(self.old.tombstone(key, now).await?.is_some_and(|tombstone| tombstone.to == aside_of(key)))
    }

    pub(super) async fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        if self.stage == Stage::Moving && commit.changes.lifespan().is_some() {
            // What a crash may have left at the old place must not outlive it.
            self.bring(key, &commit.access).await?;
        }
        self.ask(key, &commit.access, |at| {
            let mut commit = commit.clone();
            if at.is_new && self.stage == Stage::Prepared {
                // It may have been read at the old place, where revisions mean something else.
                commit.base = None;
            }
            Box::pin(async move { at.storage.commit(&at.key, &commit).await })
        })
        .await
    }

    pub(super) async fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        let access = *access;
        self.ask(key, &access, |at| Box::pin(async move { at.storage.touch(&at.key, &access).await })).await
    }

    pub(super) async fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        let access = Access { extend: None, ..commit.access };
        if self.stage == Stage::Moving {
            // What a crash may have left at the old place must not outlive the tombstone.
            self.bring(from, &access).await?;
            // A session already under `to` must block the move.
            self.bring(to, &access).await?;
        } else if !matches!(self.new.load(&self.names.new_key(to), &access).await?, Lookup::Absent) {
            return Ok(Moved::Taken);
        }
        self.ask(from, &commit.access, |at| {
            let (mut commit, new_to, to) = (commit.clone(), self.names.new_key(to), *to);
            if at.is_new && self.stage == Stage::Prepared {
                commit.base = None;
            }
            Box::pin(async move {
                if !at.is_new {
                    return at.storage.move_to(&at.key, &to, &commit).await;
                }
                let may_be_at_old = self.stage == Stage::Prepared && self.names.is_at_old(&to);
                if may_be_at_old && !matches!(self.old.load(&to, &access).await?, Lookup::Absent) {
                    return Ok(Moved::Taken);
                }
                at.storage.move_to(&at.key, &new_to, &commit).await
            })
        })
        .await
    }

    /// First those at the old place: a session that moves meanwhile is then seen at the new one.
    pub(super) async fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        self.clock.see(now);
        let mut all: HashMap<StoreKey, Found> = HashMap::new();
        // GoFrame's formats have no principals.
        if self.names.scheme() == KeyScheme::Hashed {
            for Found { key, record } in self.old.find(principal, now).await? {
                let key = owner_of(&record).unwrap_or(key);
                all.insert(key, Found::new(key, unmarked(record)));
            }
        }
        for found in self.new.find(principal, now).await? {
            all.insert(found.key, found);
        }
        Ok(all.into_values().collect())
    }

    pub(super) async fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        self.clock.see(now);
        let (old, new) = (self.old.sweep(now).await?, self.new.sweep(now).await?);
        Ok(Swept { removed: old.removed + new.removed, kept: old.kept + new.kept, foreign: old.foreign + new.foreign })
    }

    pub(super) async fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        self.clock.see(now);
        Ok(self.old.count(now).await? + self.new.count(now).await?)
    }

    pub(super) async fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        let text = after.map_or(OLD, ScanCursor::as_str);
        let (place, inner) = text.split_once(':').map_or((text, None), |(place, inner)| (place, Some(inner)));
        let inner = inner.map(str::parse).transpose().map_err(|_| ScanCursor::not_mine())?;
        let scanned = match place {
            OLD => self.old.scan(inner.as_ref(), now).await?,
            NEW => self.new.scan(inner.as_ref(), now).await?,
            _ => return Err(ScanCursor::not_mine()),
        };
        let next = match scanned.next {
            Some(next) => Some(format!("{place}:{next}")),
            None => (place == OLD).then(|| NEW.to_owned()),
        };
        let next = next.map(|next| next.parse().map_err(|_| too_long())).transpose()?;
        Ok(Scanned::new(scanned.keys, next))
    }

    pub(super) async fn check(&self) -> Result<(), StorageError> {
        self.old.check().await?;
        self.new.check().await?;
        self.check_apart().await
    }

    pub(super) fn watch(&self, key: &StoreKey) -> Option<Watched> {
        let new = self.new.watch(&self.names.new_key(key))?;
        if !self.names.is_at_old(key) {
            return Some(new);
        }
        Some(new.beside(self.old.watch(key)?))
    }
}

fn too_long() -> StorageError {
    StorageError::new(StorageErrorKind::Other, "writing the cursor of a scan")
}
