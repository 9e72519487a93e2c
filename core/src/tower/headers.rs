//! The HTTP rules on the headers of the crate `http`.

use ::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, SET_COOKIE, VARY},
};

use crate::http::{FieldName, FieldValue, ResponseHeaders};

/// The headers of a response.
pub(super) struct Headers<'a> {
    pub(super) map: &'a mut HeaderMap,
    /// The custom session header, parsed once.
    pub(super) custom: Option<&'a HeaderName>,
}

impl Headers<'_> {
    fn name(&self, name: FieldName<'_>) -> Option<HeaderName> {
        field(name).or_else(|| self.custom.cloned())
    }

    /// A line for the map, or `None` if the map rejects the value. It accepts every id.
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
        let name = self.name(name);
        name.into_iter().flat_map(|name| self.map.get_all(name).iter().map(HeaderValue::as_bytes))
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

/// The constant for a name, or `None` for a custom header.
pub(super) fn field(name: FieldName<'_>) -> Option<HeaderName> {
    Some(match name {
        FieldName::Authorization => AUTHORIZATION,
        FieldName::CacheControl => CACHE_CONTROL,
        FieldName::Cookie => COOKIE,
        FieldName::SetCookie => SET_COOKIE,
        FieldName::Vary => VARY,
        FieldName::Custom(_) => return None,
    })
}
