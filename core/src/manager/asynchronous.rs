//! The manager over an async storage.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{
    MAX_OTHERS,
    builder::{FromParts, ManagerBuilder, Settings},
    methods::manager_methods,
};
use crate::{
    AnyStorage, AsyncSession, AsyncStorage, ClientInfo, KeyScheme, MemoryStorage, SessionId, SessionInfo, StorageError,
    StoreKey, Timestamp,
    session::{Config, Machine},
    storage::{Leads, Removed, Swept, Trail},
};

/// Gives out sessions over an async storage: for actix, axum, tonic and the like. Cheap to clone.
///
/// ```
/// use gsession::{AsyncManager, ClientInfo, MemoryStorage};
///
/// # futures::executor::block_on(async {
/// let manager = AsyncManager::new(MemoryStorage::new());
/// let session = manager.session(None, ClientInfo::default());
/// assert_eq!(session.get::<String>("user").await?, None);
/// # Ok::<(), gsession::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct AsyncManager {
    storage: AnyStorage,
    config: Arc<Config>,
}

impl AsyncManager {
    /// A manager with the default settings.
    #[must_use]
    pub fn new(storage: impl AsyncStorage + 'static) -> Self {
        let settings = Settings::standard(storage.key_scheme());
        Self::from_parts(AnyStorage::new(storage), settings)
    }

    /// A manager with other settings.
    pub fn builder(storage: impl AsyncStorage + 'static) -> ManagerBuilder<Self> {
        ManagerBuilder::new(AnyStorage::new(storage))
    }

    /// A session that is none, for integrations to hand out where there is no manager: every use of it is an error, or a
    /// line in the log, with the text `why`.
    #[must_use]
    pub fn detached_session(why: &'static str) -> AsyncSession {
        static EMPTY: OnceLock<AsyncManager> = OnceLock::new();
        let manager = EMPTY.get_or_init(|| Self::new(MemoryStorage::builder().sweep_interval(Duration::MAX).build()));
        AsyncSession::new(manager.storage.clone(), Arc::clone(&manager.config), Machine::detached(why))
    }
}

impl FromParts for AsyncManager {
    type Storage = AnyStorage;

    fn key_scheme(storage: &Self::Storage) -> KeyScheme {
        storage.key_scheme()
    }

    fn from_parts(storage: Self::Storage, settings: Settings) -> Self {
        Self { storage, config: settings.0 }
    }
}

manager_methods!(AsyncManager, AsyncSession, [async], [.await]);

/// Ends the session under `key`, wherever it has moved.
pub(crate) async fn remove_through(storage: &AnyStorage, mut key: StoreKey) -> Result<bool, StorageError> {
    let mut trail = Trail::default();
    loop {
        match storage.remove(&key).await? {
            Removed::Done => return Ok(true),
            Removed::Absent => return Ok(false),
            Removed::Moved(next) => match trail.follow(&next)? {
                Leads::On => key = next,
                Leads::InACircle => return Ok(false),
            },
        }
    }
}
