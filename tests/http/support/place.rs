//! An empty storage with a clock, to build a middleware on and to look into.

use std::{
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use gsession::{
    AnyStorage, Clock as _, FileStorage, ManualClock, MemoryStorage, Record, RedisHashStorage, RedisStorage, SessionId,
    Storage,
    storage::{Access, Lookup, TOMBSTONE_LIFETIME},
};
use gsession_test_servers::RedisServer;
use tempfile::TempDir;

use super::{
    NAME, key_of,
    probe::{Op, Probe},
};
use crate::framework::{Builder, Sessions};

/// The storages of the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    File,
    RedisString,
    RedisHash,
}

pub(crate) const KINDS: [Kind; 4] = [Kind::Memory, Kind::File, Kind::RedisString, Kind::RedisHash];

/// One server for each test program, on which every place has keys of its own.
fn redis() -> (String, String) {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    (SERVER.get_or_init(RedisServer::start).url(), format!("test{}:", NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// A storage that does nothing by itself, and a clock that stands still.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) clock: ManualClock,
    pub(crate) probe: Probe,
    /// Without the probe, so that looking is not noted and never fails.
    storage: Arc<dyn Storage>,
    /// Goes with the place.
    folder: Option<TempDir>,
}

impl Place {
    pub(crate) fn new(kind: Kind) -> Self {
        let (storage, folder): (Arc<dyn Storage>, _) = match kind {
            Kind::Memory => (Arc::new(MemoryStorage::builder().sweep_interval(Duration::MAX).build()), None),
            Kind::File => {
                let folder = TempDir::new().unwrap();
                let builder = FileStorage::builder(folder.path().join("sessions"));
                let storage = builder.sweep_interval(Duration::MAX).touch_interval(Duration::MAX).build().unwrap();
                (Arc::new(storage), Some(folder))
            }
            Kind::RedisString => {
                let (url, prefix) = redis();
                (Arc::new(RedisStorage::builder(&url).key_prefix(prefix).build().unwrap()), None)
            }
            Kind::RedisHash => {
                let (url, prefix) = redis();
                (Arc::new(RedisHashStorage::builder(&url).key_prefix(prefix).build().unwrap()), None)
            }
        };
        let probe = Probe::new(Arc::clone(&storage));
        Self { kind, clock: ManualClock::default(), probe, storage, folder }
    }

    pub(crate) fn memory() -> Self {
        Self::new(Kind::Memory)
    }

    /// The storage as the middleware takes it: what blocks on the blocking thread pool. (The async face of Redis has tests of
    /// its own; here every operation passes the probe.)
    pub(crate) fn storage(&self) -> AnyStorage {
        match self.kind {
            Kind::Memory => AnyStorage::immediate(self.probe.clone()),
            Kind::File | Kind::RedisString | Kind::RedisHash => AnyStorage::blocking(self.probe.clone()),
        }
    }

    pub(crate) fn builder(&self) -> Builder {
        Sessions::builder(self.storage()).clock(self.clock.clone()).realm(NAME)
    }

    pub(crate) fn sessions(&self) -> Sessions {
        self.builder().build().unwrap()
    }

    /// What was asked of the storage since the last time.
    pub(crate) fn asked(&self) -> Vec<Op> {
        self.probe.asked()
    }

    /// The session under an id, read without counting as activity.
    pub(crate) fn record(&self, id: &SessionId) -> Option<Record> {
        match self.storage.load(&key_of(id), &Access::passive(self.clock.now())).unwrap() {
            Lookup::Found(snapshot) => Some(snapshot.record),
            Lookup::Renewed(_) | Lookup::Absent => None,
            other => panic!("an answer this test does not know: {other:?}"),
        }
    }

    /// Its data, as `key=json` texts.
    pub(crate) fn data(&self, id: &SessionId) -> Option<Vec<String>> {
        let record = self.record(id)?;
        Some(record.entries.iter().map(|(key, json)| format!("{key}={json}")).collect())
    }

    /// The folder of a file storage.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.as_ref().unwrap().path().join("sessions")
    }

    /// How many sessions live, under whatever id. Sessions of the default lifetime do not end by this, but the tombstones of
    /// renewals do: whatever follows them has to be over.
    pub(crate) fn living(&self) -> u64 {
        self.storage.sweep(self.clock.now() + TOMBSTONE_LIFETIME).unwrap().kept
    }
}
