//! The storage's inside: shards under locks, and the operations on them.

use std::sync::{Arc, atomic::Ordering};

use parking_lot::{RwLock, RwLockWriteGuard};

use super::{
    evict::Room,
    shard::Shard,
    slot::{Content, Slot},
};
use crate::{
    Record, StoreKey, Timestamp,
    record::{Applied, Commit},
    storage::{Access, Committed, Created, Found, Lookup, Moved, Removed, Snapshot, StorageError, Swept, Touched},
};

/// Many more than there are cores, and few enough to walk over.
const SHARDS: usize = 256;
/// Places walked under one lock when sweeping: some 10 microseconds.
const STEP: usize = 256;

pub(super) struct Store {
    pub(super) shards: Box<[RwLock<Shard>]>,
    pub(super) room: Room,
}

impl Store {
    pub(super) fn new(max_sessions: usize, max_bytes: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            room: Room { sessions: 0.into(), bytes: 0.into(), max_sessions, max_bytes },
        }
    }

    pub(super) fn len(&self) -> usize {
        self.room.sessions.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.room.bytes.load(Ordering::Relaxed)
    }

    /// Shards are chosen by another part of the key than the one that places it inside a shard.
    fn shard_of(key: &StoreKey) -> usize {
        usize::from(key.as_bytes()[31]) % SHARDS
    }

    fn shard(&self, key: &StoreKey) -> &RwLock<Shard> {
        &self.shards[Self::shard_of(key)]
    }

    pub(super) fn load(&self, key: &StoreKey, access: &Access) -> Lookup {
        let shard = self.shard(key).read();
        match shard.get(key) {
            Some(slot) if !slot.is_expired(access.now) => match slot.content() {
                Content::Session(record) => {
                    let extended = slot.touch_if_due(access);
                    Lookup::Found(Snapshot { extended, ..Snapshot::complete(slot.current(record)) })
                }
                Content::Forward { at, .. } => Lookup::Moved(*at),
            },
            _ => Lookup::Absent,
        }
    }

    pub(super) fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        let slot = Slot::session(*key, record.clone());
        let bytes = slot.bytes();
        self.reserve(1, bytes, Self::shard_of(key), now)?;
        let mut shard = self.shard(key).write();
        if shard.get(key).is_some_and(|slot| !slot.is_expired(now)) {
            drop(shard);
            self.room.give_back(1, bytes);
            return Ok(Created::Exists);
        }
        let expired = shard.put(slot);
        drop(shard);
        if let Some(expired) = expired {
            self.forget(&expired);
        }
        Ok(Created::Done)
    }

    pub(super) fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        let (old, new_bytes, expires_at) = {
            let mut shard = self.shard(key).write();
            let record = match shard.get(key).map(|slot| (slot, slot.content())) {
                Some((slot, Content::Session(record))) => slot.current(record),
                Some((slot, Content::Forward { at, .. })) if !slot.is_expired(commit.access.now) => {
                    return Ok(Committed::Moved(*at));
                }
                _ => return Ok(Committed::Gone),
            };
            let record = match record.apply(commit).map_err(|limit| StorageError::limit("committing", limit))? {
                Applied::Changed(record) => record,
                Applied::Expired => return Ok(Committed::Gone),
                Applied::Conflict(current) => return Ok(Committed::Conflict(current)),
            };
            let expires_at = record.expires_at();
            let slot = Slot::session(*key, record);
            let new_bytes = slot.bytes();
            (shard.put(slot), new_bytes, expires_at)
        };
        let old_bytes = old.map_or(0, |old| old.bytes());
        self.room.give_back(0, old_bytes);
        self.settle(key, new_bytes, new_bytes > old_bytes, commit.access.now);
        Ok(Committed::Done { expires_at, revision: 0 })
    }

    /// Counts what a commit has made of a session. The commit stands; if it grew over the bound, others make room, and if
    /// none can, the next new session is refused.
    fn settle(&self, key: &StoreKey, bytes: usize, grew: bool, now: Timestamp) {
        if !grew || self.reserve(0, bytes, Self::shard_of(key) + 1, now).is_err() {
            self.room.take(0, bytes);
        }
    }

    pub(super) fn touch(&self, key: &StoreKey, access: &Access) -> Touched {
        let shard = self.shard(key).read();
        match shard.get(key).map(|slot| (slot, slot.content())) {
            Some((slot, Content::Session(record))) if !slot.is_expired(access.now) => {
                slot.touch(access);
                Touched::Done(slot.session_expires_at(record))
            }
            _ => Touched::Gone,
        }
    }

    pub(super) fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        let now = commit.access.now;
        let trace = Slot::forward(*from, *to, now);
        let trace_bytes = trace.bytes();
        self.reserve(1, trace_bytes, Self::shard_of(from), now)?;
        let outcome = self.move_under_locks(from, to, commit, trace);
        if !matches!(outcome, Ok((Moved::Done { .. }, ..))) {
            self.room.give_back(1, trace_bytes);
        }
        let (moved, replaced, new_bytes) = outcome?;
        for slot in replaced.into_iter().flatten() {
            // The session under `from` lives on under `to`; something expired under `to` does not.
            if slot.key == *from { self.room.give_back(0, slot.bytes()) } else { self.forget(&slot) }
        }
        self.room.take(0, new_bytes);
        Ok(moved)
    }

    fn move_under_locks(
        &self,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
        trace: Slot,
    ) -> Result<MovedSlots, StorageError> {
        let now = commit.access.now;
        let mut locks = Pair::lock(&self.shards, Self::shard_of(from), Self::shard_of(to));
        let nothing = |moved| Ok((moved, [None, None], 0));
        let record = match locks.from().get(from).map(|slot| (slot, slot.content())) {
            Some((slot, Content::Session(record))) => slot.current(record),
            Some((slot, Content::Forward { at, .. })) if !slot.is_expired(now) => return nothing(Moved::Moved(*at)),
            _ => return nothing(Moved::Gone),
        };
        if locks.to().get(to).is_some_and(|slot| !slot.is_expired(now)) {
            return nothing(Moved::Taken);
        }
        let record = match record.apply(commit).map_err(|limit| StorageError::limit("renewing", limit))? {
            Applied::Changed(record) => record,
            Applied::Expired | Applied::Conflict(_) => return nothing(Moved::Gone),
        };
        let expires_at = record.expires_at();
        let slot = Slot::session(*to, record);
        let new_bytes = slot.bytes();
        let replaced = [locks.to().put(slot), locks.from().put(trace)];
        Ok((Moved::Done { expires_at, revision: 0 }, replaced, new_bytes))
    }

    pub(super) fn remove(&self, key: &StoreKey) -> Removed {
        let mut shard = self.shard(key).write();
        match shard.get(key).map(|slot| slot.content()) {
            Some(Content::Session(_)) => {
                let removed = shard.remove(key);
                drop(shard);
                if let Some(removed) = removed {
                    self.forget(&removed);
                }
                Removed::Done
            }
            Some(Content::Forward { to, .. }) => Removed::Moved(*to),
            None => Removed::Absent,
        }
    }

    pub(super) fn find(&self, principal: &str, now: Timestamp) -> Vec<Found> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = shard.read();
            for slot in shard.walk(0..shard.places()) {
                if let Content::Session(record) = slot.content()
                    && record.principal.as_deref() == Some(principal)
                    && !slot.is_expired(now)
                {
                    found.push(Found::new(slot.key, slot.current(record)));
                }
            }
        }
        found
    }

    /// Removes what has expired, in steps, so that no request waits for more than one of them.
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
                let removed: Vec<Arc<Slot>> = {
                    let mut shard = shard.write();
                    let still = |shard: &Shard, key| shard.get(key).is_some_and(|slot| slot.is_expired(now));
                    expired.iter().filter_map(|key| if still(&shard, key) { shard.remove(key) } else { None }).collect()
                };
                // Counted and freed after the lock: freeing is most of the work.
                for slot in removed {
                    self.forget(&slot);
                    swept.removed += 1;
                }
            }
            shard.write().shrink();
        }
        swept
    }
}

