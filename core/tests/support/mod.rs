//! What the tests of the core share: storages to test, a clock, ids that are remembered, pausing storages and child processes.
#![allow(dead_code, reason = "each test binary uses a part of it")]

#[cfg(feature = "file")]
pub(crate) mod child;
#[cfg(all(feature = "file", target_os = "linux"))]
pub(crate) mod listing;
pub(crate) mod log;
pub(crate) mod pausing_storage;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub(crate) mod sql;
#[cfg(all(feature = "file", target_os = "linux"))]
pub(crate) mod strace;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub(crate) mod waiting;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gsession::{
    Changes, ClientInfo, Entries, FileStorage, HashedIds, IdError, IdGenerator, Manager, ManagerBuilder, ManualClock,
    MemoryStorage, Record, SessionId, Storage, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Lookup, Snapshot, TOMBSTONE_LIFETIME},
};
use tempfile::TempDir;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
use waiting::Waiting;

/// Far enough from the system's time that nothing works by accident of it.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);
/// Longer than a storage remembers a renewal, so that the two can be told apart.
pub(crate) const IDLE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a test waits for what must happen before it gives up; nothing depends on its length.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The storages of the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    File,
    #[cfg(feature = "redis")]
    RedisString,
    #[cfg(feature = "redis")]
    RedisHash,
    #[cfg(feature = "redis")]
    RedisStringCluster,
    #[cfg(feature = "redis")]
    RedisHashCluster,
    #[cfg(all(feature = "postgres", feature = "sqlite"))]
    Sqlite,
    #[cfg(all(feature = "postgres", feature = "sqlite"))]
    Postgres,
}

pub(crate) const KINDS: [Kind; COUNT] = [
    Kind::Memory,
    Kind::File,
    #[cfg(feature = "redis")]
    Kind::RedisString,
    #[cfg(feature = "redis")]
    Kind::RedisHash,
    #[cfg(feature = "redis")]
    Kind::RedisStringCluster,
    #[cfg(feature = "redis")]
    Kind::RedisHashCluster,
    #[cfg(all(feature = "postgres", feature = "sqlite"))]
    Kind::Sqlite,
    #[cfg(all(feature = "postgres", feature = "sqlite"))]
    Kind::Postgres,
];
const COUNT: usize = 2
    + if cfg!(feature = "redis") { 4 } else { 0 }
    + if cfg!(all(feature = "postgres", feature = "sqlite")) { 2 } else { 0 };

/// A new storage, with the folder it lives in, which goes with it.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: ManualClock,
    pub(crate) ids: RememberedIds,
    /// Opens the storage: what is kept outside of the process is there again.
    open: Box<dyn Fn() -> Arc<dyn Storage> + Send + Sync>,
}

impl Place {
    /// An empty storage that does nothing by itself: it neither sweeps nor writes touches in the background.
    pub(crate) fn new(kind: Kind) -> Self {
        let open: Box<dyn Fn() -> Arc<dyn Storage> + Send + Sync> = match kind {
            Kind::Memory => Box::new(|| Arc::new(quiet_memory())),
            Kind::File => {
                // The folder goes with the place.
                let folder = TempDir::new().unwrap();
                Box::new(move || Arc::new(quiet_file(&folder.path().join("sessions"))))
            }
            #[cfg(all(feature = "postgres", feature = "sqlite"))]
            Kind::Sqlite => {
                let folder = TempDir::new().unwrap();
                Box::new(move || Arc::new(Waiting::on(|| sql::sqlite_in(folder.path()))))
            }
            #[cfg(all(feature = "postgres", feature = "sqlite"))]
            Kind::Postgres => {
                let prefix = sql::prefix();
                Box::new(move || Arc::new(Waiting::on(|| sql::postgres_at(&prefix))))
            }
            #[cfg(feature = "redis")]
            kind => {
                let prefix = redis::prefix();
                match kind {
                    Kind::RedisHash => Box::new(move || Arc::new(redis::hashes_at(&prefix))),
                    Kind::RedisStringCluster => Box::new(move || Arc::new(redis::clustered_strings_at(&prefix))),
                    Kind::RedisHashCluster => Box::new(move || Arc::new(redis::clustered_hashes_at(&prefix))),
                    _ => Box::new(move || Arc::new(redis::strings_at(&prefix))),
                }
            }
        };
        Self { kind, storage: open(), clock: ManualClock::new(NOW), ids: RememberedIds::default(), open }
    }

    /// The storage as another process opens it. What is in memory is another process's own.
    pub(crate) fn opened_again(&self) -> Arc<dyn Storage> {
        (self.open)()
    }

    pub(crate) fn builder(&self) -> ManagerBuilder<Manager> {
        self.builder_over(Arc::clone(&self.storage))
    }

