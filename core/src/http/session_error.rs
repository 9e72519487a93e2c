//! How the error of a session is answered over HTTP.

use std::fmt;

use crate::{Error, LoginError, StorageError, StorageErrorKind};

/// An [`Error`], and how to answer it. Integrations make it a response of their framework.
///
/// The response says no more than the status. The cause is logged, and you can match on it.
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
    page: Option<Box<str>>,
}

impl From<Error> for SessionError {
    fn from(cause: Error) -> Self {
        Self { cause, page: None }
    }
}

impl From<StorageError> for SessionError {
    /// For errors of a manager in a handler.
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

    /// Sends a user who has to log in, or to log in again, to a page of yours (303, RFC 9110 15.4.4) instead of
    /// answering 401. Other errors stay as they are, and so does this one if `page` is no value of a `Location` header:
    /// visible ASCII characters only.
    ///
    /// ```
    /// use gsession::{Error, http::SessionError};
    ///
    /// let error = SessionError::from(Error::NotLoggedIn);
    /// assert_eq!(error.status(), 401);
    /// assert_eq!(error.or_redirect_to("/login?next=/password").status(), 303);
    /// assert_eq!(SessionError::from(Error::Gone).or_redirect_to("/login").status(), 409);
    /// ```
    #[must_use]
    pub fn or_redirect_to(mut self, page: &str) -> Self {
        if matches!(self.cause, Error::NotLoggedIn | Error::LoginNotRecent) {
            self.page = page.bytes().all(|byte| byte.is_ascii_graphic()).then(|| page.into());
        }
        self
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> u16 {
        match &self.cause {
            _ if self.page.is_some() => 303,
            Error::Storage(error) => match error.kind() {
                StorageErrorKind::Limit(_) => 413,
                StorageErrorKind::Unsupported => 500,
                _ => 503,
            },
            Error::Id(_) => 503,
            Error::Limit(_) => 413,
            Error::Gone | Error::Contended { .. } => 409,
            Error::NotLoggedIn | Error::LoginNotRecent => 401,
            Error::Login(error) => match error {
                LoginError::TooManySessions { .. } | LoginError::TooManyUsersOfTag { .. } => 409,
                // The application sets these; they do not come from a form.
                LoginError::RememberedTooShort | LoginError::IdleTimeoutTooShort => 500,
                _ => 400,
            },
            _ => 500,
        }
    }

    /// The `Location` of the response, if it is a redirect.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// The `WWW-Authenticate` of a 401, which must have one (RFC 9110 15.5.2). The code is that of RFC 9470.
    #[must_use]
    pub fn challenge(&self) -> Option<&'static str> {
        (self.status() == 401).then_some(match self.cause {
            Error::LoginNotRecent => "Session error=\"insufficient_user_authentication\"",
            _ => "Session",
        })
    }

    /// Logs the cause, if the service is at fault. Call it once, when you build the response.
    pub fn log(&self) {
        if self.status() >= 500 {
            let source = std::error::Error::source(&self.cause).map(ToString::to_string);
            tracing::error!(error = %self.cause, source, "a session operation failed");
        }
    }
}
