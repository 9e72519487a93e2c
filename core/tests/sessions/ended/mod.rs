//! Waiting for the end of a session (S18), on every storage: every end is noticed, and nothing else is taken for one.

mod endings;
mod failing;
#[cfg(target_os = "linux")]
mod files;
mod handles;
mod moves;
mod users;

use std::{sync::Arc, time::Duration};

use gsession::{
    AnyStorage, AsyncManager, AsyncSession, ClientInfo, Error, Exchange, ManagerBuilder, SessionId, Storage, StoreKey,
};
use tokio::task::JoinHandle;

use crate::support::{IDLE, KINDS, Kind, PATIENCE, Place, pausing_storage::PausingStorage};

const MINUTE: Duration = Duration::from_secs(60);

/// A storage that counts, and a manager over it.
struct World {
    place: Place,
    storage: PausingStorage,
    manager: AsyncManager,
}

impl World {
    fn new(kind: Kind) -> Self {
        Self::built(kind, |builder| builder)
    }

    fn built(kind: Kind, settings: impl FnOnce(ManagerBuilder<AsyncManager>) -> ManagerBuilder<AsyncManager>) -> Self {
        let place = Place::new(kind);
        let storage = PausingStorage::new(Arc::clone(&place.storage));
        let manager = settings(builder(&place, storage.clone())).build().unwrap();
        Self { place, storage, manager }
    }

    /// A manager over the storage as another process opens it; in memory, over a clone.
    fn elsewhere(&self) -> AsyncManager {
        let storage = match self.place.kind {
            Kind::Memory => Arc::clone(&self.place.storage),
            _ => self.place.opened_again(),
        };
        builder(&self.place, storage).build().unwrap()
    }

    async fn log_in(&self) -> (SessionId, AsyncSession) {
        log_in(&self.manager).await
    }

    fn key(&self, id: &SessionId) -> StoreKey {
        self.manager.key_of(id)
    }

    /// Waits for the end of a session; returns once the one who waits has seen that it lives.
    async fn waiting(&self, session: &AsyncSession) -> JoinHandle<Result<(), Error>> {
        let key = session.key().unwrap();
        let before = self.storage.loads_of(&key);
        let waiting = tokio::spawn(session.ended());
        self.looked(&key, before).await;
        assert!(!waiting.is_finished(), "{:?}: it lives", self.place.kind);
        waiting
    }

    /// Waits until this key was loaded more often than that.
    async fn looked(&self, key: &StoreKey, before: usize) {
        until("a look at the session", || self.storage.loads_of(key) > before).await;
    }
}

fn builder(place: &Place, storage: impl Storage + 'static) -> ManagerBuilder<AsyncManager> {
    AsyncManager::builder(AnyStorage::blocking(storage)).clock(place.clock.clone()).idle_timeout(IDLE)
}

fn open(manager: &AsyncManager, id: &SessionId) -> Exchange {
    manager.begin([id.as_str()], ClientInfo::default)
}

/// A session of the user `ada`, and a handle to it whose request is over.
async fn log_in(manager: &AsyncManager) -> (SessionId, AsyncSession) {
    let request = manager.begin(None, ClientInfo::default);
    request.log_in("ada").await.unwrap();
    let _ = request.close().await.unwrap();
    (request.id().unwrap(), request.session().clone())
}

/// A request that reads, of a user who is logged in; returns the id that it has in the end.
async fn visit(manager: &AsyncManager, id: &SessionId) -> SessionId {
    let request = open(manager, id);
    assert!(request.principal().await.unwrap().is_some());
    let _ = request.close().await.unwrap();
    request.id().unwrap()
}

async fn log_out(manager: &AsyncManager, id: &SessionId) {
    let request = open(manager, id);
    request.destroy();
    let _ = request.close().await.unwrap();
}

/// The id after a renewal.
async fn renew(manager: &AsyncManager, id: &SessionId) -> SessionId {
    let request = open(manager, id);
    request.renew().unwrap();
    let _ = request.close().await.unwrap();
    request.id().unwrap()
}

async fn ends<T>(what: impl std::fmt::Debug, waiting: JoinHandle<Result<T, Error>>) -> T {
    let ended = tokio::time::timeout(PATIENCE, waiting).await;
    ended.unwrap_or_else(|_| panic!("the end was not noticed: {what:?}")).unwrap().unwrap()
}

/// Waits for a condition that must become true, and lets others work.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
