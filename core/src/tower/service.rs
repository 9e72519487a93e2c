//! The service of the layer.

use std::task::{Context, Poll};

use ::http::{Request, Response};
use tower_service::Service;

use super::{
    Session, SessionBody,
    future::SessionFuture,
    grpc,
    request::{Kept, PeerAddr, RequestGuard, Tower},
};
use crate::http;

/// The service of [`SessionLayer`](super::SessionLayer).
#[derive(Debug, Clone)]
pub struct SessionService<S> {
    inner: S,
    sessions: http::Service<Tower>,
    peer_addr: Option<PeerAddr>,
}

impl<S> SessionService<S> {
    pub(super) const fn new(inner: S, sessions: http::Service<Tower>, peer_addr: Option<PeerAddr>) -> Self {
        Self { inner, sessions, peer_addr }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<SessionBody<ResBody>>;
    type Error = S::Error;
    type Future = SessionFuture<S::Future, ResBody, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let outer = request.extensions().get::<Session>().and_then(Session::place);
        let is_safe = request.method().is_safe();
        let keep = || Kept::of(&request, &self.sessions, self.peer_addr);
        match RequestGuard::arrive(&self.sessions, outer, keep) {
            Ok(guard) => {
                request.extensions_mut().insert(Session::of(guard.place().clone()));
                SessionFuture::running(self.inner.call(request), guard, is_safe)
            }
            Err(error) => SessionFuture::refused(error, grpc::kind(request.headers()).cloned()),
        }
    }
}
