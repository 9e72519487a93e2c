//! What the middleware and the session answer if something fails.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{LOCATION, WWW_AUTHENTICATE},
    },
};
use gsession::{Error, StorageError, http};

/// A [`gsession::Error`] that actix-web can answer: `?` in a handler turns it into a response.
///
/// The body says no more than the status: see the table of [`gsession::http::SessionError`]. The cause is logged, and you
/// can match on it.
#[derive(Debug)]
pub struct SessionError(http::SessionError);

impl From<Error> for SessionError {
    fn from(cause: Error) -> Self {
        Self(cause.into())
    }
}

impl From<StorageError> for SessionError {
    /// For errors of a [`manager`](crate::SessionMiddleware::manager) in a handler.
    fn from(error: StorageError) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl SessionError {
    /// The error.
    #[must_use]
    pub const fn cause(&self) -> &Error {
        self.0.cause()
    }

    /// The error, by value.
    #[must_use]
    pub fn into_cause(self) -> Error {
        self.0.into_cause()
    }

    /// Sends a user who has to log in, or to log in again, to a page of yours (303, RFC 9110 15.4.4) instead of
    /// answering 401. Other errors stay as they are, and so does this one if `page` is no value of a `Location` header:
    /// visible ASCII characters only.
    ///
    /// ```
    /// use std::time::Duration;
    /// use actix_web::{HttpResponse, Result};
    /// use gsession_actix::Session;
    ///
    /// async fn change_password(session: Session) -> Result<HttpResponse> {
    ///     let recent = session.require_recent(Duration::from_secs(300)).await;
    ///     recent.map_err(|error| error.or_redirect_to("/confirm?next=/password"))?;
    ///     Ok(HttpResponse::Ok().finish())
    /// }
    /// # let _ = change_password;
    /// ```
    #[must_use]
    pub fn or_redirect_to(self, page: &str) -> Self {
        Self(self.0.or_redirect_to(page))
    }
}

impl ResponseError for SessionError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.0.log();
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if let Some(page) = self.0.location() {
            response.insert_header((LOCATION, page));
        }
        if let Some(challenge) = self.0.challenge() {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        response.content_type("text/plain; charset=utf-8").body(status.canonical_reason().unwrap_or("error"))
    }
}
