//! Header fields as this module names, reads and writes them. A framework translates them.

use std::fmt;

/// The name of a header field that the session reads or writes.
///
/// A framework maps the known names to its own constants, so that no name is parsed per request. The name in
/// [`Custom`](Self::Custom) is always [`Transport::custom_header`](super::Transport::custom_header), so it can be
/// converted once, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldName<'a> {
    /// `Authorization` (RFC 9110 11.6.2).
    Authorization,
    /// `Cache-Control` (RFC 9111 5.2).
    CacheControl,
    /// `Cookie` (RFC 6265 4.2).
    Cookie,
    /// `Set-Cookie` (RFC 6265 4.1).
    SetCookie,
    /// `Vary` (RFC 9110 12.5.5).
    Vary,
    /// The custom session header, in lower case.
    Custom(&'a str),
}

impl<'a> FieldName<'a> {
    /// The name in lower case, as HTTP/2 and HTTP/3 write it. HTTP/1.1 ignores case (RFC 9110 5.1).
    ///
    /// ```
    /// use gsession::http::FieldName;
    ///
    /// assert_eq!(FieldName::SetCookie.as_str(), "set-cookie");
    /// assert_eq!(FieldName::Custom("x-session").as_str(), "x-session");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        match self {
            Self::Authorization => "authorization",
            Self::CacheControl => "cache-control",
            Self::Cookie => "cookie",
            Self::SetCookie => "set-cookie",
            Self::Vary => "vary",
            Self::Custom(name) => name,
        }
    }
}

/// The value of a header field in a response: visible ASCII and spaces. `Debug` does not show a
/// [`Secret`](Self::Secret).
#[derive(Clone, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// `no-store`, for `Cache-Control` (RFC 9111 5.2.2.5).
    NoStore,
    /// The name of a field, for `Vary`, where case does not matter.
    Name(FieldName<'a>),
    /// A text without a secret.
    Text(String),
    /// A text that contains an id. If the framework supports sensitive values, it marks this as one, which keeps it out
    /// of `Debug` output and HPACK's tables (RFC 7541 7.1.3).
    Secret(String),
}

impl FieldValue<'_> {
    /// The text, secret or not.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::NoStore => "no-store",
            Self::Name(FieldName::Cookie) => "Cookie",
            Self::Name(name) => name.as_str(),
            Self::Text(text) | Self::Secret(text) => text,
        }
    }

    /// Whether the text must not be shown.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }
}

impl fmt::Debug for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.is_secret() { "(secret)" } else { self.as_str() };
        f.debug_tuple("FieldValue").field(&shown).finish()
    }
}

/// The header fields of a response, which [`Transport::deliver`](super::Transport::deliver) reads and writes. A
/// framework implements it for its header map, or for a wrapper around that; the [module](super) has an example.
pub trait ResponseHeaders {
    /// The raw lines of a field, in order.
    fn lines(&self, name: FieldName<'_>) -> impl Iterator<Item = &[u8]>;

    /// Adds a line after those of the same name.
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>);

    /// Sets a field to one line, replacing all its lines.
    fn insert(&mut self, name: FieldName<'_>, value: FieldValue<'_>);
}

/// Header fields without a framework.
#[cfg(any(test, feature = "fuzzing"))]
#[derive(Debug, Default, Clone)]
pub(super) struct PlainHeaders(Vec<(String, Vec<u8>)>);

#[cfg(any(test, feature = "fuzzing"))]
impl PlainHeaders {
    pub(super) fn add(&mut self, name: FieldName<'_>, line: &[u8]) {
        self.0.push((name.as_str().to_owned(), line.to_vec()));
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl ResponseHeaders for PlainHeaders {
    fn lines(&self, name: FieldName<'_>) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(held, _)| held == name.as_str()).map(|(_, line)| line.as_slice())
    }

    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        self.add(name, value.as_str().as_bytes());
    }

    fn insert(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        self.0.retain(|(held, _)| held != name.as_str());
        self.append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let secret = FieldValue::Secret("sid=abc".into());
        assert_eq!(format!("{secret:?}"), r#"FieldValue("(secret)")"#);
        assert_eq!(secret.as_str(), "sid=abc");
        for (value, shown) in [
            (FieldValue::NoStore, "no-store"),
            (FieldValue::Name(FieldName::Cookie), "Cookie"),
            (FieldValue::Name(FieldName::Custom("x-session")), "x-session"),
            (FieldValue::Text("sid=".into()), "sid="),
        ] {
            assert_eq!(format!("{value:?}"), format!("FieldValue({shown:?})"));
        }
    }
}
