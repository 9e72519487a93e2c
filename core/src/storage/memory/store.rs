//! The operations on sessions, over shards under locks.

use std::sync::Arc;

use super::{
    capacity::{Capacity, full},
    history::History,
    principals::Principals,
    shard::Shard,
    slot::{Content, Slot},
    sync::{Ordering, RwLock, RwLockWriteGuard, SHARDS},
};
use crate::{
    Record, StoreKey, Timestamp,
    observe::{EndReason, Reporter},
    record::{Applied, Commit},
    storage::{Access, Committed, Created, Lookup, Removed, Snapshot, StorageError, Swept, Tombstone, Touched, Watch},
};

/// Places scanned under one lock when sweeping or counting: about 10 microseconds.
pub(super) const STEP: usize = 256;
/// Slots removed under one lock, which takes longer: about 50 microseconds.
const SHORT_STEP: usize = 32;
/// How often a write makes room again because others have taken it in the meantime.
pub(super) const TRIES: usize = 100;

pub(super) struct Store {
    pub(super) shards: Box<[RwLock<Shard>]>,
    pub(super) capacity: Capacity,
    pub(super) principals: Arc<Principals>,
    /// Those who wait for the end of sessions.
    pub(super) watch: Watch,
    pub(super) reporter: Reporter,
}

impl Store {
    pub(super) fn new(max_sessions: usize, max_bytes: usize) -> Self {
        let principals = Arc::new(Principals::new());
        Self {
            shards: (0..SHARDS).map(|_| RwLock::new(Shard::new(&principals))).collect(),
            capacity: Capacity::new(max_sessions, max_bytes),
            principals,
            watch: Watch::new(),
            reporter: Reporter::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.capacity.sessions.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.capacity.bytes.load(Ordering::Relaxed)
    }

    /// Uses another part of the key than the index inside a shard.
    pub(super) fn shard_of(key: &StoreKey) -> usize {
        usize::from(key.as_bytes()[31]) % SHARDS
    }

    pub(super) fn shard(&self, key: &StoreKey) -> &RwLock<Shard> {
        &self.shards[Self::shard_of(key)]
    }

    pub(super) fn load(&self, key: &StoreKey, access: &Access) -> Lookup {
        let shard = self.shard(key).read();
        match shard.get(key).and_then(|slot| Some((slot, slot.living(access)?))) {
            Some((slot, Content::Session { record, .. })) => {
                slot.note_return();
                let extended = slot.is_touch_due(record, access);
                if extended && slot.has_other_timeout(record, access) {
                    drop(shard);
                    return self.extend(key, access);
                }
                if extended {
                    slot.touch(access);
                }
                found(slot.current(record), extended)
            }
            Some((_, Content::Tombstone { at, .. })) => Lookup::Renewed(*at),
            None => Lookup::Absent,
        }
    }

    /// Records activity with another idle timeout than the stored one. The timeout is stored too, which needs the exclusive
    /// lock.
    fn extend(&self, key: &StoreKey, access: &Access) -> Lookup {
        let mut shard = self.shard(key).write();
        let (mut record, history) = match shard.get(key).and_then(|slot| Some((slot, slot.living(access)?))) {
            Some((slot, Content::Session { record, history })) => (slot.current(record), slot.history(history)),
            Some((_, Content::Tombstone { at, .. })) => return Lookup::Renewed(*at),
            None => return Lookup::Absent,
        };
        record.extend(access);
        // Exactly as large as before, so the counts stay the same.
        let replaced = shard.put(Arc::new(Slot::session(*key, record.clone(), history)));
        drop(shard);
        drop(replaced);
        found(record, true)
    }

    pub(super) fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        for _ in 0..TRIES {
            let mut shard = self.shard(key).write();
            if shard.get(key).is_some_and(|slot| !slot.is_expired(now)) {
                return Ok(Created::Exists);
            }
            let slot = Arc::new(Slot::session(*key, record.clone(), History::default()));
            let bytes = slot.bytes();
            if self.capacity.reserve(1, bytes) {
                let expired = shard.put(slot);
                if let Some(expired) = &expired {
                    self.capacity.release_slot(expired);
                }
                drop(shard);
                self.report_end(expired.as_deref(), EndReason::Expired);
                return Ok(Created::Done);
            }
            drop(shard);
            self.make_room(1, bytes, Self::shard_of(key), None, now)?;
        }
        Err(full())
    }

