//! The manager over an async storage.

use std::{
    cmp::Reverse,
    collections::HashSet,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::builder::{Built, ManagerBuilder};
use crate::{
    AnyStorage, AsyncSession, ClientInfo, Exchange, IntoStorage, MemoryStorage, Realm, SessionId, SessionInfo,
    StorageError, StoreKey, Timestamp,
    session::{Config, LateEnd, Machine},
    storage::Swept,
};

/// Further ids that one request may present. A browser has several cookies of one name when paths or domains differ.
const MAX_OTHERS: usize = 3;

/// Gives out sessions over any storage: for actix, axum, tonic and the like. Cheap to clone.
///
/// ```
/// use gsession::{AsyncManager, ClientInfo, MemoryStorage};
///
/// # futures::executor::block_on(async {
/// let manager = AsyncManager::new(MemoryStorage::new());
/// let session = manager.begin(None, ClientInfo::default);
/// assert_eq!(session.get::<String>("user").await?, None);
/// # Ok::<(), gsession::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct AsyncManager {
    storage: AnyStorage,
    config: Arc<Config>,
    late: Option<Arc<LateEnd>>,
}

impl AsyncManager {
    /// A manager with the default settings.
    #[must_use]
    pub fn new(storage: impl IntoStorage) -> Self {
        Self::builder(storage).build_default()
    }

    /// A manager with other settings.
    pub fn builder(storage: impl IntoStorage) -> ManagerBuilder<Self> {
        ManagerBuilder::new(storage.into_storage())
    }

    /// A handle without a session, for integrations to hand out where there is no manager: every use of it is an error with the
    /// text `why`, and its `destroy` logs it.
    #[must_use]
    pub fn detached_session(why: &'static str) -> AsyncSession {
        static EMPTY: OnceLock<AsyncManager> = OnceLock::new();
        let manager = EMPTY.get_or_init(|| Self::new(MemoryStorage::builder().sweep_interval(Duration::MAX).build()));
        manager.session_of(Machine::detached(why))
    }

    #[inline]
    fn session_of(&self, machine: Machine) -> AsyncSession {
        AsyncSession::new(self.storage.clone(), Arc::clone(&self.config), machine, self.late.clone())
    }

    /// Begins a request whose client presented these texts as ids (GoFrame's `Manager.New`). Nothing is asked of the storage
    /// before the session is used.
    ///
    /// Of several texts, such as cookies of one name, the first under which a session lives counts, of at most four that can
    /// be ids, so that neither a malformed text nor a dead or renewed id hides a good one. `client` is called only if none can
    /// be an id. An id that is unknown, has ended or is malformed is as good as none; it is never adopted ([S6](crate::design#s6)).
    #[must_use]
    pub fn begin<'a>(
        &self,
        presented: impl IntoIterator<Item = &'a str>,
        client: impl FnOnce() -> ClientInfo,
    ) -> Exchange {
        let (mut malformed, mut id, mut others) = (false, None, Vec::new());
        for text in presented {
            match self.config.parse(text) {
                Ok(parsed) if id.is_none() => id = Some(parsed),
                Ok(parsed) if others.len() < MAX_OTHERS => others.push(parsed),
                Ok(_) => break,
                Err(_) => malformed = true,
            }
        }
        let client = if id.is_some() { ClientInfo::default() } else { client() };
        Exchange::new(self.session_of(Machine::new(id, others, malformed, client, self.now())))
    }

    /// A manager of the same storage with the same settings whose ids are valid in this [`Realm`] ([S13](crate::design#s13)): for sessions of an
    /// integration's middleware that are opened elsewhere, in a TCP server for example.
    #[must_use]
    pub fn in_realm(&self, name: &str) -> Self {
        let mut config = Config::clone(&self.config);
        config.keys.realm = Some(Realm::new(name));
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// Has `end` carry out each `destroy` that comes after the end of its request, or that could not be carried out by then
    /// ([S9](crate::design#s9)): for integrations, which may do it in the background. It gets the session, and calls its
    /// [`save`](AsyncSession::save).
    #[must_use]
    pub fn end_late_with(mut self, end: impl Fn(AsyncSession) + Send + Sync + 'static) -> Self {
        self.late = Some(Arc::new(end));
        self
    }

    /// The key under which the storage keeps the session that `id` opens here.
    #[must_use]
    pub fn key_of(&self, id: &SessionId) -> StoreKey {
        self.config.keys.key_of(id)
    }

    /// Whether a text that a client presents can be an id at all.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        self.config.parse(text).is_ok()
    }

    /// Lists the living sessions of a principal, newest activity first (ASVS 7.5.2).
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage failed or cannot list sessions.
    pub async fn sessions_of(&self, principal: &str) -> Result<Vec<(StoreKey, SessionInfo)>, StorageError> {
        let now = self.now();
        let found = self.storage.find(principal, now).await?;
        let living = found.into_iter().filter(|found| !self.config.lifetime.is_over(&found.record, now));
        let mut sessions: Vec<_> = living.map(|found| (found.key, SessionInfo::of(&found.record))).collect();
        sessions.sort_by_key(|(_, info)| Reverse(info.last_seen));
        Ok(sessions)
    }

    /// Ends every session of a principal, except one if given, by this or an older id; returns how many there were (ASVS
    /// 7.4.2, 7.4.5). For operators and background jobs: a handler that ends its own user's sessions calls
    /// [`destroy_everywhere`](AsyncSession::destroy_everywhere) on its session, which then knows about it.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage failed or cannot list sessions; some may have been ended then.
    pub async fn destroy_all_of(&self, principal: &str, except: Option<&SessionId>) -> Result<u64, StorageError> {
        let now = self.now();
        let listed = self.storage.find(principal, now).await?;
        // The one to spare may have been renewed meanwhile, and be listed under its new key.
        let mut spared = HashSet::new();
        let mut next = except.map(|id| self.config.keys.key_of(id));
        while let Some(key) = next.filter(|key| spared.insert(*key)) {
            next = self.storage.tombstone(&key, now).await?.map(|tombstone| tombstone.to);
        }
        let mut ended = 0;
        for found in listed {
            if !spared.contains(&found.key) {
                ended += u64::from(self.destroy(found.key).await?);
            }
        }
        Ok(ended)
    }

    /// Ends the session under a key, also if it has been renewed meanwhile; whether there was one.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage failed; the session may then still be there.
    pub async fn destroy(&self, key: StoreKey) -> Result<bool, StorageError> {
        self.storage.end(key).await
    }

    /// Removes expired sessions now, for storages that do not do it by themselves.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage failed.
    pub async fn sweep(&self) -> Result<Swept, StorageError> {
        self.storage.sweep(self.now()).await
    }

    /// The time by the manager's clock, to which the deadlines of its sessions relate.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.config.clock.now()
    }
}

impl Built for AsyncManager {
    fn from_parts(storage: AnyStorage, config: Config) -> Self {
        Self { storage, config: Arc::new(config), late: None }
    }
}

impl fmt::Debug for AsyncManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncManager")
            .field("lifetime", &self.config.lifetime)
            .field("limits", &self.config.limits)
            .finish_non_exhaustive()
    }
}
