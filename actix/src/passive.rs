//! Routes that read without extending the session.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use actix_service::{Service, Transform};
use actix_web::{
    Error, HttpMessage as _,
    dev::{ServiceRequest, ServiceResponse},
};

use crate::extension::{MarkedPassive, place_of};

/// Marks the requests of a route or scope as passive: they read the session without extending it, so a page that polls
/// does not keep its user logged in ([S7](gsession::design#s7), ASVS 7.3.1).
///
/// ```
/// use actix_web::{App, HttpResponse, web};
/// use gsession::MemoryStorage;
/// use gsession_actix::{Passive, SessionMiddleware};
///
/// let app = App::new()
///     .wrap(SessionMiddleware::new(MemoryStorage::new()))
///     .service(web::resource("/unread").wrap(Passive).get(|| async { HttpResponse::Ok() }));
/// # let _ = app;
/// ```
///
/// To mark a single request, call [`Session::set_passive`](gsession::AsyncSession::set_passive) before it reads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Passive;

/// The service of [`Passive`].
#[derive(Debug)]
pub struct PassiveService<S>(S);

impl<S, B> Transform<S, ServiceRequest> for Passive
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = PassiveService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(PassiveService(service)))
    }
}

impl<S, B> Service<ServiceRequest> for PassiveService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = S::Future;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&self, req: ServiceRequest) -> Self::Future {
        if let Some(place) = place_of(req.request()) {
            place.set_passive();
        }
        // For session middlewares further in.
        req.extensions_mut().insert(MarkedPassive);
        self.0.call(req)
    }
}
