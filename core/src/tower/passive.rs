//! Routes that read without extending the session.

use std::task::{Context, Poll};

use ::http::Request;
use tower_layer::Layer;
use tower_service::Service;

use super::{Session, request::MarkedPassive};

/// Marks the requests of a route as passive: they read the session without extending it, so a page that polls does not
/// keep its user logged in ([S7](crate::design#s7), ASVS 7.3.1). It works inside the
/// [`SessionLayer`](super::SessionLayer) and outside.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use gsession::MemoryStorage;
/// use gsession::tower::{Passive, SessionLayer};
///
/// let app: Router = Router::new()
///     .route("/unread", get(|| async { "3" }).layer(Passive))
///     .layer(SessionLayer::new(MemoryStorage::new()));
/// # let _ = app;
/// # }
/// ```
///
/// To mark a single request, call [`set_passive`](crate::AsyncSession::set_passive) on its session before it reads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Passive;

/// The service of [`Passive`].
#[derive(Debug, Clone)]
pub struct PassiveService<S>(S);

impl<S> Layer<S> for Passive {
    type Service = PassiveService<S>;

    fn layer(&self, inner: S) -> PassiveService<S> {
        PassiveService(inner)
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for PassiveService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        match request.extensions().get::<Session>().and_then(Session::place) {
            Some(place) => place.set_passive(),
            None => {
                request.extensions_mut().insert(MarkedPassive);
            }
        }
        self.0.call(request)
    }
}
