//! A request on its way through a middleware.

use super::{Framework, Place, Service};
use crate::{Error, Exchange};

/// Ends the request for its session when it is dropped.
///
/// If a request never comes to its end, because its handler panicked or the framework dropped it when its client left,
/// what it wrote is dropped, unless it is on its way to the storage already. A logout is done all the same
/// ([S9](crate::design#s9)).
pub struct RequestGuard<F: Framework> {
    place: Place<F>,
    /// Whether this middleware finishes the session, rather than the same middleware further out.
    is_first: bool,
    has_ended: bool,
}

impl<F: Framework> RequestGuard<F> {
    /// Takes a request that arrives at the middleware of `service`. `outer` is the place that it already has, from a
    /// middleware further out. `request` is called if this middleware is not applied further out, too.
    ///
    /// # Errors
    ///
    /// [`Error::Detached`] if another middleware around this one has the same cookie or header name. The request must
    /// not be handled then.
    pub fn arrive(
        service: &Service<F>,
        outer: Option<&Place<F>>,
        request: impl FnOnce() -> F::Request,
    ) -> Result<Self, Error> {
        let (place, is_first) = Place::inside(service, outer, request)?;
        Ok(Self { place, is_first, has_ended: false })
    }

    /// The place of the request's session.
    #[must_use]
    pub const fn place(&self) -> &Place<F> {
        &self.place
    }

    /// What to finish: the request's session, if it was used, and if this middleware finishes it.
    #[must_use]
    pub fn to_finish(&self) -> Option<&Exchange> {
        self.place.used().filter(|_| self.is_first)
    }

    /// Ends the request.
    pub fn end(&mut self) {
        if self.is_first && !std::mem::replace(&mut self.has_ended, true) {
            self.place.end();
        }
    }
}

impl<F: Framework> Drop for RequestGuard<F> {
    fn drop(&mut self) {
        self.end();
    }
}
