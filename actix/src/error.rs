//! What the middleware and the session answer if something fails.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use gsession::{Error, StorageError, StorageErrorKind};

/// A [`gsession::Error`] that actix-web can answer: `?` in a handler turns it into a response.
///
/// The body says no more than the status. The cause is logged, and you can match on it.
///
/// | error | status |
/// |---|---|
/// | the storage is unavailable, too slow, full or broken; no id could be generated | 503 |
/// | the session would exceed a limit | 413 |
/// | the session ended or was renewed meanwhile; an update lost too often | 409 |
/// | anything else: a mistake in the application | 500 |
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SessionError(#[from] Error);

impl From<StorageError> for SessionError {
    /// For errors of a [`manager`](crate::SessionMiddleware::manager) in a handler.
    fn from(error: StorageError) -> Self {
        Self(error.into())
    }
}

impl SessionError {
    /// The error.
    #[must_use]
    pub const fn cause(&self) -> &Error {
        &self.0
    }

    /// The error, by value.
    #[must_use]
    pub fn into_cause(self) -> Error {
        self.0
    }
}

impl ResponseError for SessionError {
    fn status_code(&self) -> StatusCode {
        match &self.0 {
            Error::Storage(error) => match error.kind() {
                StorageErrorKind::Limit(_) => StatusCode::PAYLOAD_TOO_LARGE,
                StorageErrorKind::Unsupported => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            },
            Error::Id(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Limit(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::Gone | Error::Contended { .. } => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        if status.is_server_error() {
            let source = std::error::Error::source(&self.0).map(ToString::to_string);
            tracing::error!(error = %self.0, source, "a session operation failed");
        }
        HttpResponse::build(status)
            .content_type("text/plain; charset=utf-8")
            .body(status.canonical_reason().unwrap_or("error"))
    }
}
