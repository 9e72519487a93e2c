//! The fixture of a case: a new, empty storage, and helpers for keys, records and times.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::{
    Ability,
    blocking_adapter::{BlockingAdapter, Executor},
    verdict::{Flaw, Verdict},
};
use crate::{
    AnyStorage, Changes, Entries, Manager, ManagerBuilder, ManualClock, MemoryStorage, Record, SessionId, Storage,
    StorageError, StoreKey, Timestamp,
    record::{Commit, JsonText},
    storage::{Access, Committed, Lookup, Moved, Snapshot, TOMBSTONE_LIFETIME},
};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// Longer than a storage remembers a renewal, so that the cases can tell the two apart.
pub(super) const IDLE: Duration = Duration::from_secs(24 * 60 * 60);

/// Creates a new, empty storage.
pub(super) type Maker<S> = Arc<dyn Fn() -> S + Send + Sync>;

/// Where the storage comes from, and which trait it implements.
#[derive(Clone)]
pub(super) enum Source {
    Blocking(Maker<Arc<dyn Storage>>),
    Asynchronous(Maker<AnyStorage>, Arc<Executor>),
}

/// A new, empty storage, and what else a case needs.
pub(super) struct Fixture {
    lacking: Arc<[Ability]>,
    pub(super) storage: Arc<dyn Storage>,
    /// If the storage is async: the storage itself, and its runtime.
    pub(super) asynchronous: Option<(AnyStorage, Arc<Executor>)>,
    /// When the case begins: the system's time, because a storage may use the system's clock for expiry.
    pub(super) start: Timestamp,
    /// The number of keys from `new_keys` so far.
    keys_used: AtomicUsize,
}

impl Fixture {
    pub(super) fn new(source: &Source, lacking: &Arc<[Ability]>, start: Timestamp) -> Self {
        let (storage, asynchronous): (Arc<dyn Storage>, _) = match source {
            Source::Blocking(make) => (make(), None),
            Source::Asynchronous(make, executor) => {
                // Created inside the runtime, which it may need at once.
                let storage = executor.wait(async { make() });
                let adapter = BlockingAdapter { storage: storage.clone(), executor: Arc::clone(executor) };
                (Arc::new(adapter), Some((storage, Arc::clone(executor))))
            }
        };
        Self { lacking: Arc::clone(lacking), storage, asynchronous, start, keys_used: 0.into() }
    }

    /// A fixture like this one, on the reference storage.
    pub(super) fn reference(&self) -> Self {
        let memory = MemoryStorage::builder().sweep_interval(Duration::MAX).build();
        let storage = Arc::new(memory);
        Self { lacking: Arc::new([]), storage, asynchronous: None, start: self.start, keys_used: 0.into() }
    }

    pub(super) fn can(&self, ability: Ability) -> bool {
        !self.lacking.contains(&ability)
    }

    /// A different key for each number.
    pub(super) fn key(&self, number: usize) -> StoreKey {
        // At most 32 characters, for storages that name sessions by their ids.
        let id =
            SessionId::custom(&format!("conformance-{number:020}")).unwrap_or_else(|_| SessionId::from_random([0; 32]));
        self.storage.key_scheme().key_of(&id)
    }

    /// Keys that were not used before. Do not mix them with [`key`](Self::key).
    pub(super) fn new_keys<const N: usize>(&self) -> [StoreKey; N] {
        let first = self.keys_used.fetch_add(N, Ordering::Relaxed);
        std::array::from_fn(|number| self.key(first + number))
    }

    pub(super) fn record(&self, entries: &[(&str, &str)]) -> Record {
        let mut record = Record::new(self.start, IDLE, None);
        record.entries = Entries::pack(entries.iter().copied()).unwrap_or_default();
        record
    }

    pub(super) fn record_of(&self, principal: &str, entries: &[(&str, &str)]) -> Record {
        Record { principal: Some(principal.into()), ..self.record(entries) }
    }

