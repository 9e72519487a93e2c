//! The session for handlers.

use std::{fmt, ops::Deref};

use super::request::Place;
use crate::{AsyncManager, AsyncSession, http::SessionError};

pub(super) const NO_LAYER: &str = "no session for this request: add gsession::tower::SessionLayer around this service and every \
    middleware that uses the session (in axum: after them, with `.layer`)";
const NO_SUCH_NAME: &str = "no session of this name: no session layer around this service has such a cookie or header (`cookie_name`, `header_name`)";

/// The session of a request: an [`AsyncSession`] whose errors are responses. Clones share the session.
///
/// In axum it is an extractor. Everywhere else it is in the request's extensions: see
/// [`get_session`](super::SessionExt::get_session). The layer stores the changes before the response is sent.
///
/// Merely having it costs nothing: nothing is read or stored until you call a method that needs it.
#[derive(Clone)]
pub struct Session(Kind);

#[derive(Clone)]
enum Kind {
    Of(Place),
    /// Every use is an error that says what is missing.
    Detached(AsyncSession<SessionError>),
}

impl Session {
    pub(super) const fn of(place: Place) -> Self {
        Self(Kind::Of(place))
    }

    pub(super) fn detached(why: &'static str) -> Self {
        Self(Kind::Detached(AsyncManager::detached_session(why).with_errors()))
    }

    pub(super) const fn place(&self) -> Option<&Place> {
        match &self.0 {
            Kind::Of(place) => Some(place),
            Kind::Detached(_) => None,
        }
    }

    /// If layers are nested: the session of the one whose cookie or header has this name. If there is none, reads and writes
    /// return an error that says so.
    ///
    /// ```
    /// # use gsession::tower::{Session, SessionError};
    /// async fn admin(session: Session) -> Result<(), SessionError> {
    ///     let shop = session.named("shop");
    ///     let user: Option<String> = shop.get("user").await?;
    /// #   let _ = user;
    ///     Ok(())
    /// }
    /// # let _ = admin;
    /// ```
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        let Some(place) = self.place() else { return self.clone() };
        place.named(name).map_or_else(|| Self::detached(NO_SUCH_NAME), |place| Self::of(place.clone()))
    }

    /// The same session with [`crate::Error`] as its error, for code that does not answer requests.
    #[must_use]
    pub fn core(&self) -> AsyncSession {
        self.with_errors()
    }
}

/// Every method of [`AsyncSession`], with [`SessionError`] as the error.
impl Deref for Session {
    type Target = AsyncSession<SessionError>;

    fn deref(&self) -> &Self::Target {
        match &self.0 {
            Kind::Of(place) => {
                let request = place.request();
                place.session(|name| request.lines(name), || request.client(), || request.is_passive)
            }
            Kind::Detached(session) => session,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}
