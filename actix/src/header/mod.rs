//! The session header: a header of the application's own, or `Authorization: Bearer`.

mod bearer;
mod choice;
mod taken;

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use gsession::SessionId;

use crate::ConfigError;

pub(crate) use choice::HeaderChoice;

/// Bytes of a name, as of a cookie's: servers and proxies bound the heads of requests.
const LONGEST: usize = 256;

/// A header that carries ids, in requests and in responses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SessionHeader {
    name: HeaderName,
    form: Form,
}

/// How an id is written in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The id and nothing else.
    Bare,
    /// `Bearer`, a space, the id.
    Bearer,
}

impl SessionHeader {
    /// A header of the application's own.
    pub(crate) fn named(name: &str) -> Result<Self, ConfigError> {
        let is_short = name.len() <= LONGEST;
        let header = HeaderName::try_from(name).ok().filter(|_| is_short);
        let header = header.ok_or_else(|| ConfigError::HeaderName(name.to_owned()))?;
        match taken::reason(header.as_str()) {
            Some(reason) => Err(ConfigError::HeaderTaken { name: name.to_owned(), reason }),
            None => Ok(Self { name: header, form: Form::Bare }),
        }
    }

    /// `Authorization: Bearer`.
    pub(crate) const fn bearer() -> Self {
        Self { name: AUTHORIZATION, form: Form::Bearer }
    }

    pub(crate) const fn name(&self) -> &HeaderName {
        &self.name
    }

    pub(crate) fn as_str(&self) -> &str {
        self.name.as_str()
    }

    /// Every text in a request's headers that may be an id. A line that is not ASCII text is skipped; no id has one.
    pub(crate) fn values<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        headers.get_all(&self.name).filter_map(|value| value.to_str().ok()).filter_map(|value| match self.form {
            Form::Bare => Some(value.trim_ascii()),
            Form::Bearer => bearer::token(value),
        })
    }

    /// What a response says to give its client an id.
    pub(crate) fn value(&self, id: &SessionId) -> Option<HeaderValue> {
        let mut value = match self.form {
            Form::Bare => HeaderValue::from_str(id.as_str()),
            Form::Bearer => HeaderValue::try_from(bearer::credentials(id.as_str())),
        }
        .ok()?;
        // Kept out of the `Debug` of responses.
        value.set_sensitive(true);
        Some(value)
    }
}
