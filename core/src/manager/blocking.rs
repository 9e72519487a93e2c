//! The manager over a blocking storage.

use std::{collections::HashSet, sync::Arc};

use super::{
    MAX_OTHERS,
    builder::{FromParts, ManagerBuilder, Settings},
    methods::manager_methods,
};
use crate::{
    ClientInfo, KeyScheme, Session, SessionId, SessionInfo, Storage, StorageError, StoreKey, Timestamp,
    session::{Config, Machine},
    storage::{Leads, Removed, Swept, Trail},
};

/// Gives out sessions over a blocking storage: for threads, TCP servers, command line tools. Cheap to clone.
///
/// ```
/// use gsession::{ClientInfo, Manager, MemoryStorage};
///
/// let manager = Manager::new(MemoryStorage::new());
/// let session = manager.session(None, ClientInfo::default());
/// assert_eq!(session.get::<String>("user")?, None);
/// # Ok::<(), gsession::Error>(())
/// ```
#[derive(Clone)]
pub struct Manager {
    storage: Arc<dyn Storage>,
    config: Arc<Config>,
}

impl Manager {
    /// A manager with the default settings.
    #[must_use]
    pub fn new(storage: impl Storage + 'static) -> Self {
        let settings = Settings::standard(storage.key_scheme());
        Self::from_parts(Arc::new(storage), settings)
    }

    /// A manager with other settings.
    pub fn builder(storage: impl Storage + 'static) -> ManagerBuilder<Self> {
        let storage: Arc<dyn Storage> = Arc::new(storage);
        ManagerBuilder::new(storage)
    }
}

impl FromParts for Manager {
    type Storage = Arc<dyn Storage>;

    fn key_scheme(storage: &Self::Storage) -> KeyScheme {
        storage.key_scheme()
    }

    fn from_parts(storage: Self::Storage, settings: Settings) -> Self {
        Self { storage, config: settings.0 }
    }
}

manager_methods!(Manager, Session, [], []);

/// Ends the session under `key`, wherever it has moved.
pub(crate) fn remove_through(storage: &dyn Storage, mut key: StoreKey) -> Result<bool, StorageError> {
    let mut trail = Trail::default();
    loop {
        match storage.remove(&key)? {
            Removed::Done => return Ok(true),
            Removed::Absent => return Ok(false),
            Removed::Moved(next) => match trail.follow(&next)? {
                Leads::On => key = next,
                Leads::InACircle => return Ok(false),
            },
        }
    }
}
