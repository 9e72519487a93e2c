//! The `Transform`, its service, and the future that a request runs in.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    task::{Context, Poll, ready as ready_or_return},
};

use actix_service::{Service, Transform};
use actix_web::{
    Error, HttpMessage,
    dev::{ServiceRequest, ServiceResponse},
};
use pin_project_lite::pin_project;

use super::{
    SessionMiddleware, Setup,
    finish::{deliver, prepare},
};
use crate::attach::Attached;

/// The service of [`SessionMiddleware`].
#[derive(Debug)]
pub struct SessionMiddlewareService<S> {
    service: S,
    setup: Setup,
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
        ready(Ok(SessionMiddlewareService { service, setup: self.0.clone() }))
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
        let attached = Attached::attach(&self.setup, &mut req.extensions_mut());
        SessionFuture { inner: self.service.call(req), finishing: None, unfinished: Unfinished(Some(attached)) }
    }
}

type Finishing<B> = Pin<Box<dyn Future<Output = Result<ServiceResponse<B>, Error>>>>;

pin_project! {
    /// Runs the request, then stores what it did to its session. Boxes nothing unless the session was used (H7).
    pub struct SessionFuture<F, B> {
        #[pin]
        inner: F,
        finishing: Option<Finishing<B>>,
        unfinished: Unfinished,
    }
}

impl<F, B> Future for SessionFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: 'static,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.finishing.is_none() {
            let outcome = ready_or_return!(this.inner.poll(cx));
            let Some(attached) = &this.unfinished.0 else { return Poll::Ready(outcome) };
            if let Ok(response) = &outcome {
                attached.detach(response.request());
            }
            let Some((session, presented)) = attached.used() else {
                this.unfinished.0 = None;
                return Poll::Ready(outcome);
            };
            prepare(session.core(), &outcome);
            // With a storage that never waits there is nothing to wait for, and nothing to box.
            if let Some(closed) = session.core().close_at_once() {
                let outcome = deliver(attached, presented, closed, outcome);
                this.unfinished.0 = None;
                return Poll::Ready(outcome);
            }
            let (session, attached) = (session.core().clone(), attached.clone());
            *this.finishing = Some(Box::pin(async move {
                let closed = session.close().await;
                deliver(&attached, presented, closed, outcome)
            }));
        }
        let Some(finishing) = this.finishing else { return Poll::Pending };
        let outcome = ready_or_return!(finishing.as_mut().poll(cx));
        this.unfinished.0 = None;
        Poll::Ready(outcome)
    }
}

/// A request that has not come to its end. If it never does, because its handler panicked or its client went away, what it
/// wrote is dropped, but a logout is done all the same (S9).
struct Unfinished(Option<Attached>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some((session, _)) = self.0.as_ref().and_then(Attached::used) else { return };
        session.abandon();
        if !session.is_doomed() {
            return;
        }
        let session = session.core().clone();
        // Without a runtime, which is shutting down then, there is nobody left to do it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = session.save().await {
                    tracing::error!(%error, "a session could not be ended after its request was cut off");
                }
            });
        }
    }
}