    /// A manager over another storage, usually one that wraps this one's.
    pub(crate) fn builder_over(&self, storage: impl Storage + 'static) -> ManagerBuilder<Manager> {
        Manager::builder(storage).clock(self.clock.clone()).idle_timeout(IDLE).id_generator(self.ids.clone())
    }

    pub(crate) fn manager(&self) -> Manager {
        self.builder().build().unwrap()
    }

    /// How many sessions live, under whatever key: tombstones of renewals have ended by then, sessions have not.
    pub(crate) fn survivors(&self) -> u64 {
        use gsession::Clock as _;
        survivors(&*self.storage, self.clock.now())
    }
}

pub(crate) fn survivors(storage: &dyn Storage, now: Timestamp) -> u64 {
    storage.sweep(now + TOMBSTONE_LIFETIME).unwrap().kept
}

pub(crate) fn quiet_memory() -> MemoryStorage {
    MemoryStorage::builder().sweep_interval(Duration::MAX).build()
}

pub(crate) fn quiet_file(folder: &std::path::Path) -> FileStorage {
    FileStorage::builder(folder).sweep_interval(Duration::MAX).touch_interval(Duration::MAX).build().unwrap()
}

/// Makes ids as usual and remembers each: a session can hide under no other.
#[derive(Clone, Default)]
pub(crate) struct RememberedIds(Arc<Mutex<Vec<SessionId>>>);

impl RememberedIds {
    pub(crate) fn all(&self) -> Vec<SessionId> {
        self.0.lock().unwrap().clone()
    }

    /// Those under which a session lives.
    pub(crate) fn living(&self, storage: &dyn Storage, now: Timestamp) -> Vec<SessionId> {
        let lives = |id: &SessionId| found(storage, &StoreKey::of(id), now).is_some();
        self.all().into_iter().filter(lives).collect()
    }
}

impl IdGenerator for RememberedIds {
    fn generate(&self, client: &ClientInfo) -> Result<SessionId, IdError> {
        let id = HashedIds::new().generate(client)?;
        self.0.lock().unwrap().push(id.clone());
        Ok(id)
    }
}

/// A key that is another one for each number, in another sub-folder and another shard.
pub(crate) fn key(number: u8) -> StoreKey {
    let mut bytes = [0xa5; 32];
    (bytes[0], bytes[31]) = (number, number);
    StoreKey::from_bytes(bytes)
}

pub(crate) fn entries(list: &[(&str, &str)]) -> Entries {
    Entries::pack(list.iter().copied()).unwrap()
}

pub(crate) fn record(list: &[(&str, &str)]) -> Record {
    let mut record = Record::new(NOW, IDLE, None);
    record.entries = entries(list);
    record
}

pub(crate) fn active(now: Timestamp) -> Access {
    Access::active(now, IDLE, Duration::ZERO)
}

pub(crate) fn setting(key: &str, json: &str) -> Changes {
    let mut changes = Changes::default();
    changes.set(key, json);
    changes
}

pub(crate) fn commit_at(changes: Changes, now: Timestamp) -> Commit {
    Commit::new(changes, active(now))
}

/// The session under a key, read without counting as activity.
pub(crate) fn found(storage: &dyn Storage, key: &StoreKey, now: Timestamp) -> Option<Snapshot> {
    let access = Access::passive(now);
    let loaded = storage.load(key, &access).unwrap();
    if let Some(at_once) = storage.load_cached(key, &access) {
        assert_eq!(format!("{at_once:?}"), format!("{loaded:?}"), "what is loaded at once is what is loaded");
    }
    match loaded {
        Lookup::Found(snapshot) => Some(snapshot),
        Lookup::Renewed(_) | Lookup::Absent => None,
        other => panic!("an answer this test does not know: {other:?}"),
    }
}

/// The entries under a key, as text.
pub(crate) fn stored(storage: &dyn Storage, key: &StoreKey, now: Timestamp) -> Option<Vec<(String, String)>> {
    let snapshot = found(storage, key, now)?;
    Some(snapshot.record.entries.iter().map(|(key, json)| (key.to_owned(), json.to_owned())).collect())
}

/// Waits for a condition that must become true.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

/// How often the threads of this name have waited so far, in this process.
#[cfg(target_os = "linux")]
pub(crate) fn waits(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let count = |task: std::path::PathBuf| {
        // A thread of another test may end meanwhile.
        std::fs::read_to_string(task.join("comm")).ok().filter(|comm| comm.trim_end() == name)?;
        let status = std::fs::read_to_string(task.join("status")).ok()?;
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        count.trim().parse::<u64>().ok()
    };
    tasks.filter_map(count).sum()
}
