//! Which header the settings choose.

use super::SessionHeader;
use crate::http::ConfigError;

/// One of three mutually exclusive settings.
#[derive(Debug, Clone)]
pub(in crate::http) enum HeaderChoice {
    /// A header in addition to the cookie.
    Beside(String),
    /// A header instead of the cookie.
    Only(String),
    /// `Authorization: Bearer` instead of the cookie.
    Bearer,
}

impl HeaderChoice {
    /// The name of the setting.
    pub(in crate::http) const fn setting(&self) -> &'static str {
        match self {
            Self::Beside(_) => "header_name",
            Self::Only(_) => "header_only",
            Self::Bearer => "bearer",
        }
    }

    pub(in crate::http) const fn replaces_cookie(&self) -> bool {
        matches!(self, Self::Only(_) | Self::Bearer)
    }

    /// Checks that the session may use the header.
    pub(in crate::http) fn check(&self) -> Result<SessionHeader, ConfigError> {
        match self {
            Self::Beside(name) | Self::Only(name) => SessionHeader::custom(name),
            Self::Bearer => Ok(SessionHeader::Bearer),
        }
    }
}
