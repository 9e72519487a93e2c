//! Header fields as the rules of this module name them, read them and write them. A framework translates.

use std::fmt;

/// The name of a header field that the session reads or writes.
///
/// A framework maps the known names to constants of its own, so that no name is parsed for a request. The name in
/// [`Custom`](Self::Custom) is always that of [`Transport::custom_header`](super::Transport::custom_header), so its form in the
/// framework can be made once, too.
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
    /// The session header of the application's own, in lower case.
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

/// The value of a header field in a response: visible ASCII and spaces. `Debug` does not show a [`Secret`](Self::Secret).
#[derive(Clone, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// `no-store`, for `Cache-Control` (RFC 9111 5.2.2.5).
    NoStore,
    /// The name of a field, for `Vary`. Names ignore case there.
    Name(FieldName<'a>),
    /// A text without a secret.
    Text(String),
    /// A text with an id in it. A framework that knows sensitive values marks it as one: it is then kept out of `Debug` output
    /// and out of HPACK's tables (RFC 7541 7.1.3).
    Secret(String),
}

impl FieldValue<'_> {
    /// The text, whatever is known about it.
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

/// The header fields of a response, which [`Transport::deliver`](super::Transport::deliver) reads and writes. A framework
/// implements it for its header map, or for a type of its own around that; the [module](super) has an example.
pub trait ResponseHeaders {
    /// The raw lines of a field, in their order.
    fn lines(&self, name: FieldName<'_>) -> impl Iterator<Item = &[u8]>;

    /// Adds a line, after those of the same name.
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>);

    /// Sets a field to one line, in place of all that it has.
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
