//! The two places, and how a session gets from one to the other. The [module](super) says why this is safe.

use std::time::Duration;

use super::{
    apart::Apart,
    clock::ManagersClock,
    names::{Names, aside_of, marking, no_limits, nowhere_from, owner_of, unmarked},
};
use crate::{
    Changes, Record, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, AnyStorage, Created, Lookup, Moved, Removed, StorageError, StorageErrorKind, Tombstone},
};

/// How long ago the empty session began from which a logout makes a tombstone. It has ended for half of that time, so that nobody can
/// use it, even if another machine's clock is behind. The logout acts as of the time when it began.
const EMPTY_BEGAN: Duration = Duration::from_secs(120);
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
    pub(super) clock: ManagersClock,
    pub(super) apart: Apart,
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
                match self.stage {
                    Stage::Prepared => None,
                    Stage::Moving => match self.set_aside(key, &aside, &passive).await? {
                        // By others, to where they wanted.
                        Moved::Renewed(at) => Some(at),
                        _ => None,
                    },
                }
            }
            Lookup::Renewed(at) => Some(at),
            Lookup::Absent => None,
        };
        if let Lookup::Found(found) = self.old.load(&aside, &passive).await? {
            self.finish(key, &aside, found.record, access.now).await?;
            return Ok(Brought { to_new: true, renewed: None });
        }
        if renewed.is_none() {
            return Ok(Brought { to_new: true, renewed });
        }
        match self.old.tombstone(key, access.now).await? {
            Some(tombstone) if tombstone.to == aside => {}
            _ => return Ok(Brought { to_new: true, renewed }),
        }
        // Others have completed this, or the move to this key was left unfinished: then the same move finishes it.
        if matches!(self.set_aside(key, &aside, &passive).await?, Moved::Done { .. } | Moved::Taken)
            && let Lookup::Found(found) = self.old.load(&aside, &passive).await?
        {
            self.finish(key, &aside, found.record, access.now).await?;
        }
        Ok(Brought { to_new: true, renewed: None })
    }

    /// Refuses two places that share keys. GoFrame's keys are never those of the new place.
    pub(super) async fn check_apart(&self) -> Result<(), StorageError> {
        match self.names {
            Names::Same => self.apart.check(&self.old, &self.new, self.clock.now()).await,
            Names::RawToHashed(_) => Ok(()),
        }
    }

    /// One of all who try it wins.
    pub(super) async fn set_aside(
        &self,
        key: &StoreKey,
        aside: &StoreKey,
        access: &Access,
    ) -> Result<Moved, StorageError> {
        self.check_apart().await?;
        let mut claim = Commit::new(marking(key), *access);
        claim.limits = no_limits();
        self.old.move_to(key, aside, &claim).await
    }

    /// The second half: what was set aside goes to the new place, unless it was there before.
    pub(super) async fn finish(
        &self,
        key: &StoreKey,
        aside: &StoreKey,
        record: Record,
        now: Timestamp,
    ) -> Result<Created, StorageError> {
        let new_key = self.names.new_key(key);
        let created = self.new.create(&new_key, &unmarked(record), now).await?;
        if created == Created::Done || self.has_come(&new_key, aside, now).await? {
            self.old.remove(aside).await?;
        }
        Ok(created)
    }

    /// Whether what is in the way at the new place is the session, which somebody else has brought, and which may have been changed,
    /// renewed or ended since. Otherwise what was set aside may be the only copy.
    async fn has_come(&self, new_key: &StoreKey, aside: &StoreKey, now: Timestamp) -> Result<bool, StorageError> {
        if matches!(self.new.load(new_key, &Access::passive(now)).await?, Lookup::Found(_)) {
            return Ok(true);
        }
        match self.new.tombstone(new_key, now).await? {
            Some(tombstone) if tombstone.to == *aside => Err(Apart::refusal()),
            tombstone => Ok(tombstone.is_some()),
        }
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
        let at_new = self.remove_new(&new_key).await?;
        if matches!(at_new, Removed::Renewed(_)) {
            return Ok(at_new);
        }
        let was_there = [at_old, set_aside, at_new].contains(&Removed::Done);
        for _ in 0..TRIES {
            if let Some(renewed) = self.block(&new_key).await? {
                return Ok(match renewed {
                    Removed::Absent if was_there => Removed::Done,
                    renewed => renewed,
                });
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

    /// Leaves a tombstone at the new place, so that nobody who has read the session before can still bring it. What they have brought
    /// meanwhile goes with it. Returns whether it was renewed before; `None` if that is not clear yet.
    async fn block(&self, new_key: &StoreKey) -> Result<Option<Removed>, StorageError> {
        let (now, nowhere) = (self.clock.now(), nowhere_from(new_key));
        let began = now.before(EMPTY_BEGAN);
        let empty = Record::new(began, EMPTY_BEGAN / 2, None);
        // If something exists, it is moved as well.
        let (Created::Done | Created::Exists) = self.new.create(new_key, &empty, began).await?;
        let commit = Commit::new(Changes::default(), Access::passive(began));
        match self.new.move_to(new_key, &nowhere, &commit).await? {
            Moved::Done { .. } => {
                self.new.remove(&nowhere).await?;
                Ok(Some(Removed::Absent))
            }
            Moved::Renewed(_) => self.remove_new(new_key).await.map(Some),
            Moved::Taken => {
                self.new.remove(&nowhere).await?;
                Ok(None)
            }
            // In a cluster, also if another logout has done the same.
            Moved::Gone => Ok(self.is_blocked(new_key, now).await?.then_some(Removed::Absent)),
        }
    }

    /// Whether a tombstone at the new place says that the session has ended.
    pub(super) async fn is_blocked(&self, new_key: &StoreKey, now: Timestamp) -> Result<bool, StorageError> {
        let tombstone = self.new.tombstone(new_key, now).await?;
        Ok(tombstone.is_some_and(|tombstone| tombstone.to == nowhere_from(new_key)))
    }

    /// The tombstone of a renewal, at either place.
    pub(super) async fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        self.clock.see(now);
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
