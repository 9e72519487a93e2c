//! The settings of a middleware's sessions.

use std::time::Duration;

use super::{Builder, Configured};
use crate::{
    AsyncManager, Clock, IdGenerator, IntoStorage, Limits, ManagerBuilder,
    http::{ConfigError, Transport},
};

/// What a middleware can be told besides how ids travel: the settings of its sessions.
#[derive(Debug)]
#[must_use]
pub struct ServiceSettings {
    manager: ManagerBuilder<AsyncManager>,
    realm: Option<String>,
    shutdown_timeout: Duration,
}

impl ServiceSettings {
    /// The default of [`shutdown_timeout`](Builder::shutdown_timeout), as actix-web's own: 30 seconds.
    pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

    /// The default settings over a storage.
    pub fn new(storage: impl IntoStorage) -> Self {
        Self { manager: AsyncManager::builder(storage), realm: None, shutdown_timeout: Self::SHUTDOWN_TIMEOUT }
    }

    /// The manager of sessions that travel by `transport`, and the [shutdown timeout](Builder::shutdown_timeout).
    ///
    /// # Errors
    ///
    /// [`ConfigError::Lifetime`] if no session could live.
    pub fn build(self, transport: &Transport) -> Result<(AsyncManager, Duration), ConfigError> {
        let realm = self.realm.as_deref().unwrap_or_else(|| transport.realm());
        Ok((self.manager.realm(realm).build()?, self.shutdown_timeout))
    }
}

/// The settings of a middleware's sessions.
impl<T: Configured<Settings = ServiceSettings>> Builder<T> {
    /// A session ends after this long without use. Default: 24 hours, as GoFrame (`SessionMaxAge`).
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.further.manager = self.further.manager.idle_timeout(timeout);
        self
    }

    /// A session ends this long after it was created, however often it is used. Default: never.
    pub fn absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.further.manager = self.further.manager.absolute_lifetime(lifetime);
        self
    }

    /// How often activity is stored: not again within this time. Default: a twentieth of the idle timeout, at most a minute.
    pub fn touch_interval(mut self, interval: Duration) -> Self {
        self.further.manager = self.further.manager.touch_interval(interval);
        self
    }

    /// What one session may hold. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.further.manager = self.further.manager.limits(limits);
        self
    }

    /// Where new ids come from. Default: [`HashedIds`](crate::HashedIds).
    pub fn id_generator(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.further.manager = self.further.manager.id_generator(ids);
        self
    }

    /// The clock. Default: the system's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.further.manager = self.further.manager.clock(clock);
        self
    }

    /// Where the ids of this middleware are valid; see [`Realm`](crate::Realm). Default: the name of the cookie, or of the
    /// header if there is no cookie, so an id from the shop's cookie opens nothing in the admin area's ([S13](crate::design#s13)).
    ///
    /// Give two middlewares the same realm to let them share sessions. Before you rename a cookie, set the realm to the old
    /// name.
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.further.realm = Some(name.into());
        self
    }

    /// How long a logout that could not be carried out at once is tried again in the background, and how long a stopping server
    /// waits for such logouts. Default: 30 seconds, as
    /// that of actix-web's `HttpServer`; give both the same value. With zero there is
    /// one try and no waiting; more than 24 hours count as 24 hours.
    ///
    /// The server drops the middleware when it stops, and dropping it waits, so do not drop clones in handlers. A middleware in
    /// a `static` is never dropped, so nothing waits for it.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.further.shutdown_timeout = timeout;
        self
    }
}
