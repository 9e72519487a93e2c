//! The body of a response that may have been replaced.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a response: that of the inner service, or empty if the layer answers an error instead.
    #[derive(Debug)]
    pub struct SessionBody<B> {
        #[pin]
        inner: Option<B>,
    }
}

impl<B> SessionBody<B> {
    pub(super) const fn inner(body: B) -> Self {
        Self { inner: Some(body) }
    }

    pub(super) const fn empty() -> Self {
        Self { inner: None }
    }
}

/// Empty.
impl<B> Default for SessionBody<B> {
    fn default() -> Self {
        Self::empty()
    }
}

/// For layers around the session layer that answer with a body of their own.
impl<B> From<B> for SessionBody<B> {
    fn from(body: B) -> Self {
        Self::inner(body)
    }
}

impl<B: Body> Body for SessionBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().inner.as_pin_mut() {
            Some(body) => body.poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
