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
                finishing: None,
                request: Unfinished { extension: Some(extension), is_first },
            },
            None => SessionFuture::Refused,
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

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (inner, finishing, request) = match self.project() {
            Projected::Running { inner, finishing, request } => (inner, finishing, request),
            Projected::Refused => return Poll::Ready(Err(name_is_taken().into())),
        };
        if finishing.is_none() {
            let polled = inner.poll(cx);
            let (Poll::Ready(answer), Some(extension)) = (&polled, &request.extension) else { return polled };
            if let Ok(response) = answer {
                extension.detach(response.request());
            }
            let Some((exchange, location)) = extension.used().filter(|_| request.is_first) else {
                request.end();
                // As it came: it is large.
                return polled;
            };
            let answer = ready_or_return!(polled);
            let outcome = outcome_of(&answer);
            if let Some(finished) = exchange.finish_now(outcome, || client_of(&answer)) {
                let answer = deliver(extension, location, finished, answer);
                request.end();
                return Poll::Ready(answer);
            }
            let (exchange, extension) = (exchange.clone(), extension.clone());
            *finishing = Some(Box::pin(async move {
                let finished = exchange.finish(outcome, || client_of(&answer)).await;
                deliver(&extension, location, finished, answer)
            }));
        }
        let Some(finishing) = finishing else { return Poll::Pending };
        let answer = ready_or_return!(finishing.as_mut().poll(cx));
        request.end();
        Poll::Ready(answer)
    }
}

/// A request that has not come to its end. If it never does, because its handler panicked or actix dropped it when its client
/// left, what it wrote is dropped, unless it is on its way to the storage already; a logout is done all the same ([S9](gsession::design#s9)).
pub struct Unfinished {
    extension: Option<SessionExtension>,
    /// Whether this middleware finishes the session, rather than the same middleware further out.
    is_first: bool,
}

impl Unfinished {
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
