//! A storage as plain as the contract allows, which can be broken on purpose.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gsession::{
    Changes, Clock as _, Entries, LimitExceeded, Limits, Record, Storage, StorageError, StorageErrorKind, StoreKey,
    SystemClock, Timestamp,
    record::{Applied, Commit},
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, SealedId, Snapshot, Swept,
        TOMBSTONE_LIFETIME, Tombstone, Touched, Watch, Watched,
    },
};

use crate::{fault::Fault, forgetful};

#[derive(Debug, Clone)]
enum Slot {
    Session { record: Record, revision: u64 },
    Tombstone(Tombstone),
}

type Slots = BTreeMap<StoreKey, Slot>;

/// How long an operation that lets others in waits for one, which may never come. The suite races them often.
const LONELY: Duration = Duration::from_millis(5);

/// Sessions in a map behind one lock.
pub(crate) struct Plain {
    slots: Mutex<Slots>,
    /// How often somebody has come to the slots, for the faults that let others in.
    comers: AtomicU64,
    has_come: Condvar,
    /// What was read before, for the fault of a cache that nobody tells.
    cache: Mutex<BTreeMap<StoreKey, Snapshot>>,
    /// For the fault of locks that are taken in any order.
    locks: [Mutex<()>; 2],
    /// Whose sessions were when they were created, for the fault of an index that nobody updates.
    created_as: Mutex<BTreeMap<StoreKey, Option<Arc<str>>>>,
    watch: Watch,
    fault: Option<Fault>,
}

impl Plain {
    pub(crate) fn sound() -> Self {
        Self {
            slots: Mutex::default(),
            comers: AtomicU64::new(0),
            has_come: Condvar::new(),
            cache: Mutex::default(),
            locks: Default::default(),
            created_as: Mutex::default(),
            watch: Watch::new(),
            fault: None,
        }
    }

