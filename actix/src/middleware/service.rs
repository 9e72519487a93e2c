//! The `Transform`, its service, and the future of a request.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    task::{Context, Poll, ready as ready_or_return},
};

use actix_service::{Service, Transform};
use actix_web::{
    Error, HttpMessage, HttpRequest,
    dev::{ServiceRequest, ServiceResponse},
};
use pin_project_lite::pin_project;

use super::{
    SessionMiddleware,
    finish::{client_of, deliver, outcome_of},
};
use crate::{
    SessionError,
    extension::{Place, RequestGuard, Service as Sessions},
};

/// The service of [`SessionMiddleware`].
#[derive(Debug)]
pub struct SessionMiddlewareService<S> {
    service: S,
    sessions: Sessions,
}

impl<S, B> Transform<S, ServiceRequest> for SessionMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = SessionMiddlewareService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(SessionMiddlewareService { service, sessions: self.sessions.clone() }))
    }
}

impl<S, B> Service<ServiceRequest> for SessionMiddlewareService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = SessionFuture<S::Future, B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, req: ServiceRequest) -> Self::Future {
        let arrived = {
            let mut extensions = req.extensions_mut();
            RequestGuard::arrive(&self.sessions, extensions.get::<Place>(), || ()).inspect(|request| {
                extensions.insert(request.place().clone());
            })
        };
        match arrived {
            Ok(request) => SessionFuture::Running { inner: self.service.call(req), finishing: None, request },
            Err(error) => SessionFuture::Refused { error: Some(error.into()) },
        }
    }
}

type Finishing<B> = Pin<Box<dyn Future<Output = Result<ServiceResponse<B>, Error>>>>;

pin_project! {
    /// Runs the request, then stores the changes to its session. Boxes nothing unless the session was used and its
    /// storage waits ([H7](gsession::design#h7)).
    #[project = Projected]
    pub enum SessionFuture<F, B> {
        Running {
            #[pin]
            inner: F,
            finishing: Option<Finishing<B>>,
            request: RequestGuard,
        },
        /// The middlewares are misconfigured; nothing runs.
        Refused {
            error: Option<SessionError>,
        },
    }
}

impl<F, B> Future for SessionFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: 'static,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (inner, finishing, request) = match self.project() {
            Projected::Running { inner, finishing, request } => (inner, finishing, request),
            Projected::Refused { error } => {
                return error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error.into())));
            }
        };
        if finishing.is_none() {
            let polled = inner.poll(cx);
            let Poll::Ready(answer) = &polled else { return polled };
            if let Ok(response) = answer {
                detach(request.place(), response.request());
            }
            let Some(exchange) = request.to_finish() else {
                request.end();
                // As it came: it is large.
                return polled;
            };
            let answer = ready_or_return!(polled);
            let outcome = outcome_of(&answer);
            if let Some(finished) = exchange.finish_now(outcome, || client_of(&answer)) {
                let answer = deliver(request.place(), finished, answer);
                request.end();
                return Poll::Ready(answer);
            }
            let (exchange, place) = (exchange.clone(), request.place().clone());
            *finishing = Some(Box::pin(async move {
                let finished = exchange.finish(outcome, || client_of(&answer)).await;
                deliver(&place, finished, answer)
            }));
        }
        let Some(finishing) = finishing else { return Poll::Pending };
        let answer = ready_or_return!(finishing.as_mut().poll(cx));
        request.end();
        Poll::Ready(answer)
    }
}

/// Puts the outer middleware's place back, if there is one.
///
/// Borrows the extensions only in that case, so that it does not conflict needlessly with a borrow of the handler.
fn detach(place: &Place, request: &HttpRequest) {
    if let Some(outer) = place.outer() {
        request.extensions_mut().insert(outer.clone());
    }
}
