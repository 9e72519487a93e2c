//! What the middleware and the session answer if something fails.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{HeaderValue, LOCATION, WWW_AUTHENTICATE},
    },
};
use gsession::{Error, LoginError, StorageError, StorageErrorKind};

/// A [`gsession::Error`] that actix-web can answer: `?` in a handler turns it into a response.
///
/// The body says no more than the status. The cause is logged, and you can match on it.
///
/// | error | status |
/// |---|---|
/// | the storage is unavailable, too slow, full or broken; no id could be generated | 503 |
/// | the session would exceed a limit | 413 |
/// | the session ended or was renewed meanwhile; an update lost too often; the user has as many sessions as one may have, or the tag as many users | 409 |
/// | nobody is logged in, or not recently | 401, or a [page of yours](Self::or_redirect_to) |
/// | a principal, label or tag cannot be used | 400 |
/// | anything else: a mistake in the application | 500 |
#[derive(Debug)]
pub struct SessionError {
    cause: Error,
    /// Where to send a user who has to log in.
    page: Option<HeaderValue>,
}

impl From<Error> for SessionError {
    fn from(cause: Error) -> Self {
        Self { cause, page: None }
    }
}

impl From<StorageError> for SessionError {
    /// For errors of a [`manager`](crate::SessionMiddleware::manager) in a handler.
    fn from(error: StorageError) -> Self {
        Error::from(error).into()
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for SessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
}

impl SessionError {
    /// The error.
    #[must_use]
    pub const fn cause(&self) -> &Error {
        &self.cause
    }

    /// The error, by value.
    #[must_use]
    pub fn into_cause(self) -> Error {
        self.cause
    }

    /// Sends a user who has to log in, or to log in again, to a page of yours (303, RFC 9110 15.4.4) instead of answering 401. Other
    /// errors stay as they are, and so does this one if `page` is no value of a `Location` header.
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
    pub fn or_redirect_to(mut self, page: &str) -> Self {
        if matches!(self.cause, Error::NotLoggedIn | Error::LoginNotRecent) {
            self.page = HeaderValue::from_str(page).ok();
        }
        self
    }
}

impl ResponseError for SessionError {
    fn status_code(&self) -> StatusCode {
        match &self.cause {
            _ if self.page.is_some() => StatusCode::SEE_OTHER,
            Error::Storage(error) => match error.kind() {
                StorageErrorKind::Limit(_) => StatusCode::PAYLOAD_TOO_LARGE,
                StorageErrorKind::Unsupported => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            },
            Error::Id(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Limit(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::Gone | Error::Contended { .. } => StatusCode::CONFLICT,
            Error::NotLoggedIn | Error::LoginNotRecent => StatusCode::UNAUTHORIZED,
            Error::Login(error) => match error {
                LoginError::TooManySessions { .. } | LoginError::TooManyUsersOfTag { .. } => StatusCode::CONFLICT,
                // The application sets these; they do not come from a form.
                LoginError::RememberedTooShort | LoginError::IdleTimeoutTooShort => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::BAD_REQUEST,
            },
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        if status.is_server_error() {
            let source = std::error::Error::source(&self.cause).map(ToString::to_string);
            tracing::error!(error = %self.cause, source, "a session operation failed");
        }
        let mut response = HttpResponse::build(status);
        if let Some(page) = &self.page {
            response.insert_header((LOCATION, page.clone()));
        }
        if status == StatusCode::UNAUTHORIZED {
            // A 401 must have a challenge (RFC 9110 15.5.2); the code is that of RFC 9470.
            let challenge = match self.cause {
                Error::LoginNotRecent => "Session error=\"insufficient_user_authentication\"",
                _ => "Session",
            };
            response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
        }
        response.content_type("text/plain; charset=utf-8").body(status.canonical_reason().unwrap_or("error"))
    }
}
