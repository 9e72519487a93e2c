//! Which header the middleware's settings ask for.

use super::SessionHeader;
use crate::ConfigError;

/// One of three settings that exclude each other.
#[derive(Debug)]
pub(crate) enum HeaderChoice {
    /// A header beside the cookie.
    Beside(String),
    /// A header instead of the cookie.
    Only(String),
    /// `Authorization: Bearer` instead of the cookie.
    Bearer,
}

impl HeaderChoice {
    /// The setting's name.
    pub(crate) const fn setting(&self) -> &'static str {
        match self {
            Self::Beside(_) => "header_name",
            Self::Only(_) => "header_only",
            Self::Bearer => "bearer",
        }
    }

    pub(crate) const fn replaces_cookie(&self) -> bool {
        matches!(self, Self::Only(_) | Self::Bearer)
    }

    /// Checks that the session may have the header.
    pub(crate) fn check(&self) -> Result<SessionHeader, ConfigError> {
        match self {
            Self::Beside(name) | Self::Only(name) => SessionHeader::named(name),
            Self::Bearer => Ok(SessionHeader::bearer()),
        }
    }
}
