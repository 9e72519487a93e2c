//! The session for handlers.

use std::ops::Deref;

use gsession::{AsyncManager, AsyncSession};

use crate::SessionError;

pub(crate) const NO_MIDDLEWARE: &str = "no session for this request: wrap the App, scope or resource, and every middleware that \
    uses the session, in gsession_actix::SessionMiddleware (the last `wrap` is outermost)";
pub(crate) const NO_SUCH_NAME: &str = "no session of this name: no session middleware around this handler has such a cookie or header (`cookie_name`, `header_name`)";

/// The session of a request: [`gsession::AsyncSession`] with errors that actix-web can answer. Clones share the
/// session.
///
/// You get it from [`get_session()`](crate::SessionExt::get_session), or as an argument of the handler. The middleware
/// stores the changes before the response is sent.
///
/// ```
/// use actix_web::{HttpResponse, Result};
/// use gsession_actix::Session;
///
/// async fn logout(session: Session) -> Result<HttpResponse> {
///     session.destroy();
///     Ok(HttpResponse::SeeOther().insert_header(("location", "/")).finish())
/// }
/// # let _ = logout;
/// ```
#[derive(Debug, Clone)]
pub struct Session(AsyncSession<SessionError>);

impl Session {
    pub(crate) fn of(session: &AsyncSession<SessionError>) -> Self {
        Self(session.clone())
    }

    /// A session on which every use is an error that says what is missing.
    pub(crate) fn detached(why: &'static str) -> Self {
        Self(AsyncManager::detached_session(why).with_errors())
    }

    /// The same session with [`gsession::Error`] as its error, for code that does not depend on actix-web.
    #[must_use]
    pub fn core(&self) -> AsyncSession {
        self.0.with_errors()
    }
}

/// Every method of [`AsyncSession`], with [`SessionError`] as the error.
impl Deref for Session {
    type Target = AsyncSession<SessionError>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
