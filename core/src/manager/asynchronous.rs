//! The manager over any storage, async.

use std::{
    cmp::Reverse,
    collections::HashSet,
    fmt,
    num::NonZeroUsize,
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::builder::{Built, ManagerBuilder};
use crate::{
    AnyStorage, AsyncSession, ClientInfo, Exchange, IntoStorage, MemoryStorage, Page, Realm, SessionId, SessionInfo,
    StorageError, StoreKey, Timestamp,
    observe::{EndReason, RefusalReason, Refused},
    session::{Config, LateEnd, Machine, Tags},
    storage::{Found, Swept},
};

/// How many more ids one request may present. A browser sends several cookies of one name if paths or domains differ.
const MAX_OTHERS: usize = 3;

/// Provides sessions over any storage: for actix, axum, tonic and the like. Cheap to clone.
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
    pub(super) storage: AnyStorage,
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

    /// A handle without a session, for integrations to return if there is no manager. Every use of it is an error with
    /// the text `why`. Its `destroy` logs `why`.
    #[must_use]
    pub fn detached_session(why: &'static str) -> AsyncSession {
        static EMPTY: OnceLock<AsyncManager> = OnceLock::new();
        let manager = EMPTY.get_or_init(|| Self::new(MemoryStorage::builder().sweep_interval(Duration::MAX).build()));
        manager.session_of(Machine::detached(why))
    }

    // Inlined, so that the machine is built in the session instead of being copied there.
    #[inline(always)]
    fn session_of(&self, machine: Machine) -> AsyncSession {
        AsyncSession::new(self.storage.clone(), Arc::clone(&self.config), machine, self.late.clone())
    }

    /// Begins a request whose client presented these texts as ids (GoFrame's `Manager.New`). The storage is not touched
    /// before the session is used.
    ///
    /// If there are several texts, such as cookies of one name, the first that opens a live session counts, so neither
    /// a malformed text nor a dead or renewed id hides a good one. At most four that can be ids are tried. `client` is
    /// called only if none can be an id. An id that is unknown, ended or malformed counts as no id; it is never adopted
    /// ([S6](crate::design#s6)).
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
        if malformed {
            self.storage.observers().refused(&Refused { key: None, reason: RefusalReason::Malformed });
        }
        let client = if id.is_some() { ClientInfo::default() } else { client() };
        Exchange::new(self.session_of(Machine::new(id, others, malformed, client, self.now())))
    }

    /// A manager of the same storage and settings, with ids valid in this [`Realm`] ([S13](crate::design#s13)). Use it
    /// to open the sessions of a middleware elsewhere, for example in a TCP server.
    #[must_use]
    pub fn in_realm(&self, name: &str) -> Self {
        let mut config = Config::clone(&self.config);
        config.keys.realm = Some(Realm::new(name));
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// Calls `end` for each `destroy` that comes after the end of its request, or could not be carried out by then
    /// ([S9](crate::design#s9)). `end` gets the session, and must call its [`save`](AsyncSession::save). For
    /// integrations, which may do that in the background.
    #[must_use]
    pub fn end_late_with(mut self, end: impl Fn(AsyncSession) + Send + Sync + 'static) -> Self {
        self.late = Some(Arc::new(end));
        self
    }

    /// Sessions of another library are taken over. Their end is lifted at a login.
    #[cfg(feature = "import")]
    pub(crate) fn taking_over(mut self) -> Self {
        Arc::make_mut(&mut self.config).takes_over = true;
        self
    }

    /// How the storage names sessions.
    #[cfg(feature = "import")]
    pub(crate) fn key_scheme(&self) -> crate::KeyScheme {
        self.config.keys.scheme
    }

    /// The key under which the storage keeps the session that `id` opens here.
    #[must_use]
    pub fn key_of(&self, id: &SessionId) -> StoreKey {
        self.config.keys.key_of(id)
    }

    /// Whether a text from a client can be an id at all.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        self.config.parse(text).is_ok()
    }

    /// Lists the live sessions of a principal, most recently used first (ASVS 7.5.2), in all [realms](Realm) of the storage.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage fails or cannot list sessions.
    pub async fn sessions_of(&self, principal: &str) -> Result<Vec<(StoreKey, SessionInfo)>, StorageError> {
        let now = self.now();
        Ok(self.listed(self.storage.find(principal, now).await?, now))
    }

    /// Lists at most `most` of the live sessions of a principal, in the order of their keys, from the first or after the key
    /// [`next`](Page::next) of the page before: for accounts with thousands of sessions. Only the sessions of the page are
    /// read. [`Page`] tells what such a walk sees while sessions come and go.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    /// use gsession::{AsyncManager, ClientInfo, MemoryStorage};
    ///
    /// const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
    ///
    /// # futures::executor::block_on(async {
    /// let manager = AsyncManager::new(MemoryStorage::new());
    /// for _ in 0..5 {
    ///     manager.begin(None, ClientInfo::default).log_in("reports").await?;
    /// }
    /// let (mut sizes, mut after) = (Vec::new(), None);
    /// loop {
    ///     let page = manager.sessions_page("reports", after, TWO).await?;
    ///     sizes.push(page.sessions.len());
    ///     after = page.next;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(sizes, [2, 2, 1]);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`sessions_of`](Self::sessions_of).
    pub async fn sessions_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
    ) -> Result<Page<(StoreKey, SessionInfo)>, StorageError> {
        let page = Page::read(&self.storage, &self.config, principal, after, most).await?;
        Ok(page.map(|found| (found.key, SessionInfo::of(&found.record))))
    }

    /// Ends every session of a principal, except the one with the id `except`, or an older id of it. Returns how many
    /// ended (ASVS 7.4.2, 7.4.5). For operators and background jobs. A handler that ends its own user's sessions calls
    /// [`destroy_everywhere`](AsyncSession::destroy_everywhere) on its session, so that the session knows.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage fails or cannot list sessions. Some sessions may already have ended.
    pub async fn destroy_all_of(&self, principal: &str, except: Option<&SessionId>) -> Result<u64, StorageError> {
        let now = self.now();
        let listed = self.storage.find(principal, now).await?;
        // The excepted session may have been renewed, and be listed under its new key.
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

    /// Lists the live sessions whose logins had this [tag](crate::Login::tag), most recently used first. It reads the sessions of the
    /// principals that have logged in with the tag, and nobody else's.
    ///
    /// Only sessions that are read are known to be in use. One that is only written to, without being read, for three idle timeouts
    /// on end is no longer found.
    ///
    /// ```
    /// use gsession::{AsyncManager, ClientInfo, Login, MemoryStorage};
    ///
    /// # futures::executor::block_on(async {
    /// let manager = AsyncManager::new(MemoryStorage::new());
    /// let sid = "08a5019c-17e1-4977"; // from the ID token
    /// manager.begin(None, ClientInfo::default).log_in(Login::new("ada").tag(sid)).await?;
    /// let (key, info) = manager.sessions_tagged(sid).await?.remove(0);
    /// assert_eq!(info.principal.as_deref(), Some("ada"));
    /// # let _ = key;
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage fails, cannot list sessions or, as with GoFrame's formats, cannot keep tags.
    pub async fn sessions_tagged(&self, tag: &str) -> Result<Vec<(StoreKey, SessionInfo)>, StorageError> {
        let now = self.now();
        Ok(self.listed(Tags::new(&self.storage, &self.config).sessions(tag).await?, now))
    }

    /// Ends every session whose login had this [tag](crate::Login::tag), even if it was renewed since. Returns how many ended. For the
    /// Back-Channel Logout of OpenID Connect; the repository has an example, `backchannel_logout`.
    ///
    /// A login that is not stored yet when this is called is not ended.
    ///
    /// # Errors
    ///
    /// Same as [`sessions_tagged`](Self::sessions_tagged). Some sessions may already have ended.
    pub async fn destroy_all_tagged(&self, tag: &str) -> Result<u64, StorageError> {
        let mut ended = 0;
        for found in Tags::new(&self.storage, &self.config).sessions(tag).await? {
            ended += u64::from(self.destroy(found.key).await?);
        }
        Ok(ended)
    }

    /// Those that live, most recently used first.
    fn listed(&self, found: Vec<Found>, now: Timestamp) -> Vec<(StoreKey, SessionInfo)> {
        let living = found.into_iter().filter(|found| !self.config.lifetime.is_over(&found.record, now));
        let mut sessions: Vec<_> = living.map(|found| (found.key, SessionInfo::of(&found.record))).collect();
        sessions.sort_by_key(|(_, info)| Reverse(info.last_seen));
        sessions
    }

    /// Ends the session under a key, even if it was renewed since. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage fails. The session may then still exist.
    pub async fn destroy(&self, key: StoreKey) -> Result<bool, StorageError> {
        self.storage.end(key, EndReason::Operator).await
    }

    /// Removes expired sessions now, for storages that do not do so themselves.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage fails.
    pub async fn sweep(&self) -> Result<Swept, StorageError> {
        let swept = self.storage.sweep(self.now()).await?;
        self.storage.observers().swept(swept);
        Ok(swept)
    }

    /// The time by the manager's clock, which sets the deadlines of its sessions.
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
