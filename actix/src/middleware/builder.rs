//! The middleware's settings.

use std::{sync::Arc, time::Duration};

use actix_web::http::header::HeaderName;
use gsession::{AsyncManager, AsyncStorage, Clock, IdGenerator, Limits, ManagerBuilder};

use super::{SHUTDOWN_TIMEOUT, SessionMiddleware, Setup};
use crate::{ConfigError, CookieMaxAge, SameSite, cookie::CookieAttributes, endings::Endings, transport::Transport};

/// Headers with a meaning of their own, which the session's would overwrite in responses or misread in requests.
const TAKEN: [&str; 12] = [
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "host",
    "location",
    "set-cookie",
    "transfer-encoding",
    "upgrade",
    "vary",
];

/// Settings of a [`SessionMiddleware`].
///
/// ```
/// use std::time::Duration;
/// use gsession::MemoryStorage;
/// use gsession_actix::{SameSite, SessionMiddleware};
///
/// let sessions = SessionMiddleware::builder(MemoryStorage::new())
///     .cookie_same_site(SameSite::Strict)
///     .idle_timeout(Duration::from_secs(30 * 60))
///     .absolute_lifetime(Duration::from_secs(12 * 60 * 60))
///     .build()?;
/// # let _ = sessions;
///
/// // Settings that contradict each other are refused here, not by the browser later.
/// let refused = SessionMiddleware::builder(MemoryStorage::new()).cookie_name("__Host-sid").cookie_domain("example.org").build();
/// assert!(refused.is_err());
/// # Ok::<(), gsession_actix::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct SessionMiddlewareBuilder {
    manager: ManagerBuilder<AsyncManager>,
    cookie: CookieAttributes,
    cookie_input: bool,
    cookie_output: bool,
    header: Option<String>,
    realm: Option<String>,
    shutdown_timeout: Duration,
}

impl SessionMiddlewareBuilder {
    pub(super) fn new(storage: impl AsyncStorage + 'static) -> Self {
        Self {
            manager: AsyncManager::builder(storage),
            cookie: CookieAttributes::default(),
            cookie_input: true,
            cookie_output: true,
            header: None,
            realm: None,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
        }
    }

    /// The cookie's name (GoFrame's `SessionIdName`). Default: `__Host-gsession`, or `gsession` if the other settings forbid
    /// the prefix.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = Some(name.into());
        self
    }

    /// Whether browsers send the cookie over HTTPS only. Default: yes (ASVS 3.3.1).
    ///
    /// `false` is the one setting that development over plain HTTP needs; the cookie is then called `gsession`.
    pub const fn cookie_secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self
    }

    /// On which requests from other sites the cookie is sent. Default: [`SameSite::Lax`].
    pub const fn cookie_same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self
    }

    /// Sends the cookie to the subdomains of `domain` too. Default: only to the host that set it.
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.cookie.domain = Some(domain.into());
        self
    }

    /// Sends the cookie only below `path`. Default: `/`.
    pub fn cookie_path(mut self, path: impl Into<String>) -> Self {
        self.cookie.path = path.into();
        self
    }

    /// How long the browser keeps the cookie: a [`CookieMaxAge`] or a [`Duration`] (GoFrame's `SessionCookieMaxAge`).
    /// Default: until it is closed. Zero: likewise. More than 400 days count as 400 days.
    pub fn cookie_max_age(mut self, age: impl Into<CookieMaxAge>) -> Self {
        self.cookie.max_age = age.into();
        self
    }

    /// Whether cookies are set (GoFrame's `SessionCookieOutput`). Default: yes. Without, a header must carry the id.
    pub const fn cookie_output(mut self, output: bool) -> Self {
        self.cookie_output = output;
        self
    }

    /// Accepts the id in a header of this name too, and answers such clients in the same header. A client that presents
    /// nothing gets its id both ways. Default: cookie only.
    ///
    /// Scripts of the page can read that header, other than an `HttpOnly` cookie.
    pub fn header_name(mut self, name: impl Into<String>) -> Self {
        self.header = Some(name.into());
        self
    }

    /// Uses a header of this name instead of a cookie, which is then neither read nor set. For clients that are not
    /// browsers.
    pub fn header_only(mut self, name: impl Into<String>) -> Self {
        self.cookie_input = false;
        self.header_name(name)
    }

    /// A session ends when it has not been used for so long. Default: 24 hours, as GoFrame (`SessionMaxAge`).
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.manager = self.manager.idle_timeout(timeout);
        self
    }

    /// A session ends so long after it was created, however much it is used. Default: never.
    pub fn absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.manager = self.manager.absolute_lifetime(lifetime);
        self
    }

    /// Activity within this time of the last is not stored again. Default: a twentieth of the idle timeout, at most a
    /// minute.
    pub fn touch_interval(mut self, interval: Duration) -> Self {
        self.manager = self.manager.touch_interval(interval);
        self
    }

    /// What one session may hold. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.manager = self.manager.limits(limits);
        self
    }

    /// Where new ids come from. Default: [`HashedIds`](gsession::HashedIds).
    pub fn id_generator(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.manager = self.manager.id_generator(ids);
        self
    }

    /// The clock. Default: the system's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.manager = self.manager.clock(clock);
        self
    }

    /// Where the ids of this middleware are valid; see [`Realm`](gsession::Realm). Default: the name of the cookie, or of the
    /// header if there is no cookie, so an id from the shop's cookie opens nothing in the admin area's (S13).
    ///
    /// Set it to the same name for two middlewares with different names that share their sessions, or before renaming a cookie.
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.realm = Some(name.into());
        self
    }

    /// How long a stopping server waits for logouts whose clients have left. Default: 30 seconds, as
    /// [`HttpServer::shutdown_timeout`](actix_web::HttpServer::shutdown_timeout); give both the same value.
    ///
    /// The server drops the middleware when it stops, and dropping it waits. Whoever keeps it in a `static` has no such wait.
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Checks the settings and makes the middleware.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if settings contradict each other or cannot work, so that no browser would accept the cookie or no
    /// session could live.
    pub fn build(self) -> Result<SessionMiddleware, ConfigError> {
        let header = match self.header {
            Some(name) => match HeaderName::try_from(&name) {
                // Headers with a meaning of their own would be overwritten in responses.
                Ok(header) if !TAKEN.contains(&header.as_str()) => Some(header),
                _ => return Err(ConfigError::HeaderName(name)),
            },
            None => None,
        };
        if header.is_none() && !self.cookie_output {
            return Err(ConfigError::NoWayOut);
        }
        let cookie = self.cookie.check()?;
        let transport = Transport {
            cookie: self.cookie_input.then_some(cookie),
            cookie_output: self.cookie_output && self.cookie_input,
            header,
        };
        let realm = self.realm.as_deref().unwrap_or_else(|| transport.realm());
        let manager = self.manager.realm(realm).build()?;
        let endings = Endings::new(self.shutdown_timeout);
        Ok(SessionMiddleware { setup: Setup { manager, transport: Arc::new(transport), endings } })
    }
}
