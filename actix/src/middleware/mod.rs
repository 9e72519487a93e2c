//! The middleware: settings, service, and what happens at the end of a request.

mod builder;
mod finish;
mod service;

use std::{sync::Arc, time::Duration};

use gsession::{AsyncManager, AsyncStorage};

use crate::{cookie::CookieAttributes, endings::Endings, transport::Transport};

pub use builder::SessionMiddlewareBuilder;
pub use service::SessionMiddlewareService;

/// As actix-web's own default.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Gives every request a session. Build it once, outside the closure that makes the `App`, and clone it into each.
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
#[derive(Debug, Clone)]
pub struct SessionMiddleware {
    pub(crate) setup: Setup,
}

impl Drop for SessionMiddleware {
    /// Waits for logouts whose clients have left, up to the
    /// [`shutdown_timeout`](SessionMiddlewareBuilder::shutdown_timeout): the server drops its middleware when it stops.
    fn drop(&mut self) {
        self.setup.endings.wait();
    }
}

/// What the requests of a middleware share.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) manager: AsyncManager,
    pub(crate) transport: Arc<Transport>,
    pub(crate) endings: Endings,
}

impl SessionMiddleware {
    /// Sessions in `storage` with the default settings: a cookie `__Host-gsession` with `Secure`, `HttpOnly`, `SameSite=Lax`
    /// and `Path=/`, kept until the browser is closed; sessions end after 24 hours without use.
    ///
    /// Over plain HTTP browsers ignore such a cookie: see [`cookie_secure`](SessionMiddlewareBuilder::cookie_secure).
    #[must_use]
    pub fn new(storage: impl AsyncStorage + 'static) -> Self {
        // The default attributes are tested to be accepted; should they not be, the strictest fallback is no cookie at all.
        let cookie = CookieAttributes::default().check().ok();
        let transport = Transport { cookie, cookie_output: true, header: None };
        let manager = AsyncManager::new(storage).in_realm(transport.realm());
        Self { setup: Setup { manager, transport: Arc::new(transport), endings: Endings::new(SHUTDOWN_TIMEOUT) } }
    }

    /// Other settings.
    pub fn builder(storage: impl AsyncStorage + 'static) -> SessionMiddlewareBuilder {
        SessionMiddlewareBuilder::new(storage)
    }

    /// The manager behind the sessions: for listing and ending a user's sessions, and for sessions outside requests.
    #[must_use]
    pub const fn manager(&self) -> &AsyncManager {
        &self.setup.manager
    }
}
