//! A storage that fails, and one that cannot tell of changes. Time is tokio's, which the tests move.

use std::sync::atomic::{AtomicBool, Ordering};

use gsession::{
    MemoryStorage, Record, StorageError, StorageErrorKind, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Lookup, Removed},
};

use super::{AnyStorage, Arc, AsyncManager, Duration, Error, Storage, StoreKey, ends, log_in};
use crate::support::quiet_memory;

/// A storage with the required methods alone, which fails when it is told to.
#[derive(Clone)]
struct Least(MemoryStorage, Arc<AtomicBool>);

impl Least {
    fn new() -> Self {
        Self(quiet_memory(), Arc::default())
    }

    fn fail(&self, fails: bool) {
        self.1.store(fails, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), StorageError> {
        if self.1.load(Ordering::SeqCst) {
            return Err(StorageError::new(StorageErrorKind::Unavailable, "failing on purpose"));
        }
        Ok(())
    }
}

impl Storage for Least {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.check()?;
        self.0.load(key, access)
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.check()?;
        self.0.create(key, record, now)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.check()?;
        self.0.commit(key, commit)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.check()?;
        self.0.remove(key)
    }
}

fn manager(storage: &Least) -> AsyncManager {
    AsyncManager::new(AnyStorage::immediate(storage.clone()))
}

async fn visitor(manager: &AsyncManager) -> gsession::AsyncSession {
    let request = manager.begin(None, gsession::ClientInfo::default);
    request.set("a", &1).unwrap();
    let _ = request.close().await.unwrap();
    request.session().clone()
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_cannot_tell_is_asked_every_few_seconds() {
    let storage = Least::new();
    let manager = manager(&storage);
    let session = visitor(&manager).await;
    let waiting = tokio::spawn(session.ended());
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert!(!waiting.is_finished());
    assert!(manager.destroy(session.key().unwrap()).await.unwrap());
    let start = tokio::time::Instant::now();
    ends("no watch", waiting).await;
    assert!(start.elapsed() <= Duration::from_secs(5), "by tokio's clock, which jumps");
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_fails_for_a_while_ends_no_wait() {
    let storage = Least::new();
    let manager = manager(&storage);
    let session = visitor(&manager).await;
    let waiting = tokio::spawn(session.ended());
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        storage.fail(true);
        tokio::time::sleep(Duration::from_secs(45)).await;
        assert!(!waiting.is_finished(), "it closes no socket");
        storage.fail(false);
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(manager.destroy(session.key().unwrap()).await.unwrap());
    ends("after the outages", waiting).await;
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_fails_for_good_is_an_error_so_that_no_socket_stays_open_for_ever() {
    let storage = Least::new();
    let manager = manager(&storage);
    let session = visitor(&manager).await;
    let unread = manager.begin([session.id().unwrap().as_str()], gsession::ClientInfo::default);
    let waiting = [tokio::spawn(session.ended()), tokio::spawn(unread.ended())];
    tokio::task::yield_now().await;
    storage.fail(true);
    let late = tokio::spawn(unread.ended());
    for one in waiting.into_iter().chain([late]) {
        let ended = one.await.unwrap();
        assert!(
            matches!(&ended, Err(Error::Storage(error)) if error.kind() == StorageErrorKind::Unavailable),
            "{ended:?}"
        );
    }
}

/// The same over a storage that can tell: the error of the look counts, not the missing report.
#[tokio::test]
async fn the_real_storages_are_used_as_they_are() {
    let manager = AsyncManager::new(quiet_memory());
    let (_, session) = log_in(&manager).await;
    let waiting = tokio::spawn(session.ended());
    assert_eq!(manager.destroy_all_of("ada", None).await.unwrap(), 1);
    ends("memory without a pool", waiting).await;
}
