//! The settings of a middleware's sessions.

use std::{sync::Arc, time::Duration};

use super::{Builder, Configured};
#[cfg(feature = "import")]
use crate::http::import::Import;
use crate::{
    AsyncManager, AtLimit, Clock, IdGenerator, IntoStorage, Limits, ManagerBuilder, OnReuse,
    http::{ConfigError, Transport},
    observe::Observer,
};

/// The settings of a middleware in addition to those of its transport: those of its sessions.
#[derive(Debug)]
#[must_use]
pub struct ServiceSettings {
    manager: ManagerBuilder<AsyncManager>,
    realm: Option<String>,
    shutdown_timeout: Duration,
    #[cfg(feature = "import")]
    pub(in crate::http) import: Option<Import>,
}

impl ServiceSettings {
    /// The default [`shutdown_timeout`](Builder::shutdown_timeout), the same as actix-web's: 30 seconds.
    pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

    /// The default settings over a storage.
    pub fn new(storage: impl IntoStorage) -> Self {
        Self {
            manager: AsyncManager::builder(storage),
            realm: None,
            shutdown_timeout: Self::SHUTDOWN_TIMEOUT,
            #[cfg(feature = "import")]
            import: None,
        }
    }

    /// The manager of sessions that travel by `transport`, and the [shutdown timeout](Builder::shutdown_timeout).
    ///
    /// # Errors
    ///
    /// [`ConfigError::Lifetime`] if every session would end at once, a user may have none, or the settings of the rotation are invalid.
    pub fn build(self, transport: &Transport) -> Result<(AsyncManager, Duration), ConfigError> {
        let realm = self.realm.as_deref().unwrap_or_else(|| transport.realm());
        Ok((self.manager.realm(realm).build()?, self.shutdown_timeout))
    }
}

/// The settings of a middleware's sessions.
impl<T: Configured<Settings = ServiceSettings>> Builder<T> {
    /// Ends a session when it has not been used for this long. Default: 24 hours, as in GoFrame (`SessionMaxAge`).
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.further.manager = self.further.manager.idle_timeout(timeout);
        self
    }

    /// Ends a session this long after its creation, however often it is used. Default: never.
    pub fn absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.further.manager = self.further.manager.absolute_lifetime(lifetime);
        self
    }

    /// Activity within this time of the last stored activity is not stored. Default: a twentieth of the idle timeout,
    /// at most a minute.
    pub fn touch_interval(mut self, interval: Duration) -> Self {
        self.further.manager = self.further.manager.touch_interval(interval);
        self
    }

    /// How many sessions a user may have at most, and what happens to one more: see
    /// [`ManagerBuilder::max_sessions`]. The user's sessions in other middlewares over the same storage count, too. Default: no
    /// limit.
    pub fn max_sessions(mut self, most: usize, at: AtLimit) -> Self {
        self.further.manager = self.further.manager.max_sessions(most, at);
        self
    }

    /// Replaces the id of a session after this long in use: see [`ManagerBuilder::rotate_every`]. Default: never.
    pub fn rotate_every(mut self, period: Duration) -> Self {
        self.further.manager = self.further.manager.rotate_every(period);
        self
    }

    /// How long the previous id still counts after the first use of a new one: see [`ManagerBuilder::rotation_grace`]. Default: 60
    /// seconds.
    pub fn rotation_grace(mut self, grace: Duration) -> Self {
        self.further.manager = self.further.manager.rotation_grace(grace);
        self
    }

    /// What happens when a previous id is used after its grace period: see [`ManagerBuilder::on_reuse`]. Default:
    /// [`OnReuse::EndSession`].
    pub fn on_reuse(mut self, on_reuse: OnReuse) -> Self {
        self.further.manager = self.further.manager.on_reuse(on_reuse);
        self
    }

    /// Limits the size of a session. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.further.manager = self.further.manager.limits(limits);
        self
    }

    /// The generator of new ids. Default: [`HashedIds`](crate::HashedIds).
    pub fn id_generator(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.further.manager = self.further.manager.id_generator(ids);
        self
    }

    /// Tells this observer what happens to these sessions: see [`ManagerBuilder::observer`]. Default: nobody is told.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.further.manager = self.further.manager.observer(observer);
        self
    }

    /// The clock. Default: the system clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.further.manager = self.further.manager.clock(clock);
        self
    }

    /// Where the ids of this middleware are valid: see [`Realm`](crate::Realm). Default: the name of the cookie, or of
    /// the header if there is no cookie. So an id from the shop's cookie opens nothing in the admin area's
    /// ([S13](crate::design#s13)).
    ///
    /// To let two middlewares share sessions, give them the same realm. Before you rename a cookie, set the realm to
    /// the old name.
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.further.realm = Some(name.into());
        self
    }

    /// How long a logout that could not be carried out at once is retried in the background, and how long a stopping
    /// server waits for such logouts. Default: 30 seconds, as in actix-web's `HttpServer`; give both the same value.
    /// With zero there is one try and no waiting. More than 24 hours count as 24 hours.
    ///
    /// | middleware | waits when |
    /// |---|---|
    /// | actix-web | it is dropped, as the server does when it stops. So do not drop clones in handlers. One in a `static` is never dropped, so nothing waits |
    /// | tower | you await `SessionLayer::shutdown` |
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.further.shutdown_timeout = timeout;
        self
    }

    /// Takes over the sessions of another library. Each is taken over once, when its browser comes: see [`import`](crate::http::import).
    /// Default: none. There can be one import; a second call replaces the first.
    #[cfg(feature = "import")]
    pub fn import_from(mut self, import: Import) -> Self {
        self.further.import = Some(import);
        self
    }
}