    /// Stores a session with these entries.
    pub(super) fn create(&self, number: usize, entries: &[(&str, &str)]) -> Verdict<StoreKey> {
        let key = self.key(number);
        self.create_as(&key, &self.record(entries))?;
        Ok(key)
    }

    pub(super) fn create_as(&self, key: &StoreKey, record: &Record) -> Verdict {
        match self.storage.create(key, record, record.created_at)? {
            crate::storage::Created::Done => Ok(()),
            crate::storage::Created::Exists => Err(Flaw::seen("create under a free key said that the key is taken")),
        }
    }

    /// What is stored under a key, read without counting as activity.
    pub(super) fn found(&self, key: &StoreKey, now: Timestamp) -> Verdict<Option<Snapshot>> {
        Ok(match self.storage.load(key, &Access::passive(now))? {
            Lookup::Found(snapshot) => Some(snapshot),
            Lookup::Renewed(_) | Lookup::Absent => None,
        })
    }

    /// The session under a key, which must exist.
    pub(super) fn there(&self, key: &StoreKey, now: Timestamp) -> Verdict<Snapshot> {
        self.found(key, now)?.ok_or_else(|| Flaw::seen("a session that must exist does not"))
    }

    /// The entries under a key, as a JSON object.
    pub(super) fn stored(&self, key: &StoreKey, now: Timestamp) -> Verdict<Option<Value>> {
        self.found(key, now)?.map(|snapshot| entries_of(&snapshot.record)).transpose()
    }

    pub(super) fn is_absent(&self, key: &StoreKey, now: Timestamp) -> Verdict<bool> {
        Ok(matches!(self.storage.load(key, &active(now))?, Lookup::Absent))
    }

    /// The JSON text of an entry as the storage returns it, for the condition of an update.
    pub(super) fn text(&self, key: &StoreKey, name: &str, now: Timestamp) -> Verdict<Option<JsonText>> {
        Ok(self.there(key, now)?.record.entries.get(name))
    }

    /// The number of live sessions under any key, if the storage can count them. It is counted when the tombstones of renewals have
    /// ended.
    pub(super) fn survivors(&self, now: Timestamp) -> Verdict<Option<u64>> {
        if self.can(Ability::Sweeping) {
            Ok(Some(self.storage.sweep(now + TOMBSTONE_LIFETIME)?.kept))
        } else {
            Ok(None)
        }
    }

    /// A manager over the storage, and its clock.
    pub(super) fn manager(&self) -> (ManagerBuilder<Manager>, ManualClock) {
        let clock = ManualClock::new(self.start);
        (Manager::builder(Arc::clone(&self.storage)).clock(clock.clone()).idle_timeout(IDLE), clock)
    }
}

pub(super) fn entries_of(record: &Record) -> Verdict<Value> {
    let parse = |(key, json): (&str, &str)| Some((key.to_owned(), serde_json::from_str(json).ok()?));
    record
        .entries
        .iter()
        .map(parse)
        .collect::<Option<_>>()
        .map(Value::Object)
        .ok_or_else(|| Flaw::seen("an entry that is not JSON"))
}

pub(super) fn active(now: Timestamp) -> Access {
    Access::active(now, IDLE, Duration::ZERO)
}

pub(super) fn setting(name: &str, json: &str) -> Changes {
    let mut changes = Changes::default();
    changes.set(name, json);
    changes
}

pub(super) fn commit_at(changes: Changes, now: Timestamp) -> Commit {
    Commit::new(changes, active(now))
}

/// When a session ends after a commit.
pub(super) fn done_at(committed: &Committed) -> Verdict<Timestamp> {
    match committed {
        Committed::Done { expires_at, .. } => Ok(*expires_at),
        other => Err(Flaw::seen(format!("a commit to a live session was answered {other:?}"))),
    }
}

/// When a session ends after a move.
pub(super) fn moved_at(moved: Result<Moved, StorageError>) -> Verdict<Timestamp> {
    match moved? {
        Moved::Done { expires_at, .. } => Ok(expires_at),
        other => Err(Flaw::seen(format!("the renewal of a live session was answered {other:?}"))),
    }
}
