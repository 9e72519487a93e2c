//! The HTTP rules ([`gsession::http`]) on actix-web's headers.

use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, VARY,
};
use gsession::http::{FieldName, FieldValue, ResponseHeaders};

/// The headers of a response.
pub(crate) struct Headers<'a> {
    pub(crate) map: &'a mut HeaderMap,
    pub(crate) custom: Option<&'a HeaderName>,
}

impl Headers<'_> {
    fn name(&self, name: FieldName<'_>) -> Option<HeaderName> {
        known(name).or_else(|| self.custom.cloned())
    }

    /// A line for actix-web, or `None` if actix-web rejects the value. It accepts every id.
    fn line(&self, name: FieldName<'_>, value: FieldValue<'_>) -> Option<(HeaderName, HeaderValue)> {
        let name = self.name(name)?;
        let value = match value {
            FieldValue::NoStore => HeaderValue::from_static("no-store"),
            FieldValue::Name(FieldName::Cookie) => HeaderValue::from_static("Cookie"),
            FieldValue::Name(name) => self.name(name)?.into(),
            FieldValue::Text(text) => HeaderValue::try_from(text).ok()?,
            FieldValue::Secret(text) => {
                let mut value = HeaderValue::try_from(text).ok()?;
                value.set_sensitive(true);
                value
            }
        };
        Some((name, value))
    }
}

impl ResponseHeaders for Headers<'_> {
    fn lines(&self, name: FieldName<'_>) -> impl Iterator<Item = &[u8]> {
        lines(self.map, name, self.custom)
    }

    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        if let Some((name, value)) = self.line(name, value) {
            self.map.append(name, value);
        }
    }

    fn insert(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        if let Some((name, value)) = self.line(name, value) {
            self.map.insert(name, value);
        }
    }
}

/// The raw lines of a field.
#[inline]
pub(crate) fn lines<'a>(
    headers: &'a HeaderMap,
    name: FieldName<'_>,
    custom: Option<&HeaderName>,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let values = match (known(name), custom) {
        (Some(known), _) => headers.get_all(known),
        (None, Some(custom)) => headers.get_all(custom),
        (None, None) => [].iter(),
    };
    values.map(HeaderValue::as_bytes)
}

/// actix-web's constant for a name, or `None` for a custom header.
#[inline]
fn known(name: FieldName<'_>) -> Option<HeaderName> {
    Some(match name {
        FieldName::Authorization => AUTHORIZATION,
        FieldName::CacheControl => CACHE_CONTROL,
        FieldName::Cookie => COOKIE,
        FieldName::SetCookie => SET_COOKIE,
        FieldName::Vary => VARY,
        FieldName::Custom(_) => return None,
    })
}
