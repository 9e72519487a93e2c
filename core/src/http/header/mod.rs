//! The session header: a custom one, or `Authorization: Bearer`.

mod bearer;
mod choice;
mod taken;

use super::{ConfigError, FieldName, token::is_name};
use crate::SessionId;

pub(super) use choice::HeaderChoice;

/// A header that carries ids, in requests and in responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SessionHeader {
    /// A header of this name, in lower case, with just the id.
    Custom(String),
    /// `Authorization` with `Bearer`, a space and the id.
    Bearer,
}

impl SessionHeader {
    /// A custom header.
    pub(super) fn custom(name: &str) -> Result<Self, ConfigError> {
        if !is_name(name) {
            return Err(ConfigError::HeaderName(name.to_owned()));
        }
        let lower = name.to_ascii_lowercase();
        match taken::reason(&lower) {
            Some(reason) => Err(ConfigError::HeaderTaken { name: name.to_owned(), reason }),
            None => Ok(Self::Custom(lower)),
        }
    }

    pub(super) fn name(&self) -> FieldName<'_> {
        match self {
            Self::Custom(name) => FieldName::Custom(name),
            Self::Bearer => FieldName::Authorization,
        }
    }

    /// The text in a line that may be an id. A line that is not ASCII is skipped, as ids are ASCII.
    pub(super) fn text<'a>(&self, line: &'a [u8]) -> Option<&'a str> {
        let line = std::str::from_utf8(line).ok().filter(|line| line.is_ascii())?;
        match self {
            Self::Custom(_) => Some(line.trim_ascii()),
            Self::Bearer => bearer::token(line),
        }
    }

    /// The header value that gives the client an id.
    pub(super) fn value(&self, id: &SessionId) -> String {
        match self {
            Self::Custom(_) => id.as_str().to_owned(),
            Self::Bearer => bearer::credentials(id.as_str()),
        }
    }
}