    pub(super) fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        for _ in 0..TRIES {
            let mut shard = self.shard(key).write();
            let living = shard.get(key).and_then(|slot| Some((slot, slot.living(&commit.access)?)));
            let (record, history, old_bytes) = match living {
                Some((slot, Content::Session { record, history })) => {
                    (slot.current(record), slot.history(history), slot.bytes())
                }
                Some((_, Content::Tombstone { at, .. })) => return Ok(Committed::Renewed(*at)),
                None => return Ok(Committed::Gone),
            };
            let ended_at = record.expires_at();
            let record = match record.apply(commit).map_err(|limit| StorageError::limit(limit, "committing"))? {
                Applied::Changed(record) => record,
                Applied::Expired => return Ok(Committed::Gone),
                Applied::Conflict(current) => return Ok(Committed::Conflict(current)),
            };
            let committed = Committed::done(&record, 0);
            // For a user who is logged out of it, it has ended.
            let may_have_ended = record.expires_at() < ended_at || commit.changes.principal().is_some();
            let slot = Arc::new(Slot::session(*key, record, history));
            let growth = slot.bytes().saturating_sub(old_bytes);
            if self.capacity.reserve(0, growth) {
                let shrinkage = old_bytes.saturating_sub(slot.bytes());
                let replaced = shard.put(slot);
                self.capacity.release(0, shrinkage);
                drop(shard);
                drop(replaced);
                if may_have_ended {
                    self.watch.changed(key);
                }
                return Ok(committed);
            }
            drop(shard);
            self.make_room(0, growth, Self::shard_of(key), Some(key), commit.access.now)?;
        }
        Err(full())
    }

    pub(super) fn touch(&self, key: &StoreKey, access: &Access) -> Touched {
        let shard = self.shard(key).read();
        match shard.get(key).and_then(|slot| Some((slot, slot.living(access)?))) {
            Some((slot, Content::Session { record, .. })) => {
                if slot.has_other_timeout(record, access) {
                    drop(shard);
                    return match self.extend(key, access) {
                        Lookup::Found(snapshot) => Touched::Done(snapshot.record.expires_at()),
                        _ => Touched::Gone,
                    };
                }
                slot.touch(access);
                Touched::Done(slot.session_expires_at(record))
            }
            _ => Touched::Gone,
        }
    }

    pub(super) fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Option<Tombstone> {
        let shard = self.shard(key).read();
        match shard.get(key).filter(|slot| !slot.is_expired(now)).map(|slot| slot.content()) {
            Some(Content::Tombstone { to, at, sealed, .. }) => Some(Tombstone::new(*to, *at, sealed.clone())),
            Some(Content::Session { .. }) | None => None,
        }
    }

    pub(super) fn remove(&self, key: &StoreKey) -> Removed {
        let shard = self.shard(key).write();
        let to = match shard.get(key).map(|slot| slot.content()) {
            Some(Content::Session { .. }) => {
                self.end(shard, key);
                return Removed::Done;
            }
            Some(Content::Tombstone { to, is_anchor: false, .. }) => return Removed::Renewed(*to),
            Some(Content::Tombstone { to, .. }) => *to,
            None => return Removed::Absent,
        };
        drop(shard);
        // The key that an anchor leads to might be forgotten before the caller gets there. Each round but the last means that
        // the session was renewed once more.
        while let Some(end) = self.follow(key, |slot, _| slot.key) {
            let shard = self.shard(&end).write();
            if shard.get(&end).is_some_and(|slot| matches!(slot.content(), Content::Session { .. })) {
                self.end(shard, &end);
                return Removed::Done;
            }
        }
        Removed::Renewed(to)
    }

    fn end(&self, mut shard: RwLockWriteGuard<'_, Shard>, key: &StoreKey) {
        let removed = shard.remove(key);
        if let Some(removed) = &removed {
            self.capacity.release_slot(removed);
        }
        // Freed after unlocking.
        drop(shard);
        drop(removed);
        self.watch.changed(key);
    }

    /// Reports that a slot was removed, if it held a session. Must be called without a lock.
    pub(super) fn report_end(&self, removed: Option<&Slot>, reason: EndReason) {
        if let Some(slot) = removed
            && let Content::Session { record, .. } = slot.content()
            && !record.is_list()
        {
            self.reporter.ended(slot.key, reason);
        }
    }

    /// Removes expired sessions in steps, so that no request waits for more than one step.
    pub(super) fn sweep(&self, now: Timestamp) -> Swept {
        let mut swept = Swept::default();
        for shard in &self.shards {
            let mut at = 0;
            loop {
                let expired: Vec<StoreKey> = {
                    let shard = shard.read();
                    if at >= shard.places() {
                        break;
                    }
                    let mut expired = Vec::new();
                    for slot in shard.walk(at..at + STEP) {
                        if slot.is_expired(now) { expired.push(slot.key) } else { swept.kept += 1 }
                    }
                    expired
                };
                at += STEP;
                if expired.is_empty() {
                    continue;
                }
                for some in expired.chunks(SHORT_STEP) {
                    let removed: Vec<Arc<Slot>> = {
                        let mut shard = shard.write();
                        let still = |shard: &Shard, key| shard.get(key).is_some_and(|slot| slot.is_expired(now));
                        let remove = |key| if still(&shard, key) { shard.remove(key) } else { None };
                        some.iter().filter_map(remove).inspect(|slot| self.capacity.release_slot(slot)).collect()
                    };
                    swept.removed += removed.len() as u64;
                    removed.iter().for_each(|slot| self.watch.changed(&slot.key));
                    // Freed after unlocking: that is most of the work.
                    for slot in removed {
                        self.report_end(Some(&slot), EndReason::Expired);
                    }
                }
            }
            shard.write().shrink();
        }
        swept
    }
}

fn found(record: Record, extended: bool) -> Lookup {
    let mut snapshot = Snapshot::complete(record);
    snapshot.extended = extended;
    Lookup::Found(snapshot)
}
