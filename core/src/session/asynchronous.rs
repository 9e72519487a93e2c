//! The async driver.

use std::sync::Arc;

use futures::lock::Mutex as AsyncMutex;
use parking_lot::{Mutex, MutexGuard};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    Closed, Config, Delivery, ListedSession, Saved, SessionInfo,
    alteration::Alteration,
    machine::Machine,
    methods::session_methods,
    steps::{MAX_UPDATE_TRIES, Progress, Reply, Step, Update},
    values::{self, refused},
};
use crate::{
    AnyStorage, AsyncStorage, ClientInfo, Error, SessionId, StoreKey, Timestamp,
    manager::remove_through,
    record::encode,
    storage::{Leads, Trail},
};

/// A session during one request, over an async storage. Clones are the same session; it may be shared between tasks.
///
/// Got from [`AsyncManager::session`](crate::AsyncManager::session), or in actix from `req.get_session()`. The same methods
/// as the blocking [`Session`](crate::Session); those that may have to ask the storage are `async`.
///
/// ```
/// use gsession::{AsyncManager, ClientInfo, MemoryStorage};
///
/// # futures::executor::block_on(async {
/// let manager = AsyncManager::new(MemoryStorage::new());
/// let session = manager.session(None, ClientInfo::default());
/// session.set("user", "ada")?;
/// let _ = session.save().await?;
/// let id = session.id().expect("a saved session has an id");
///
/// let later = manager.session(Some(id.as_str()), ClientInfo::default());
/// assert_eq!(later.get::<String>("user").await?.as_deref(), Some("ada"));
/// # Ok::<(), gsession::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct AsyncSession(Arc<Shared>);

struct Shared {
    storage: AnyStorage,
    config: Arc<Config>,
    /// Never held while waiting.
    machine: Mutex<Machine>,
    /// One storage operation at a time, so that two readers of one session read once.
    io: AsyncMutex<()>,
}

impl AsyncSession {
    #[inline]
    pub(crate) fn new(storage: AnyStorage, config: Arc<Config>, machine: Machine) -> Self {
        Self(Arc::new(Shared { storage, config, machine: Mutex::new(machine), io: AsyncMutex::new(()) }))
    }

    /// [`close`](Self::close), if that needs no waiting because the storage answers at once: for integrations that want to
    /// make no future then. `None` if it has to be awaited; nothing was done then that awaiting would not do again.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    #[must_use]
    pub fn close_at_once(&self) -> Option<Result<Closed, Error>> {
        // Otherwise a storage operation might be begun and dropped.
        self.0.storage.as_immediate()?;
        futures::FutureExt::now_or_never(self.close())
    }
}

session_methods!(
    AsyncSession, [async], [.await],
    setup: "# futures::executor::block_on(async {\n# let manager = gsession::AsyncManager::new(gsession::MemoryStorage::new());\n# let session = manager.session(None, gsession::ClientInfo::default());",
    wait: ".await",
    end: "# session.abandon();\n# Ok::<(), gsession::Error>(()) }).unwrap();"
);
