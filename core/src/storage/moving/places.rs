//! The two places, and how a session gets from one to the other. The [module](super) says why this is safe.

use std::time::Duration;

use super::names::{Names, aside_of, marking, no_limits, nowhere_from, owner_of, unmarked};
use crate::{
    Changes, Clock as _, Record, StoreKey, SystemClock, Timestamp,
    record::Commit,
    storage::{Access, AnyStorage, Created, Lookup, Moved, Removed, StorageError, StorageErrorKind, Tombstone},
};

/// How long the empty session may live that a logout leaves if its process dies at that moment.
const EMPTY_LIVES: Duration = Duration::from_secs(10);
/// How often a logout tries again because somebody has just brought the session.
const TRIES: usize = 100;

/// How far the move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Sessions begin and stay at the old place. Those that others have moved are found.
    Prepared,
    /// Sessions begin at the new place, and move there when they are used.
    Moving,
}

#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) old: AnyStorage,
    pub(super) new: AnyStorage,
    pub(super) names: Names,
    pub(super) stage: Stage,
}

/// What is known of a session that was not where it was looked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Brought {
    /// Whether it may be at the new place.
    pub(super) to_new: bool,
    /// When it was renewed at the old place.
    pub(super) renewed: Option<Timestamp>,
}

impl Places {
    /// Brings the session under `key` from the old place to the new one, if it is there or was set aside there. While the move is only
    /// prepared, what is there stays.
    pub(super) async fn bring(&self, key: &StoreKey, access: &Access) -> Result<Brought, StorageError> {
        if !self.names.is_at_old(key) {
            return Ok(Brought { to_new: self.stage == Stage::Prepared, renewed: None });
        }
        let passive = Access { extend: None, ..*access };
        let aside = aside_of(key);
        let renewed = match self.old.load(key, &passive).await? {
            Lookup::Found(found) => {
                if let Some(owner) = owner_of(&found.record) {
                    // A scan has listed what was set aside.
                    self.finish(&owner, key, found.record, access.now).await?;
                    return Ok(Brought::default());
                }
                if self.stage == Stage::Moving && !self.set_aside(key, &aside, &passive).await? {
                    return Ok(Brought { to_new: true, renewed: None });
                }
                None
            }
            Lookup::Renewed(at) => Some(at),
            Lookup::Absent => None,
        };
        if let Lookup::Found(found) = self.old.load(&aside, &passive).await? {
            self.finish(key, &aside, found.record, access.now).await?;
            return Ok(Brought { to_new: true, renewed: None });
        }
        let was_renewed = match renewed {
            None => false,
            Some(_) => self.old.tombstone(key, access.now).await?.is_none_or(|tombstone| tombstone.to != aside),
        };
        Ok(Brought { to_new: true, renewed: renewed.filter(|_| was_renewed) })
    }

    /// Whether the session is set aside, by this call or another.
    async fn set_aside(&self, key: &StoreKey, aside: &StoreKey, access: &Access) -> Result<bool, StorageError> {
        let claim = |changes| {
            let mut commit = Commit::new(changes, *access);
            commit.limits = no_limits();
            commit
        };
        let moved = match self.old.move_to(key, aside, &claim(marking(key))).await {
            // It is as large as its storage allows. Then it does not say of whom it is.
            Err(error) if matches!(error.kind(), StorageErrorKind::Limit(_)) => {
                self.old.move_to(key, aside, &claim(Changes::default())).await?
            }
            moved => moved?,
        };
        Ok(!matches!(moved, Moved::Gone))
    }

    /// The second half: what was set aside goes to the new place, unless it was there before.
    async fn finish(
        &self,
        key: &StoreKey,
        aside: &StoreKey,
        record: Record,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        // If something exists, somebody else has brought it, and it may have been changed, renewed or ended since.
        let (Created::Done | Created::Exists) =
            self.new.create(&self.names.new_key(key), &unmarked(record), now).await?;
        self.old.remove(aside).await.map(drop)
    }

    /// Ends the session under `key` at both places.
    pub(super) async fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        let new_key = self.names.new_key(key);
        if !self.names.is_at_old(key) {
            return self.remove_new(&new_key).await;
        }
        let aside = aside_of(key);
        let at_old = self.old.remove(key).await?;
        if let Removed::Renewed(to) = at_old
            && to != aside
        {
            return Ok(at_old);
        }
        let set_aside = self.old.remove(&aside).await?;
        if at_old == Removed::Absent && set_aside == Removed::Absent {
            return self.remove_new(&new_key).await;
        }
        let mut was_there = at_old == Removed::Done || set_aside == Removed::Done;
        for _ in 0..TRIES {
            match self.remove_new(&new_key).await? {
                Removed::Renewed(to) => return Ok(Removed::Renewed(to)),
                Removed::Done => was_there = true,
                Removed::Absent => {}
            }
            if self.block(&new_key).await? {
                return Ok(if was_there { Removed::Done } else { Removed::Absent });
            }
        }
        Err(StorageError::new(StorageErrorKind::Other, "ending a session that is on its way to another storage"))
    }

    /// Ends a session at the new place.
    async fn remove_new(&self, new_key: &StoreKey) -> Result<Removed, StorageError> {
        Ok(match self.new.remove(new_key).await? {
            Removed::Renewed(to) if to == nowhere_from(new_key) => Removed::Absent,
            removed => removed,
        })
    }

    /// Leaves a tombstone at the new place, so that nobody who has read the session before can still bring it. `false` if somebody
    /// has just done so.
    async fn block(&self, new_key: &StoreKey) -> Result<bool, StorageError> {
        let (now, nowhere) = (SystemClock.now(), nowhere_from(new_key));
        let empty = Record::new(now, EMPTY_LIVES, Some(now + EMPTY_LIVES));
        if self.new.create(new_key, &empty, now).await? == Created::Exists {
            return self.is_blocked(new_key, now).await;
        }
        let moved = self.new.move_to(new_key, &nowhere, &Commit::new(Changes::default(), Access::passive(now))).await?;
        self.new.remove(&nowhere).await?;
        Ok(matches!(moved, Moved::Done { .. } | Moved::Renewed(_)))
    }

    /// Whether a tombstone at the new place says that the session has ended.
    pub(super) async fn is_blocked(&self, new_key: &StoreKey, now: Timestamp) -> Result<bool, StorageError> {
        let tombstone = self.new.tombstone(new_key, now).await?;
        Ok(tombstone.is_some_and(|tombstone| tombstone.to == nowhere_from(new_key)))
    }

    /// The tombstone of a renewal, at either place.
    pub(super) async fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        let new_key = self.names.new_key(key);
        if let Some(tombstone) = self.new.tombstone(&new_key, now).await? {
            return Ok(Some(tombstone).filter(|tombstone| tombstone.to != nowhere_from(&new_key)));
        }
        if !self.names.is_at_old(key) {
            return Ok(None);
        }
        let tombstone = self.old.tombstone(key, now).await?;
        Ok(tombstone.filter(|tombstone| tombstone.to != aside_of(key)))
    }
}
