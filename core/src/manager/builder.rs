//! The settings of a manager.

use std::{marker::PhantomData, num::NonZeroUsize, sync::Arc, time::Duration};

use crate::{
    AnyStorage, AtLimit, Clock, ConfigError, GoFrameIds, HashedIds, IdGenerator, KeyScheme, Limits, Realm, SystemClock,
    id::Keys,
    observe::Observer,
    session::{Config, Lifetime, OnReuse, Rotation, SessionLimit},
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
    rotation: Rotation,
    observers: Vec<Arc<dyn Observer>>,
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
            rotation: Rotation::default(),
            observers: Vec::new(),
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

    /// Replaces the id of a session after this long in use (RFC 9700 4.14). By default, an id changes only on
    /// [`renew`](crate::AsyncSession::renew) and [`log_in`](crate::AsyncSession::log_in). The minimum is a millisecond, and three times
    /// the [grace period](Self::rotation_grace).
    ///
    /// The session stays where it is, and nobody is logged out ([S15](crate::design#s15)):
    ///
    /// - The previous id counts until its grace period is over, and that begins only when the client uses the new id. So a lost response logs
    ///   nobody out, however late the client comes back. As long as a client sends the previous id, responses bring the new one.
    /// - Of overlapping requests, one rotates the id. The other responses carry the same new id.
    ///
    /// An older id opens nothing, and [`on_reuse`](Self::on_reuse) says what else happens. That finds thieves who use a stolen id later: one
    /// from a backup, a log, or a copy of the browser's data. A thief who keeps sending requests gets the new id as the user does, and can
    /// renew the session while the stolen id counts. Against those, log users in [anew](crate::AsyncSession::require_recent).
    ///
    /// The end of a request that reads its session rotates the id, if that is due, in one write. The first request that reads with the new id
    /// notes that it is in use, in another one. [Passive](crate::AsyncSession::set_passive) requests rotate nothing. Otherwise rotation costs
    /// two small entries to read:
    ///
    /// | a request that | costs besides |
    /// |---|---|
    /// | reads | nothing |
    /// | writes without reading | nothing; on Redis strings, one command |
    /// | renews or logs in without reading | one read |
    /// | sends the previous id | one touch |
    ///
    /// A persistent cookie is refreshed only by requests that read their session.
    ///
    /// A rotated id is longer: `~~` and 22 characters follow. Builds that do not know rotation reject such ids, so update all instances of a
    /// service before you turn it on. If you later turn it off, rotated ids stay valid, but ids that have never rotated are no longer
    /// checked. Two clients cannot share one id, because only one of them would learn the next. Do not derive anything from
    /// [`id`](crate::AsyncSession::id), such as a CSRF token: use [`key`](crate::AsyncSession::key).
    ///
    /// ```
    /// use std::time::Duration;
    /// use gsession::{Manager, MemoryStorage};
    ///
    /// let manager = Manager::builder(MemoryStorage::new()).rotate_every(Duration::from_secs(15 * 60)).build()?;
    /// # let _ = manager;
    /// # Ok::<(), gsession::ConfigError>(())
    /// ```
    #[doc(alias = "regenerate")]
    pub const fn rotate_every(mut self, period: Duration) -> Self {
        self.rotation.every = Some(period);
        self
    }

    /// How long the previous id still counts after the first use of the [new one](Self::rotate_every): for other tabs, prefetches and
    /// requests on their way. Default: 60 seconds. A request that takes longer is served, too, since what counts is when it arrived,
    /// but its response does not bring the new id. So let the grace period be longer than ordinary requests take.
    ///
    /// An id that was stolen before a rotation opens the session for this long, too.
    pub const fn rotation_grace(mut self, grace: Duration) -> Self {
        self.rotation.grace = grace;
        self
    }

    /// What happens when an id from before a [rotation](Self::rotate_every) is used after its grace period: somebody has stolen it, or has
    /// stolen the new one while the user still has this one. Default: [`OnReuse::EndSession`]. Either is logged at the level `warn`.
    ///
    /// Two accidents look the same. A browser that crashes soon after a rotation may come back with the previous id, because browsers write
    /// their cookies to disk only every half minute or so; its user is logged out unless the grace period is still running. And a storage may
    /// lose the last rotation: an asynchronous failover of Redis, or a power failure with files that are not
    /// [durable](crate::storage::file::FileStorageBuilder).
    pub const fn on_reuse(mut self, on_reuse: OnReuse) -> Self {
        self.rotation.on_reuse = on_reuse;
        self
    }

    /// Tells this observer what happens to the sessions of this manager, and what its storage does by itself: see
    /// [`observe`](crate::observe). Call it once for each observer. Default: nobody is told, and nothing is timed.
    ///
    /// If several managers share a storage, give the same `Arc` to all of them: then the observer is told once what the storage does.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use gsession::{Manager, MemoryStorage, observe::{Observer, SessionEnded}};
    ///
    /// struct Audit;
    ///
    /// impl Observer for Audit {
    ///     fn session_ended(&self, event: &SessionEnded) {
    ///         println!("{:?}: {}", event.key, event.reason.as_str());
    ///     }
    /// }
    ///
    /// let manager = Manager::builder(MemoryStorage::new()).observer(Arc::new(Audit)).build()?;
    /// # let _ = manager;
    /// # Ok::<(), gsession::ConfigError>(())
    /// ```
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// Checks the settings and builds the manager.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the idle timeout or the absolute lifetime is shorter than a millisecond, a user may have no session, or ids
    /// rotate too often, or cannot rotate in this storage. Durations beyond the calendar are allowed and
    /// never end.
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
        match self.rotation.every {
            Some(period) if period < SHORTEST || period < self.rotation.grace.saturating_mul(3) => {
                return Err(ConfigError::RotationTooOften);
            }
            Some(_) if self.storage.key_scheme() == KeyScheme::RawIds => return Err(ConfigError::RotationUnsupported),
            _ => {}
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
        let config = Config {
            lifetime,
            limits: self.limits,
            ids,
            clock: self.clock,
            keys,
            session_limit,
            #[cfg(feature = "import")]
            takes_over: false,
            rotation: self.rotation,
        };
        M::from_parts(self.storage.observed_by(self.observers), config)
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