/// What a move came to, the slots it replaced, and the bytes of the new one.
type MovedSlots = (Moved, [Option<Arc<Slot>>; 2], usize);

/// Write locks on two shards, which may be one and the same; taken in a fixed order, so that two moves never wait for each
/// other in a circle.
enum Pair<'a> {
    Same(RwLockWriteGuard<'a, Shard>),
    Two { from: RwLockWriteGuard<'a, Shard>, to: RwLockWriteGuard<'a, Shard> },
}

impl<'a> Pair<'a> {
    fn lock(shards: &'a [RwLock<Shard>], from: usize, to: usize) -> Self {
        match from.cmp(&to) {
            std::cmp::Ordering::Equal => Self::Same(shards[from].write()),
            std::cmp::Ordering::Less => {
                let from = shards[from].write();
                Self::Two { from, to: shards[to].write() }
            }
            std::cmp::Ordering::Greater => {
                let to = shards[to].write();
                Self::Two { from: shards[from].write(), to }
            }
        }
    }

    fn from(&mut self) -> &mut Shard {
        match self {
            Self::Same(shard) => shard,
            Self::Two { from, .. } => from,
        }
    }

    fn to(&mut self) -> &mut Shard {
        match self {
            Self::Same(shard) => shard,
            Self::Two { to, .. } => to,
        }
    }
}
