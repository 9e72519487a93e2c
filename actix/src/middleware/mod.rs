//! The middleware: settings, service, and the end of a request.

mod finish;
mod service;

use gsession::{
    AsyncManager, IntoStorage, StorageError,
    http::{self, ConfigError, Configured, ServiceSettings, Transport},
};

use crate::extension::Service;

pub use service::SessionMiddlewareService;

/// Gives every request a session. Build it once, outside the closure that creates the `App`, and clone it into each.
///
/// ```
/// use actix_web::App;
/// use gsession::MemoryStorage;
/// use gsession_actix::SessionMiddleware;
///
/// let sessions = SessionMiddleware::new(MemoryStorage::new());
/// let app = App::new().wrap(sessions.clone());
/// # let _ = app;
/// ```
///
/// The same middleware applied twice, to the `App` and to a scope in it, counts once. Two different ones need different
/// names: with the same name, each would mistake the other's ids for its own. Every request through both then gets a
/// 500, and the log explains why.
///
/// # Caches
///
/// A response whose handler used the session varies by what carries the id: `Vary: Cookie`, or the header's name. A
/// response that gives the client an id, or removes it, gets `Cache-Control: no-store`, unless the handler set a
/// `Cache-Control` of its own (ASVS 14.3.2).
///
/// What the handler set stays, even `public` next to the session's cookie. A shared cache may then store the response
/// with its `Set-Cookie` line, which does not keep a response out of caches (RFC 9111 7.3). `Vary` hardly helps: all
/// visitors without a cookie look the same to the cache, so it would give them all the same session. So use `public`
/// only where the handler does not use the session. For the pages of logged-in users, use
/// [`no_store_when_logged_in`](SessionMiddlewareBuilder::no_store_when_logged_in).
#[derive(Debug, Clone)]
pub struct SessionMiddleware {
    sessions: Service,
}

impl Drop for SessionMiddleware {
    /// Waits for logouts whose clients have left, up to the
    /// [`shutdown_timeout`](SessionMiddlewareBuilder::shutdown_timeout). The server drops its middleware when it stops.
    fn drop(&mut self) {
        self.sessions.wait_for_logouts();
    }
}

/// The settings of a [`SessionMiddleware`]: where ids travel, and how long sessions live.
pub type SessionMiddlewareBuilder = http::Builder<SessionMiddleware>;

impl SessionMiddleware {
    /// Sessions in `storage` with the default settings: a cookie `__Host-Http-gsession` with `Secure`, `HttpOnly`,
    /// `SameSite=Lax` and `Path=/`, kept until the browser is closed. Sessions end after 24 hours without use.
    ///
    /// Browsers ignore such a cookie over plain HTTP, but some accept it on `localhost`: see
    /// [`cookie_secure`](SessionMiddlewareBuilder::cookie_secure).
    #[must_use]
    pub fn new(storage: impl IntoStorage) -> Self {
        Self { sessions: Service::new(storage) }
    }

    /// Other settings. [`build`](http::Builder::build) rejects those that contradict each other.
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
    /// # Ok::<(), gsession_actix::ConfigError>(())
    /// ```
    pub fn builder(storage: impl IntoStorage) -> SessionMiddlewareBuilder {
        http::Builder::new(ServiceSettings::new(storage))
    }

    /// The manager of the sessions: for listing and ending a user's sessions, and for sessions outside requests.
    #[must_use]
    pub fn manager(&self) -> &AsyncManager {
        self.sessions.manager()
    }

    /// Whether sessions can be stored and read now, for an endpoint that says whether this instance is ready.
    ///
    /// ```
    /// use actix_web::{App, HttpResponse, web};
    /// use gsession::MemoryStorage;
    /// use gsession_actix::SessionMiddleware;
    ///
    /// async fn ready(sessions: web::Data<SessionMiddleware>) -> HttpResponse {
    ///     match sessions.check().await {
    ///         Ok(()) => HttpResponse::Ok().finish(),
    ///         Err(error) => {
    ///             eprintln!("not ready: {error}: {:?}", std::error::Error::source(&error));
    ///             HttpResponse::ServiceUnavailable().finish()
    ///         }
    ///     }
    /// }
    ///
    /// let sessions = SessionMiddleware::new(MemoryStorage::new());
    /// let data = web::Data::new(sessions.clone());
    /// let app = App::new().app_data(data).route("/ready", web::get().to(ready)).wrap(sessions);
    /// # let _ = app;
    /// ```
    ///
    /// - **Readiness, not liveness.** While the storage is down, a load balancer should send requests elsewhere, or show its own error page.
    ///   A restart of the service does not help, so a liveness probe must not call this: an outage of Redis would then restart every
    ///   instance, over and over.
    /// - **All instances share a storage**, so an outage makes all of them unready at once. If some pages work without sessions, it may
    ///   be better to stay ready and watch the outcome of this.
    /// - **Cost**: see [`AsyncManager::check`]. A probe every few seconds from each instance is nothing to notice. Do not leave the
    ///   endpoint open to the world: each call writes to the storage.
    /// - The request itself uses no session, so it costs no further operation and gets no cookie.
    ///
    /// # Errors
    ///
    /// [`StorageError`] whose source names the reason, with addresses and paths, without secrets.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.manager().check().await
    }
}

impl Configured for SessionMiddleware {
    type Settings = ServiceSettings;

    fn configured(transport: Transport, settings: ServiceSettings) -> Result<Self, ConfigError> {
        Ok(Self { sessions: Service::configured(transport, settings)? })
    }
}
