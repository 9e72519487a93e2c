//! What the middleware and the session answer when something fails.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use gsession::{Error, StorageError, StorageErrorKind};

/// A [`gsession::Error`] that actix-web can answer: `?` in a handler turns it into a response.
///
/// The body says no more than the status does; the cause is logged and can be matched on.
///
/// | error | status |
/// |---|---|
/// | the storage is unavailable, too slow, full or broken; no id could be made | 503 |
/// | the session would cross a limit | 413 |
/// | the session ended or was renewed meanwhile; an update lost too often | 409 |
/// | everything else: the application's own mistake | 500 |
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SessionError(#[from] Error);

impl From<StorageError> for SessionError {
    /// What a [`manager`](crate::SessionMiddleware::manager) answers, in a handler.
    fn from(error: StorageError) -> Self {
        Self(error.into())
    }
}

impl SessionError {
    /// What failed.
    #[must_use]
    pub const fn cause(&self) -> &Error {
        &self.0
    }

    /// What failed, by value.
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

/// Settings of the middleware that contradict each other or cannot work. Found when it is built, not at the first request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not a cookie name (RFC 6265 4.1.1: a token).
    #[error("{0:?} is not a cookie name: letters, digits and !#$%&'*+-.^_`|~ only, at most 256 of them")]
    CookieName(String),
    /// A `__Secure-`, `__Host-`, `__Http-` or `__Host-Http-` name without `Secure`; browsers would refuse the cookie
    /// (RFC 6265bis 4.1.3, draft-ietf-httpbis-layered-cookies 4.1.3).
    #[error("a cookie named {0:?} must be Secure: choose a name without the prefix, or leave cookie_secure on")]
    PrefixNeedsSecure(String),
    /// A `__Host-` or `__Host-Http-` name with a domain or a path; browsers would refuse the cookie (RFC 6265bis 4.1.3.2).
    #[error("a cookie named {0:?} must have no domain and the path /: choose a name without the prefix")]
    HostPrefix(String),
    /// `SameSite=None` without `Secure`; browsers would refuse the cookie.
    #[error("SameSite=None needs Secure")]
    SameSiteNoneNeedsSecure,
    /// `Partitioned` without `Secure`; browsers would refuse the cookie (CHIPS, draft-cutler-httpbis-partitioned-cookies).
    #[error("a Partitioned cookie must be Secure: leave cookie_secure on, or leave cookie_partitioned off")]
    PartitionedNeedsSecure,
    /// Not a domain.
    #[error("{0:?} is not a domain for a cookie")]
    CookieDomain(String),
    /// Not a path.
    #[error("{0:?} is not a path for a cookie: it must begin with / and have neither ; nor control characters")]
    CookiePath(String),
    /// Not a header name (RFC 9110 5.1: a token).
    #[error(
        "{0:?} is not a name for the session header: letters, digits and !#$%&'*+-.^_`|~ only, at most 256 of them"
    )]
    HeaderName(String),
    /// A header with a meaning of its own, which the session's would overwrite in responses or misread in requests.
    #[error("{name:?} cannot be the session header: {reason}")]
    HeaderTaken {
        /// The name, as it was set.
        name: String,
        /// What the header is for.
        reason: &'static str,
    },
    /// Two of `header_name`, `header_only` and `bearer`: each says by itself where ids are read from.
    #[error("{first} and {second} exclude each other: choose one")]
    HeaderChosenTwice {
        /// The setting that came first.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
    /// A setting of the cookie, where there is no cookie.
    #[error("{setting} has no effect: with {instead}, the session has no cookie")]
    CookieUnused {
        /// The setting of the cookie.
        setting: &'static str,
        /// The setting that replaces the cookie: `header_only` or `bearer`.
        instead: &'static str,
    },
    /// Neither cookie nor header carries the id to the client.
    #[error(
        "with cookie_output(false) a header is needed to carry the session id: set header_name, header_only or bearer"
    )]
    NoWayOut,
    /// The lifetimes cannot work.
    #[error(transparent)]
    Lifetime(#[from] gsession::ConfigError),
}