    pub(crate) fn broken(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::sound() }
    }

    fn tell(&self, key: &StoreKey, unless: Fault) {
        if !self.has(unless) {
            self.watch.changed(key);
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn was_created_as(&self, key: &StoreKey, principal: &str) -> bool {
        self.created_as.lock().unwrap().get(key).is_some_and(|first| first.as_deref() == Some(principal))
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        let slots = self.slots.lock().unwrap();
        self.come();
        slots
    }

    fn come(&self) {
        self.comers.fetch_add(1, Ordering::SeqCst);
        self.has_come.notify_all();
    }

    /// Lets go of the slots until another operation has been there, or stands here itself; not for long, as there may be none.
    /// Only a fault waits; a sound storage has nothing to wait for.
    fn let_others_in<'s>(&'s self, slots: MutexGuard<'s, Slots>) -> MutexGuard<'s, Slots> {
        let before = self.comers.load(Ordering::SeqCst);
        let nobody = |_: &mut Slots| self.comers.load(Ordering::SeqCst) == before;
        let (slots, _) = self.has_come.wait_timeout_while(slots, LONELY, nobody).unwrap();
        self.come();
        slots
    }

    fn has_ended(&self, record: &Record, access: &Access) -> bool {
        if self.has(Fault::MissingExpiry) {
            return false;
        }
        if self.has(Fault::IgnoresStricterSettings) {
            return record.is_expired(access.now);
        }
        forgetful::has_ended(self.fault, record, access)
    }

    fn is_over(&self, slot: &Slot, now: Timestamp) -> bool {
        match slot {
            Slot::Session { record, .. } => !self.has(Fault::MissingExpiry) && record.is_expired(now),
            Slot::Tombstone(tombstone) => {
                !self.has(Fault::TombstonesForEver) && tombstone.at + TOMBSTONE_LIFETIME <= now
            }
        }
    }

    /// The slot under a key, unless its time is over.
    fn living(&self, slots: &Slots, key: &StoreKey, access: &Access) -> Option<Slot> {
        let slot = slots.get(key).filter(|slot| !self.is_over(slot, access.now))?;
        match slot {
            Slot::Session { record, .. } if self.has_ended(record, access) => None,
            slot => Some(slot.clone()),
        }
    }

    /// What a commit makes of a record, with the faults of that.
    fn applied(&self, record: &Record, revision: u64, commit: &Commit, is_move: bool) -> Result<Applied, StorageError> {
        let mut commit = commit.clone();
        if self.has(Fault::IgnoresLimits) {
            commit.limits = Limits::default();
        }
        if self.has(Fault::IgnoresTheCondition) {
            commit.expect = None;
        }
        if self.has(Fault::IgnoresStricterSettings) || self.has(Fault::MissingExpiry) {
            let bounds = Access::passive(commit.access.now).bounds;
            commit.access.bounds = bounds;
        }
        if self.has(Fault::ClearForgetsNothing) && commit.changes.is_cleared() {
            let mut changes = Changes::default();
            commit.changes.edits().for_each(|(key, json)| put(&mut changes, key, json));
            commit.changes = changes.into();
        }
        if self.has(Fault::ClearForgetsTheLogin) && commit.changes.is_cleared() {
            let mut changes = (*commit.changes).clone();
            for (key, _) in record.entries.iter().filter(|(key, _)| key.starts_with("gsession.")) {
                if commit.changes.edits().all(|(edited, _)| edited != key) {
                    changes.remove(key);
                }
            }
            commit.changes = changes.into();
        }
        if self.has(Fault::LimitsRemovals)
            && let Some(key) = commit.changes.edits().map(|(key, _)| key).find(|key| key.len() > 256)
        {
            let limit = LimitExceeded::Key { limit: 256, actual: key.len() };
            return Err(StorageError::new(StorageErrorKind::Limit(limit), "committing to a plain storage"));
        }
        let mut from = record.clone();
        if self.has(Fault::MissingExpiry) {
            from.last_seen = from.last_seen.max(commit.access.now);
        }
        if let Some(base) = &commit.base {
            match self.fault {
                Some(Fault::LostUpdate) => from = base.record.clone(),
                Some(Fault::TrustsTheBase) if commit.expect.is_some() => from.entries = base.record.entries.clone(),
                Some(Fault::RevisionWithOthersChanges) if base.revision == revision => {
                    from.entries = base.record.entries.clone();
                }
                _ => {}
            }
        }
        if self.has(Fault::CommitReplacesEverything) {
            from.entries = Entries::EMPTY;
        }
        let applied = from
            .apply(&commit)
            .map_err(|limit| StorageError::new(StorageErrorKind::Limit(limit), "committing to a plain storage"))?;
        Ok(match applied {
            Applied::Changed(mut changed) => {
                if self.has(Fault::CommitForgetsThePrincipal) && commit.changes.principal().is_none() {
                    changed.principal = None;
                }
                forgetful::changed(self.fault, record, &commit, is_move, &mut changed);
                Applied::Changed(changed)
            }
            other => other,
        })
    }
}

/// Sets or removes an entry.
pub(crate) fn put(changes: &mut Changes, key: &str, json: Option<&str>) {
    match json {
        Some(json) => changes.set(key, json),
        None => changes.remove(key),
    }
}

impl Storage for Plain {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        let mut slots = self.slots();
        if self.has(Fault::StaleReadAfterCommit)
            && slots.contains_key(key)
            && let Some(snapshot) = self.cache.lock().unwrap().get(key)
        {
            return Ok(Lookup::Found(snapshot.clone()));
        }
        match self.living(&slots, key, access) {
            Some(Slot::Session { record, revision }) => {
                let mut snapshot = Snapshot::complete(record.clone());
                snapshot.revision = revision;
                if record.is_touch_due(access) {
                    snapshot.extended = true;
                    forgetful::extended(self.fault, &mut snapshot.record, access, true);
                    if self.has(Fault::ReadingKeepsTheTimeout) {
                        snapshot.record.idle_timeout = record.idle_timeout;
                    }
                    if !self.has(Fault::SaysThatReadingExtended) {
                        slots.insert(*key, Slot::Session { record: snapshot.record.clone(), revision });
                    }
                }
                if self.has(Fault::LosesLongPrincipals) && record.principal.is_some_and(|name| name.len() > 1000) {
                    return Ok(Lookup::Absent);
                }
                self.cache.lock().unwrap().insert(*key, snapshot.clone());
                Ok(Lookup::Found(snapshot))
            }
            Some(Slot::Tombstone(tombstone)) => Ok(Lookup::Renewed(tombstone.at)),
            None if self.has(Fault::AbsentIsAnError) => {
                Err(StorageError::new(StorageErrorKind::Other, "finding a session"))
            }
            None => Ok(Lookup::Absent),
        }
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        let lookup = self.load(key, access)?;
        Ok(match lookup {
            Lookup::Found(mut snapshot) if self.has(Fault::FetchForgetsTheSecondName) => {
                let known =
                    names.first().and_then(|name| Some((*name, snapshot.record.entries.get_str(name)?.to_owned())));
                snapshot.record.entries =
                    Entries::pack(known.iter().map(|(name, json)| (*name, json.as_str()))).unwrap();
                Lookup::Found(snapshot)
            }
            Lookup::Found(mut snapshot) if self.has(Fault::FetchForgetsTheTag) => {
                let known = snapshot.record.entries.iter().filter(|(name, _)| names.contains(name));
                snapshot.record.entries = Entries::pack(known).unwrap();
                snapshot.complete = false;
                Lookup::Found(snapshot)
            }
            lookup => lookup,
        })
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        let mut slots = self.slots();
        let is_free = match slots.get(key) {
            None => true,
            Some(Slot::Session { .. }) if self.has(Fault::OverwritingCreate) => true,
            Some(Slot::Tombstone(_)) if self.has(Fault::CreateOverwritesTombstones) => true,
            Some(_) if self.has(Fault::ExpiredBlocksItsPlace) => false,
            Some(slot) => self.is_over(slot, now),
        };
        if self.has(Fault::UncheckedCreate) && is_free {
            slots = self.let_others_in(slots);
        }
        if !is_free {
            return Ok(Created::Exists);
        }
        self.created_as.lock().unwrap().insert(*key, record.principal.clone());
        let mut record = record.clone();
        if self.has(Fault::CreateForgetsTheDeadline) {
            record.absolute_deadline = None;
        }
        forgetful::created(self.fault, &mut record);
        if self.has(Fault::LosesOddKeys) {
            let plain = record.entries.iter().filter(|(key, _)| key.is_ascii());
            record.entries = Entries::pack(plain).unwrap();
        }
        self.cache.lock().unwrap().remove(key);
        slots.insert(*key, Slot::Session { record, revision: 1 });
        Ok(Created::Done)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        let mut slots = self.slots();
        let (record, revision) = match self.living(&slots, key, &commit.access) {
            Some(Slot::Session { record, revision }) => (record, revision),
            Some(Slot::Tombstone(tombstone)) => return Ok(Committed::Renewed(tombstone.at)),
            None => match &commit.base {
                Some(base) if self.has(Fault::ResurrectingCommit) => (base.record.clone(), base.revision),
                _ if self.has(Fault::UpsertingCommit) => (Record::new(commit.access.now, TOMBSTONE_LIFETIME, None), 0),
                _ => return Ok(Committed::Gone),
            },
        };
        if self.has(Fault::UnlockedCommit) {
            drop(slots);
            let applied = self.applied(&record, revision, commit, false)?;
            slots = self.slots();
            let Applied::Changed(record) = applied else { return Ok(Committed::Gone) };
            let committed = Committed::done(&record, revision + 1);
            slots.insert(*key, Slot::Session { record, revision: revision + 1 });
            return Ok(committed);
        }
        match self.applied(&record, revision, commit, false)? {
            Applied::Changed(changed) => {
                if self.has(Fault::HalfACommitIsSeen) {
                    let half = changed.entries.iter().take(1).chain(record.entries.iter().skip(1));
                    let mut record = changed.clone();
                    record.entries = Entries::pack(half).unwrap();
                    slots.insert(*key, Slot::Session { record, revision });
                    slots = self.let_others_in(slots);
                }
                let known = commit.base.as_ref().is_some_and(|base| base.revision == revision);
                let is_told = known || self.has(Fault::RevisionWithOthersChanges);
                let committed = Committed::done(&changed, if is_told { revision + 1 } else { 0 });
                let ends_earlier = changed.expires_at() < record.expires_at();
                let is_anothers = changed.principal != record.principal;
                slots.insert(*key, Slot::Session { record: changed, revision: revision + 1 });
                if ends_earlier {
                    self.tell(key, Fault::TellsNoEarlierDeadline);
                }
                if is_anothers {
                    self.tell(key, Fault::TellsNoOtherPrincipal);
                }
                Ok(committed)
            }
            Applied::Expired => Ok(Committed::Gone),
            Applied::Conflict(current) => Ok(Committed::Conflict(current)),
        }
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        let mut slots = self.slots();
        let Some(Slot::Session { mut record, revision }) = self.living(&slots, key, access) else {
            if self.has(Fault::ResurrectingTouch)
                && let Some(snapshot) = self.cache.lock().unwrap().get(key)
            {
                slots.insert(*key, Slot::Session { record: snapshot.record.clone(), revision: 1 });
            }
            return Ok(Touched::Gone);
        };
        if self.has(Fault::UncheckedTouch) {
            slots = self.let_others_in(slots);
        }
        match self.fault {
            Some(Fault::TouchMovesBack) => record.last_seen = access.now,
            Some(Fault::PassiveTouchExtends) => record.last_seen = record.last_seen.max(access.now),
            Some(Fault::TouchKeepsTheTimeout) => {
                let idle_timeout = record.idle_timeout;
                record.extend(access);
                record.idle_timeout = idle_timeout;
            }
            fault => forgetful::extended(fault, &mut record, access, false),
        }
        if self.has(Fault::TouchPassesTheAbsoluteDeadline) {
            record.absolute_deadline = None;
        }
        let expires_at = record.expires_at();
        if !self.has(Fault::TouchChangesNothing) {
            slots.insert(*key, Slot::Session { record, revision });
        }
        Ok(Touched::Done(expires_at))
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        let _cycle = self.has(Fault::WaitsInCycles).then(|| {
            let [one, other] = [&self.locks[usize::from(from > to)], &self.locks[usize::from(from < to)]];
            let one = one.lock();
            drop(self.let_others_in(self.slots()));
            (one, other.lock())
        });
        if self.has(Fault::MovesNothingAndSaysSo) {
            return Ok(Moved::done(&Record::new(commit.access.now, TOMBSTONE_LIFETIME, None), 0));
        }
        let mut slots = self.slots();
        let (record, revision) = match self.living(&slots, from, &commit.access) {
            Some(Slot::Session { record, revision }) => (record, revision),
            Some(Slot::Tombstone(tombstone)) => {
                if self.has(Fault::ALostMoveRewritesTheTombstone) {
                    slots.insert(*from, Slot::Tombstone(Tombstone::new(*to, commit.access.now, commit.sealed.clone())));
                }
                return Ok(Moved::Renewed(tombstone.at));
            }
            None => return Ok(Moved::Gone),
        };
        let is_taken = slots.get(to).is_some_and(|slot| !self.is_over(slot, commit.access.now));
        if is_taken && !self.has(Fault::MoveOverwrites) {
            return Ok(Moved::Taken);
        }
        if self.has(Fault::UnlockedMove) {
            slots = self.let_others_in(slots);
        }
        let changed = match self.applied(&record, revision, commit, true)? {
            Applied::Changed(changed) => changed,
            Applied::Expired | Applied::Conflict(_) => return Ok(Moved::Gone),
        };
        let moved = Moved::done(&changed, 1);
        slots.insert(*to, Slot::Session { record: changed, revision: 1 });
        if self.has(Fault::MoveLeavesNoTombstone) {
            slots.remove(from);
        } else if !self.has(Fault::TwoSuccessors) {
            if self.has(Fault::ALaterMoveRewritesTombstones) {
                slots.values_mut().for_each(|slot| match slot {
                    Slot::Tombstone(tombstone) if tombstone.to == *from => tombstone.to = *to,
                    _ => {}
                });
            }
            slots.insert(*from, Slot::Tombstone(Tombstone::new(*to, commit.access.now, commit.sealed.clone())));
        }
        self.tell(from, Fault::TellsNoMove);
        Ok(moved)
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        let slots = self.slots();
        let is_told = |slot: &&Slot| self.has(Fault::TombstoneIsToldForEver) || !self.is_over(slot, now);
        let tombstone = match slots.get(key).filter(is_told) {
            Some(Slot::Tombstone(tombstone)) => tombstone.clone(),
            Some(Slot::Session { .. }) if self.has(Fault::TombstoneOfALivingSession) => {
                Tombstone::new(*key, now, SealedId::none())
            }
            Some(Slot::Session { .. }) | None => return Ok(None),
        };
        let Tombstone { to, at, sealed, .. } = tombstone;
        Ok(match self.fault {
            Some(Fault::TellsNoTombstone) => None,
            Some(Fault::TombstoneNamesTheOldKey) => Some(Tombstone::new(*key, at, sealed)),
            Some(Fault::TombstoneForgetsWhen) => Some(Tombstone::new(to, now, sealed)),
            Some(Fault::TombstoneDropsTheSealedId) => Some(Tombstone::new(to, at, SealedId::none())),
            Some(Fault::TombstoneCutsTheSealedId) => {
                let bytes = sealed.as_bytes();
                Some(Tombstone::new(to, at, SealedId::from_bytes(&bytes[..bytes.len().min(255)])))
            }
            _ => Some(Tombstone::new(to, at, sealed)),
        })
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        let mut slots = self.slots();
        match slots.get(key) {
            Some(Slot::Session { .. }) => {
                slots.remove(key);
                self.tell(key, Fault::TellsNoEnd);
                Ok(Removed::Done)
            }
            Some(Slot::Tombstone(tombstone)) => Ok(Removed::Renewed(tombstone.to)),
            None => Ok(Removed::Absent),
        }
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        let mut found = Vec::new();
        let mut slots = self.slots();
        let listed: Vec<StoreKey> = slots.keys().copied().collect();
        if self.has(Fault::FindDropsWhatMoves) {
            slots = self.let_others_in(slots);
        }
        for (key, slot) in listed.iter().filter_map(|key| slots.get_key_value(key)) {
            if let Slot::Session { record, .. } = slot
                && record.principal.as_deref() == Some(principal)
                && (self.has(Fault::FindListsTheExpired) || !self.is_over(slot, now))
                && (!self.has(Fault::FindKnowsOnlyTheFirstPrincipal) || self.was_created_as(key, principal))
                && forgetful::is_listed(self.fault, record, now)
            {
                let mut record = record.clone();
                if self.has(Fault::FindLeavesOutTheLogin) {
                    record.entries = Entries::EMPTY;
                }
                forgetful::listed(self.fault, &mut record);
                found.push(Found::new(*key, record));
            }
        }
        Ok(found)
    }

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        let counts_the_expired = self.has(Fault::PagesCountTheExpired);
        let mut found = self.find(principal, if counts_the_expired { Timestamp::default() } else { now })?;
        found.retain(|found| counts_the_expired || !found.record.is_expired(now));
        if self.has(Fault::PagesAreInNoOrder) {
            found.sort_by_key(|found| found.key.as_bytes()[31]);
        }
        if !self.has(Fault::PagesBeginAgain) {
            found.retain(|found| after.is_none_or(|after| found.key > after));
        }
        found.truncate(most.get());
        found.retain(|found| !found.record.is_expired(now));
        Ok(found)
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        let mut slots = self.slots();
        let before = slots.len();
        slots.retain(|_, slot| !self.is_over(slot, now) && !self.has(Fault::SweepRemovesTheLiving));
        let mut swept = Swept::default();
        (swept.removed, swept.kept) = ((before - slots.len()) as u64, slots.len() as u64);
        Ok(swept)
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        let counts = |slot: &&Slot| match slot {
            Slot::Session { record, .. } => {
                (self.has(Fault::CountsTheExpired) || !self.is_over(slot, now))
                    && (self.has(Fault::CountsLists) || !record.is_list())
                    && (!self.has(Fault::CountsUsersOnly) || record.principal.is_some())
            }
            Slot::Tombstone(_) => self.has(Fault::CountsTombstones),
        };
        Ok(self.slots().values().filter(counts).count() as u64)
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        let cursor = after.filter(|_| !self.has(Fault::ScanBeginsAgain)).map(ScanCursor::as_str);
        let read =
            |text: &str| text.split_once('.').and_then(|(n, key)| Some((n.parse().ok()?, StoreKey::parse(key)?)));
        let after: Option<(usize, StoreKey)> = match cursor.map(|text| (text, read(text))) {
            Some((_, None)) if !self.has(Fault::ScanTakesAnyCursor) => return Err(ScanCursor::not_mine()),
            cursor => cursor.and_then(|(_, place)| place),
        };
        let slots = self.slots();
        let done = after.map_or(0, |(done, _)| done);
        let is_left = |(place, (key, _)): &(usize, (&StoreKey, &Slot))| match after {
            Some((done, _)) if self.has(Fault::ScanCountsPlaces) => *place >= done,
            Some((_, after)) => **key > after,
            None => true,
        };
        let mut left: Vec<_> = slots.iter().enumerate().filter(is_left).map(|(_, slot)| slot).collect();
        let page = if self.has(Fault::ScanListsAllAtOnce) { left.len() } else { 500 };
        let more = left.len() > page;
        left.truncate(page);
        let next = left.last().filter(|_| more).map(|(key, _)| format!("{}.{key}", done + page));
        let living =
            left.into_iter().filter(|(_, slot)| self.has(Fault::ScanListsTheExpired) || !self.is_over(slot, now));
        let keys = living.filter_map(|(key, slot)| match slot {
            Slot::Session { record, .. } if self.has(Fault::ScanListsUsersOnly) => {
                record.principal.is_some().then_some(*key)
            }
            Slot::Session { .. } => Some(*key),
            Slot::Tombstone(tombstone) => (!self.has(Fault::ScanSkipsTombstones)).then_some(tombstone.to),
        });
        Ok(Scanned::new(keys.collect(), next.map(|text| text.parse().unwrap())))
    }

    fn check(&self) -> Result<(), StorageError> {
        if self.has(Fault::RefusesWhenChecked) {
            return Err(StorageError::new(StorageErrorKind::Unavailable, "checking"));
        }
        if self.has(Fault::LeavesWhatItChecksWith) {
            let record = Record::new(SystemClock.now(), TOMBSTONE_LIFETIME * 10, None);
            self.slots().insert(StoreKey::from_bytes([9; 32]), Slot::Session { record, revision: 1 });
        }
        Ok(())
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        Some(self.watch.watch(key))
    }
}
