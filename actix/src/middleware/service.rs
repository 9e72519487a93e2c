//! The `Transform`, its service, and the future that a request runs in.

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
    finish::{deliver, prepare},
};
use crate::attach::{Attached, name_is_taken};

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
        let attached = Attached::attach(&self.setup, &mut req.extensions_mut(), has_body);
        match attached {
            Some((attached, is_first)) => SessionFuture::Running {
                inner: self.service.call(req),
                finishing: None,
                unfinished: Unfinished { attached: Some(attached), is_first },
            },
            None => SessionFuture::Refused,
        }
    }
}

type Finishing<B> = Pin<Box<dyn Future<Output = Result<ServiceResponse<B>, Error>>>>;

pin_project! {
    /// Runs the request, then stores what it did to its session. Boxes nothing unless the session was used (H7).
    #[project = Projected]
    pub enum SessionFuture<F, B> {
        Running {
            #[pin]
            inner: F,
            finishing: Option<Finishing<B>>,
            unfinished: Unfinished,
        },
        /// The middlewares are set up wrongly; nothing runs.
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
        let (inner, finishing, unfinished) = match self.project() {
            Projected::Running { inner, finishing, unfinished } => (inner, finishing, unfinished),
            Projected::Refused => return Poll::Ready(Err(name_is_taken().into())),
        };
        if finishing.is_none() {
            let outcome = ready_or_return!(inner.poll(cx));
            let Some(attached) = &unfinished.attached else { return Poll::Ready(outcome) };
            if let Ok(response) = &outcome {
                attached.detach(response.request());
            }
            let Some((session, via)) = attached.used().filter(|_| unfinished.is_first) else {
                unfinished.end();
                return Poll::Ready(outcome);
            };
            let answered = prepare(session.core(), via, &outcome);
            // With a storage that never waits there is nothing to wait for, and nothing to box.
            if let Some(closed) = session.core().close_at_once() {
                let outcome = deliver(attached, answered, closed, outcome);
                unfinished.end();
                return Poll::Ready(outcome);
            }
            let (session, attached) = (session.core().clone(), attached.clone());
            *finishing = Some(Box::pin(async move {
                let closed = session.close().await;
                deliver(&attached, answered, closed, outcome)
            }));
        }
        let Some(finishing) = finishing else { return Poll::Pending };
        let outcome = ready_or_return!(finishing.as_mut().poll(cx));
        unfinished.end();
        Poll::Ready(outcome)
    }
}

/// A request that has not come to its end. If it never does, because its handler panicked or actix dropped it when its client
/// left, what it wrote is dropped, unless it is on its way to the storage already; a logout is done all the same (S9).
pub struct Unfinished {
    attached: Option<Attached>,
    /// Whether the session is this middleware's to finish, and not that of the same one further out.
    is_first: bool,
}

impl Unfinished {
    /// It has come to its end. What it destroyed and could not end is still tried in the background.
    fn end(&mut self) {
        let Some(attached) = self.attached.take().filter(|_| self.is_first) else { return };
        attached.close();
        if let Some((session, _)) = attached.used()
            && session.core().is_doomed()
        {
            attached.setup().endings.carry_out(session.core().clone());
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.end();
    }
}
