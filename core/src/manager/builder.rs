//! The settings of a manager.

use std::{marker::PhantomData, num::NonZeroUsize, sync::Arc, time::Duration};

use crate::{
    AnyStorage, AtLimit, Clock, ConfigError, GoFrameIds, HashedIds, IdGenerator, KeyScheme, Limits, Realm, SystemClock,
    id::Keys,
    session::{Config, Lifetime, SessionLimit},
};

/// Settings of a [`Manager`](crate::Manager) or an [`AsyncManager`](crate::AsyncManager).
///
/// ```
/// use std::time::Duration;
/// use gsession::{Manager, MemoryStorage};
///
/// let manager = Manager::builder(MemoryStorage::new())
///     .idle_timeout(Duration::from_secs(30 * 60))
///     .absolute_lifetime(Duration::from_secs(12 * 60 * 60))
///     .build()?;
/// # let _ = manager;
/// # Ok::<(), gsession::ConfigError>(())
/// ```
#[must_use]
pub struct ManagerBuilder<M> {
    storage: AnyStorage,
    idle_timeout: Duration,
    absolute_lifetime: Option<Duration>,
    touch_interval: Option<Duration>,
    limits: Limits,
    ids: Option<Arc<dyn IdGenerator>>,
    clock: Arc<dyn Clock>,
    realm: Option<Realm>,
    max_sessions: Option<(usize, AtLimit)>,
    kind: PhantomData<M>,
}

/// A manager type, built from a storage and valid settings.
pub(crate) trait Built: Sized {
    fn from_parts(storage: AnyStorage, config: Config) -> Self;
}

#[allow(private_bounds, reason = "users cannot add manager types")]
impl<M: Built> ManagerBuilder<M> {
    pub(super) fn new(storage: AnyStorage) -> Self {
        Self {
            storage,
            idle_timeout: Lifetime::DEFAULT_IDLE,
            absolute_lifetime: None,
            touch_interval: None,
            limits: Limits::default(),
            ids: None,
            clock: Arc::new(SystemClock),
            realm: None,
            max_sessions: None,
            kind: PhantomData,
        }
    }

    /// Ends a session when it has not been used for this long. Default: 24 hours, as in GoFrame (ASVS 7.3.1). A session can be
    /// [remembered](crate::Login::remember_for) for longer or shorter.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Ends a session this long after its creation, however much it is used. Default: never. ASVS 7.3.2 asks for a
    /// limit that fits the application. A [remembered](crate::Login::remember_for) session has a limit of its own.
    pub const fn absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.absolute_lifetime = Some(lifetime);
        self
    }

    /// Activity within this time of the last stored activity is not stored, so a session may end up to that much before
    /// its idle timeout. Default: a twentieth of the idle timeout, at most a minute. More than half the idle timeout
    /// counts as half.
    pub const fn touch_interval(mut self, interval: Duration) -> Self {
        self.touch_interval = Some(interval);
        self
    }

    /// Limits the size of a session. Default: [`Limits::default`]. A limit of 0 rejects every write it applies to with
    /// a [`LimitExceeded`](crate::LimitExceeded).
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The generator of new ids. Default: [`HashedIds`], or [`GoFrameIds`] for a storage in GoFrame's format.
    pub fn id_generator(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.ids = Some(Arc::new(ids));
        self
    }

    /// The clock. Default: the system clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where the ids of these sessions are valid: an id of another [`Realm`] opens nothing here, even if both share a
    /// storage ([S13](crate::design#s13)). Default: no realm, which is separate from every realm. The actix middleware
    /// sets it.
    ///
    /// If you change the realm, everyone is logged out: existing sessions are no longer found. A storage in GoFrame's
    /// formats ignores the realm.
    pub fn realm(mut self, name: &str) -> Self {
        self.realm = Some(Realm::new(name));
        self
    }

    /// How many sessions a user may have at most, and what happens to one more (ASVS 7.1.2). It applies to logins by
    /// [`log_in`](crate::AsyncSession::log_in), exactly, also when they overlap; sessions of all realms count. Default: no limit.
    ///
    /// ```
    /// use gsession::{AtLimit, Manager, MemoryStorage};
    ///
    /// let manager = Manager::builder(MemoryStorage::new()).max_sessions(3, AtLimit::EndOldest).build()?;
    /// # let _ = manager;
    /// # Ok::<(), gsession::ConfigError>(())
    /// ```
    pub const fn max_sessions(mut self, most: usize, at: AtLimit) -> Self {
        self.max_sessions = Some((most, at));
        self
    }

    /// Checks the settings and builds the manager.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the idle timeout or the absolute lifetime is shorter than a millisecond, or a user may have no
    /// session. Durations beyond the
    /// calendar are allowed and never end.
    pub fn build(self) -> Result<M, ConfigError> {
        const SHORTEST: Duration = Duration::from_millis(1);
        if self.idle_timeout < SHORTEST {
            return Err(ConfigError::IdleTimeoutTooShort);
        }
        if self.absolute_lifetime.is_some_and(|lifetime| lifetime < SHORTEST) {
            return Err(ConfigError::AbsoluteLifetimeTooShort);
        }
        if matches!(self.max_sessions, Some((0, _))) {
            return Err(ConfigError::NoSessions);
        }
        Ok(self.build_default())
    }

    /// Builds the manager from settings known to be valid.
    pub(super) fn build_default(self) -> M {
        let touch_interval = self.touch_interval.unwrap_or_else(|| Lifetime::default_touch_interval(self.idle_timeout));
        // Otherwise a user who is always active would be logged out.
        let touch_interval = touch_interval.min(self.idle_timeout / 2);
        let lifetime = Lifetime { idle_timeout: self.idle_timeout, absolute: self.absolute_lifetime, touch_interval };
        let keys = Keys { scheme: self.storage.key_scheme(), realm: self.realm };
        let ids = self.ids.unwrap_or_else(|| default_ids(keys.scheme));
        let limit = |(most, at)| Some(SessionLimit { most: NonZeroUsize::new(most)?, at });
        let session_limit = self.max_sessions.and_then(limit);
        let config = Config { lifetime, limits: self.limits, ids, clock: self.clock, keys, session_limit };
        M::from_parts(self.storage, config)
    }
}

impl<M> std::fmt::Debug for ManagerBuilder<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManagerBuilder")
            .field("idle_timeout", &self.idle_timeout)
            .field("absolute_lifetime", &self.absolute_lifetime)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The id generator that fits how a storage names sessions.
fn default_ids(keys: KeyScheme) -> Arc<dyn IdGenerator> {
    match keys {
        KeyScheme::Hashed => Arc::new(HashedIds::new()),
        KeyScheme::RawIds => Arc::new(GoFrameIds),
    }
}
