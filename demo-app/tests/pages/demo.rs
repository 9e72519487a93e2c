//! Demos to test: over memory, over a folder, over a storage that fails.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::Parser as _;
use gsession::{
    AnyStorage, Clock as _, FileStorage, ManualClock, MemoryStorage, Record, Storage, StorageError, StorageErrorKind,
    StoreKey, SystemClock, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Found, Lookup, Moved, Removed, Tombstone},
};
use gsession_actix::SessionMiddleware;
use gsession_demo::{Accounts, Cli, Demo, StorageInfo};

/// The idle timeout of all of them.
pub(crate) const IDLE: Duration = Duration::from_secs(600);

pub(crate) fn in_memory() -> Demo {
    with_clock().0
}

pub(crate) fn with_clock() -> (Demo, ManualClock) {
    let clock = ManualClock::new(SystemClock.now());
    (over(AnyStorage::new(MemoryStorage::new()), &clock), clock)
}

pub(crate) fn in_folder(folder: &Path) -> Demo {
    over(AnyStorage::new(FileStorage::open(folder).unwrap()), &ManualClock::new(SystemClock.now()))
}

pub(crate) fn with_outages() -> (Demo, Outages) {
    let outages = Outages::default();
    let storage = Failing { inner: MemoryStorage::new(), outages: outages.clone() };
    (over(AnyStorage::immediate(storage), &ManualClock::new(SystemClock.now())), outages)
}

/// As the program opens it with these arguments.
pub(crate) async fn opened(arguments: &[&str]) -> Demo {
    let cli = Cli::try_parse_from(["gsession-demo"].iter().chain(arguments)).unwrap();
    let (storage, storage_info) = gsession_demo::open(&cli).await.unwrap();
    at(storage_info, storage, &ManualClock::new(SystemClock.now()))
}

fn over(storage: AnyStorage, clock: &ManualClock) -> Demo {
    at(StorageInfo { name: "a test".to_owned(), survives_restart: true }, storage, clock)
}

fn at(storage_info: StorageInfo, storage: AnyStorage, clock: &ManualClock) -> Demo {
    let sessions = SessionMiddleware::builder(storage)
        .cookie_secure(false)
        .idle_timeout(IDLE)
        .absolute_lifetime(3 * IDLE)
        .clock(clock.clone())
        .build()
        .unwrap();
    Demo::new(sessions, Accounts::demo().unwrap(), storage_info)
}

/// What a storage cannot do at the moment.
#[derive(Clone, Default)]
pub(crate) struct Outages {
    pub(crate) reading: Arc<AtomicBool>,
    pub(crate) writing: Arc<AtomicBool>,
}

struct Failing {
    inner: MemoryStorage,
    outages: Outages,
}

fn fails(flag: &AtomicBool) -> Result<(), StorageError> {
    if flag.load(Ordering::SeqCst) {
        return Err(StorageError::new(StorageErrorKind::Unavailable, "asking the disk in cellar 7"));
    }
    Ok(())
}

impl Storage for Failing {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        fails(&self.outages.reading)?;
        self.inner.load(key, access)
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        fails(&self.outages.writing)?;
        self.inner.create(key, record, now)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        fails(&self.outages.writing)?;
        self.inner.commit(key, commit)
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        fails(&self.outages.writing)?;
        self.inner.move_to(from, to, commit)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        fails(&self.outages.writing)?;
        self.inner.remove(key)
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        fails(&self.outages.reading)?;
        self.inner.tombstone(key, now)
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        fails(&self.outages.reading)?;
        self.inner.find(principal, now)
    }
}
