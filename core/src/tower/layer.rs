//! The layer and its settings.

use std::{future::Future, net::SocketAddr};

use ::http::Extensions;
use tower_layer::Layer;

use super::{
    request::{PeerAddr, Tower},
    service::SessionService,
};
use crate::{
    AsyncManager, IntoStorage, StorageError,
    http::{self, ConfigError, Configured, Service, ServiceSettings, Transport},
};

/// Gives every request a session. Build it once, and clone it where it is needed. Clones share everything.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use gsession::MemoryStorage;
/// use gsession::tower::SessionLayer;
///
/// let sessions = SessionLayer::new(MemoryStorage::new());
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(sessions);
/// # let _ = app;
/// # }
/// ```
///
/// The same layer applied twice, to a router and to one nested in it, counts once. Two different ones need different
/// names: with the same name, each would mistake the other's ids for its own. Every request through both then gets a
/// 500, and the log explains why.
#[derive(Debug, Clone)]
pub struct SessionLayer {
    sessions: Service<Tower>,
    peer_addr: Option<PeerAddr>,
}

/// The settings of a [`SessionLayer`]: where ids travel, and how long sessions live.
pub type SessionLayerBuilder = http::Builder<SessionLayer>;

impl SessionLayer {
    /// Sessions in `storage` with the default settings: a cookie `__Host-Http-gsession` with `Secure`, `HttpOnly`,
    /// `SameSite=Lax` and `Path=/`, kept until the browser is closed. Sessions end after 24 hours without use.
    ///
    /// Browsers ignore such a cookie over plain HTTP, but some accept it on `localhost`: see
    /// [`cookie_secure`](SessionLayerBuilder::cookie_secure).
    #[must_use]
    pub fn new(storage: impl IntoStorage) -> Self {
        Self { sessions: Service::new(storage), peer_addr: None }
    }

    /// Other settings. [`build`](http::Builder::build) rejects those that contradict each other.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gsession::MemoryStorage;
    /// use gsession::tower::{SameSite, SessionLayer};
    ///
    /// let sessions = SessionLayer::builder(MemoryStorage::new())
    ///     .cookie_same_site(SameSite::Strict)
    ///     .idle_timeout(Duration::from_secs(30 * 60))
    ///     .absolute_lifetime(Duration::from_secs(12 * 60 * 60))
    ///     .build()?;
    /// # let _ = sessions;
    /// # Ok::<(), gsession::tower::ConfigError>(())
    /// ```
    pub fn builder(storage: impl IntoStorage) -> SessionLayerBuilder {
        http::Builder::new(ServiceSettings::new(storage))
    }

    /// Where to find the client's address in the extensions of a request, to mix it into new ids. It adds nothing to their
    /// strength (see [`ClientInfo`](crate::ClientInfo)). Default: nowhere.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use std::net::SocketAddr;
    /// use axum::extract::ConnectInfo;
    /// use gsession::{MemoryStorage, tower::SessionLayer};
    ///
    /// let sessions = SessionLayer::new(MemoryStorage::new())
    ///     .peer_addr(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0));
    /// # let _ = sessions;
    /// # }
    /// ```
    #[must_use]
    pub fn peer_addr(mut self, find: fn(&Extensions) -> Option<SocketAddr>) -> Self {
        self.peer_addr = Some(find);
        self
    }

    /// The manager of the sessions: for listing and ending a user's sessions, and for sessions outside requests.
    #[must_use]
    pub fn manager(&self) -> &AsyncManager {
        self.sessions.manager()
    }

    /// Whether sessions can be stored and read now, for an endpoint that says whether this instance is ready: see
    /// [`AsyncManager::check`] for what it does and costs. A liveness probe must not call it: a restart does not mend a
    /// storage that is down.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{Router, extract::State, http::StatusCode, routing::get};
    /// use gsession::{MemoryStorage, tower::SessionLayer};
    ///
    /// async fn ready(State(sessions): State<SessionLayer>) -> StatusCode {
    ///     match sessions.check().await {
    ///         Ok(()) => StatusCode::OK,
    ///         Err(error) => {
    ///             eprintln!("not ready: {error}: {:?}", std::error::Error::source(&error));
    ///             StatusCode::SERVICE_UNAVAILABLE
    ///         }
    ///     }
    /// }
    ///
    /// let sessions = SessionLayer::new(MemoryStorage::new());
    /// let app: Router = Router::new().route("/ready", get(ready)).with_state(sessions.clone()).layer(sessions);
    /// # let _ = app;
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StorageError`] whose source names the reason, with addresses and paths, without secrets.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.manager().check().await
    }

    /// Waits for logouts that go on in the background, because the storage failed or the client had left, at most for the
    /// [`shutdown_timeout`](SessionLayerBuilder::shutdown_timeout). Call it when the server has stopped, in a tokio runtime:
    ///
    /// ```no_run
    /// # #[cfg(feature = "axum")]
    /// # async fn run(app: axum::Router, listener: tokio::net::TcpListener, sessions: gsession::tower::SessionLayer) -> std::io::Result<()> {
    /// # async fn stop() {}
    /// axum::serve(listener, app).with_graceful_shutdown(stop()).await?;
    /// sessions.shutdown().await;
    /// # Ok(()) }
    /// ```
    pub fn shutdown(&self) -> impl Future<Output = ()> + Send + use<> {
        self.sessions.logouts_done()
    }
}

impl Configured for SessionLayer {
    type Settings = ServiceSettings;

    fn configured(transport: Transport, settings: ServiceSettings) -> Result<Self, ConfigError> {
        Ok(Self { sessions: Service::configured(transport, settings)?, peer_addr: None })
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> SessionService<S> {
        SessionService::new(inner, self.sessions.clone(), self.peer_addr)
    }
}
