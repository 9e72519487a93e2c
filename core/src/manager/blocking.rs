//! The manager over a blocking storage: the same methods, run to completion on the calling thread.

use std::num::NonZeroUsize;

use super::{
    AsyncManager,
    builder::{Built, ManagerBuilder},
};
use crate::{
    AnyStorage, ClientInfo, Exchange, Page, Session, SessionId, SessionInfo, Storage, StorageError, StoreKey,
    Timestamp, session::Config, storage::Swept, wait::wait,
};

/// Provides sessions over a blocking storage: for threads, TCP servers, command-line tools. Cheap to clone.
///
/// Each method does what the [`AsyncManager`] method of the same name does, and blocks where that one waits.
///
/// ```
/// use gsession::{ClientInfo, Manager, MemoryStorage};
///
/// let manager = Manager::new(MemoryStorage::new());
/// let session = manager.begin(None, ClientInfo::default);
/// assert_eq!(session.get::<String>("user")?, None);
/// # Ok::<(), gsession::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Manager(AsyncManager);

impl Manager {
    /// A manager with the default settings.
    #[must_use]
    pub fn new(storage: impl Storage + 'static) -> Self {
        Self(AsyncManager::new(AnyStorage::immediate(storage)))
    }

    /// A manager with other settings.
    pub fn builder(storage: impl Storage + 'static) -> ManagerBuilder<Self> {
        ManagerBuilder::new(AnyStorage::immediate(storage))
    }

    /// Begins a request whose client presented these texts as ids: see [`AsyncManager::begin`].
    #[must_use]
    pub fn begin<'a>(
        &self,
        presented: impl IntoIterator<Item = &'a str>,
        client: impl FnOnce() -> ClientInfo,
    ) -> Exchange<Session> {
        Exchange::new(Session::new(self.0.begin(presented, client).session().clone()))
    }

    /// A manager whose ids are valid in this realm: see [`AsyncManager::in_realm`].
    #[must_use]
    pub fn in_realm(&self, name: &str) -> Self {
        Self(self.0.in_realm(name))
    }

    /// The key under which the storage keeps the session that `id` opens here.
    #[must_use]
    pub fn key_of(&self, id: &SessionId) -> StoreKey {
        self.0.key_of(id)
    }

    /// Whether a text from a client can be an id at all.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        self.0.accepts(text)
    }

    /// Lists the live sessions of a principal: see [`AsyncManager::sessions_of`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncManager::sessions_of`].
    pub fn sessions_of(&self, principal: &str) -> Result<Vec<(StoreKey, SessionInfo)>, StorageError> {
        wait(self.0.sessions_of(principal))
    }

    /// Lists a part of the live sessions of a principal: see [`AsyncManager::sessions_page`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncManager::sessions_page`].
    pub fn sessions_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
    ) -> Result<Page<(StoreKey, SessionInfo)>, StorageError> {
        wait(self.0.sessions_page(principal, after, most))
    }

    /// Ends every session of a principal, except one if given: see [`AsyncManager::destroy_all_of`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncManager::destroy_all_of`].
    pub fn destroy_all_of(&self, principal: &str, except: Option<&SessionId>) -> Result<u64, StorageError> {
        wait(self.0.destroy_all_of(principal, except))
    }

    /// Lists the live sessions with a tag: see [`AsyncManager::sessions_tagged`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncManager::sessions_tagged`].
    pub fn sessions_tagged(&self, tag: &str) -> Result<Vec<(StoreKey, SessionInfo)>, StorageError> {
        wait(self.0.sessions_tagged(tag))
    }

    /// Ends every session with a tag: see [`AsyncManager::destroy_all_tagged`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncManager::destroy_all_tagged`].
    pub fn destroy_all_tagged(&self, tag: &str) -> Result<u64, StorageError> {
        wait(self.0.destroy_all_tagged(tag))
    }

    /// Ends the session under a key: see [`AsyncManager::destroy`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncManager::destroy`].
    pub fn destroy(&self, key: StoreKey) -> Result<bool, StorageError> {
        wait(self.0.destroy(key))
    }

    /// Removes expired sessions now: see [`AsyncManager::sweep`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncManager::sweep`].
    pub fn sweep(&self) -> Result<Swept, StorageError> {
        wait(self.0.sweep())
    }

    /// Counts the live sessions in the storage: see [`AsyncManager::count`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncManager::count`].
    pub fn count(&self) -> Result<u64, StorageError> {
        wait(self.0.count())
    }

    /// Whether the storage can store and read sessions now: see [`AsyncManager::check`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncManager::check`].
    pub fn check(&self) -> Result<(), StorageError> {
        wait(self.0.check())
    }

    /// The time by the manager's clock, which sets the deadlines of its sessions.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl Built for Manager {
    fn from_parts(storage: AnyStorage, config: Config) -> Self {
        Self(AsyncManager::from_parts(storage, config))
    }
}
