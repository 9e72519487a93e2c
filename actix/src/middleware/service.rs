//! The `Transform`, its service, and the future of a request.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready as ready_or_return},
};

use actix_service::{Service, Transform};
use actix_web::{
    Error, HttpMessage,
    dev::{Payload, ServiceRequest, ServiceResponse},
};
use gsession::{Exchange, Finishing, http::IdLocation};
use pin_project_lite::pin_project;

use super::{
    SessionMiddleware, Setup,
    finish::{client_of, deliver, outcome_of},
};
use crate::extension::{SessionExtension, name_is_taken};

/// The service of [`SessionMiddleware`].
#[derive(Debug)]
pub struct SessionMiddlewareService<S> {
    service: S,
    setup: Arc<Setup>,
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
        ready(Ok(SessionMiddlewareService { service, setup: Arc::clone(&self.setup) }))
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
        let has_body = !matches!(req.parts().1, Payload::None);
        let extension = SessionExtension::install(&self.setup, &mut req.extensions_mut(), has_body);
        match extension {
            Some((extension, is_first)) => SessionFuture::Running {
                inner: self.service.call(req),
                request: Unfinished { extension: Some(extension), is_first },
            },
            None => SessionFuture::Refused,
        }
    }
}

pin_project! {
    /// Runs the request, then stores the changes to its session. Boxes nothing unless the session was used and its
    /// storage waits ([H7](gsession::design#h7)).
    #[project = Projected]
    pub enum SessionFuture<F, B> {
        Running {
            #[pin]
            inner: F,
            request: Unfinished,
        },
        /// The handler has returned, and its session is being stored.
        Finishing {
            finishing: Finishing,
            location: IdLocation,
            answer: Option<Result<ServiceResponse<B>, Error>>,
            request: Unfinished,
        },
        /// The middlewares are misconfigured; nothing runs.
        Refused,
    }
}

impl<F, B> Future for SessionFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.as_mut().project() {
                Projected::Running { inner, request } => {
                    let answer = ready_or_return!(inner.poll(cx));
                    let mut request = std::mem::take(request);
                    if let (Some(extension), Ok(response)) = (&request.extension, &answer) {
                        extension.detach(response.request());
                    }
                    let Some((exchange, location)) = request.used() else {
                        request.end();
                        return Poll::Ready(answer);
                    };
                    let finishing = exchange.finish(outcome_of(&answer), || client_of(&answer));
                    self.set(Self::Finishing { finishing, location, answer: Some(answer), request });
                }
                Projected::Finishing { finishing, location, answer, request } => {
                    let finished = ready_or_return!(Pin::new(finishing).poll(cx));
                    let Some((extension, answer)) = request.extension.as_ref().zip(answer.take()) else {
                        return Poll::Pending;
                    };
                    let answer = deliver(extension, *location, finished, answer);
                    request.end();
                    return Poll::Ready(answer);
                }
                Projected::Refused => return Poll::Ready(Err(name_is_taken().into())),
            }
        }
    }
}

/// A request that has not ended. If it never does, because its handler panicked, or actix dropped it when its client
/// left, its changes are dropped unless they are being stored already. A logout is still carried out
/// ([S9](gsession::design#s9)).
#[derive(Default)]
pub struct Unfinished {
    extension: Option<SessionExtension>,
    /// Whether this middleware finishes the session, rather than the same middleware further out.
    is_first: bool,
}

impl Unfinished {
    /// The session, if it was used and this middleware finishes it.
    fn used(&self) -> Option<(&Exchange, IdLocation)> {
        self.extension.as_ref().filter(|_| self.is_first)?.used()
    }

    fn end(&mut self) {
        if let Some(extension) = self.extension.take().filter(|_| self.is_first) {
            extension.end();
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.end();
    }
}
