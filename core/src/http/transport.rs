//! How ids travel: by cookie, by header, or both.

use super::{FieldName, cookie, cookie::SessionCookie, header::SessionHeader};

/// Where ids are read from in a request and written to in a response, from settings that were checked.
///
/// The default is that of the [builder](Self::builder): a cookie `__Host-Http-gsession`. The [module](super) has an
/// example.
///
/// Methods that read take a function that returns the raw lines of a header field, in order. The results borrow from
/// those lines; nothing is copied.
#[derive(Debug, Clone)]
pub struct Transport {
    pub(super) cookie: Option<SessionCookie>,
    pub(super) cookie_output: bool,
    pub(super) header: Option<SessionHeader>,
    pub(super) no_store_when_logged_in: bool,
}

/// Where a client presents its id, and so where a new one is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdLocation {
    /// In the cookie.
    Cookie,
    /// In the session header.
    Header,
    /// In both, or in neither yet: a new id is sent in both, if both are used.
    Both,
}

impl Default for Transport {
    fn default() -> Self {
        let cookie = Some(SessionCookie::default());
        Self { cookie, cookie_output: true, header: None, no_store_when_logged_in: false }
    }
}

impl Transport {
    /// The name of its cookie, or of its header if there is no cookie: by default the [`Realm`](crate::Realm) of its ids, so
    /// that an id from the shop's cookie opens nothing in the admin area's ([S13](crate::design#s13)). For
    /// [`ManagerBuilder::realm`](crate::ManagerBuilder::realm).
    ///
    /// ```
    /// use gsession::http::Transport;
    ///
    /// assert_eq!(Transport::default().realm(), "__Host-Http-gsession");
    /// assert_eq!(Transport::builder().bearer().build()?.realm(), "authorization");
    /// # Ok::<(), gsession::http::ConfigError>(())
    /// ```
    #[must_use]
    pub fn realm(&self) -> &str {
        match (&self.cookie, &self.header) {
            (Some(cookie), _) => &cookie.name,
            (None, Some(header)) => header.name().as_str(),
            (None, None) => "",
        }
    }

    /// Whether its cookie or its header has this name. Header names ignore case (RFC 9110 5.1), cookie names do not.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.cookie.as_ref().is_some_and(|cookie| cookie.name == name)
            || self.header.as_ref().is_some_and(|header| header.name().as_str().eq_ignore_ascii_case(name))
    }

    /// Whether both read ids from the same cookie or header. Around one handler, each would mistake the other's ids for
    /// its own.
    #[must_use]
    pub fn shares_a_name(&self, other: &Self) -> bool {
        let by_cookie = self.cookie.as_ref().zip(other.cookie.as_ref()).is_some_and(|(one, two)| one.name == two.name);
        by_cookie || self.header.is_some() && self.header == other.header
    }

    /// The name of the custom session header, in lower case, as in [`FieldName::Custom`]. `None` if there is none, or
    /// if it is `Authorization`.
    #[must_use]
    pub fn custom_header(&self) -> Option<&str> {
        match &self.header {
            Some(SessionHeader::Custom(name)) => Some(name),
            _ => None,
        }
    }

    /// The header fields of a request that may carry ids.
    pub fn carriers(&self) -> impl Iterator<Item = FieldName<'_>> {
        let cookie = self.cookie.iter().map(|_| FieldName::Cookie);
        cookie.chain(self.header.iter().map(SessionHeader::name))
    }

    /// Whether the client has an expiry of its own that follows the session's: the cookie has a `Max-Age`. A framework
    /// then calls [`client_keeps_expiry`](crate::Exchange::client_keeps_expiry) on each exchange.
    #[must_use]
    pub fn client_keeps_expiry(&self) -> bool {
        self.cookie_output && self.cookie.as_ref().is_some_and(SessionCookie::is_persistent)
    }

    /// Whether the pages of a logged-in session are kept out of all caches:
    /// [`no_store_when_logged_in`](super::Builder::no_store_when_logged_in).
    #[must_use]
    pub const fn no_store_when_logged_in(&self) -> bool {
        self.no_store_when_logged_in
    }

    /// All texts in a request that may be ids, for [`begin`](crate::Manager::begin): first those of cookies, then those
    /// of headers, as in GoFrame.
    ///
    /// A cookie counts only if its name matches byte for byte. Anything else in a `Cookie` line (RFC 6265 4.2), even if
    /// it is broken or not UTF-8, neither hides the cookie nor replaces it (CVE-2020-7070).
    ///
    /// ```
    /// use gsession::http::Transport;
    ///
    /// let transport = Transport::builder().cookie_name("sid").header_name("X-Session").build()?;
    /// let lines = |name: gsession::http::FieldName<'_>| match name.as_str() {
    ///     "cookie" => vec![&b"\xff=?; sid=a; sid=b"[..], b"SID=c; sid=d"],
    ///     "x-session" => vec![&b" e "[..]],
    ///     _ => vec![],
    /// };
    /// let candidates: Vec<_> = transport.candidates(lines).collect();
    /// assert_eq!(candidates, ["a", "b", "d", "e"]);
    /// # Ok::<(), gsession::http::ConfigError>(())
    /// ```
    pub fn candidates<'a, I: IntoIterator<Item = &'a [u8]>>(
        &'a self,
        lines: impl Fn(FieldName<'a>) -> I + Copy,
    ) -> impl Iterator<Item = &'a str> {
        self.by_cookie(lines).chain(self.by_header(lines))
    }

    fn by_cookie<'a, I: IntoIterator<Item = &'a [u8]>>(
        &'a self,
        lines: impl Fn(FieldName<'a>) -> I,
    ) -> impl Iterator<Item = &'a str> {
        self.cookie.iter().flat_map(move |cookie| {
            lines(FieldName::Cookie).into_iter().flat_map(|line| cookie::values(line, &cookie.name))
        })
    }

    fn by_header<'a, I: IntoIterator<Item = &'a [u8]>>(
        &'a self,
        lines: impl Fn(FieldName<'a>) -> I,
    ) -> impl Iterator<Item = &'a str> {
        self.header.iter().flat_map(move |header| lines(header.name()).into_iter().filter_map(|line| header.text(line)))
    }

    /// Where the client presents a text that can be an id, or any text if none can be one. [`Both`](IdLocation::Both)
    /// if it presents ids in both, since either may count, and if it presents nothing.
    ///
    /// `is_id` returns whether a text can be an id: the manager's [`accepts`](crate::Manager::accepts).
    #[must_use]
    pub fn location<'a, I: IntoIterator<Item = &'a [u8]>>(
        &'a self,
        lines: impl Fn(FieldName<'a>) -> I + Copy,
        is_id: impl Fn(&str) -> bool,
    ) -> IdLocation {
        if self.header.is_none() {
            // There is only one way, so it does not matter.
            return IdLocation::Both;
        }
        let ids = (self.by_cookie(lines).any(&is_id), self.by_header(lines).any(&is_id));
        let texts = || (self.by_cookie(lines).next().is_some(), self.by_header(lines).next().is_some());
        match if ids == (false, false) { texts() } else { ids } {
            (true, false) => IdLocation::Cookie,
            (false, true) => IdLocation::Header,
            _ => IdLocation::Both,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_before_texts_and_both_ways_are_one_of_their_own() {
        let transport = Transport::builder().cookie_name("sid").header_name("X-Session").build().unwrap();
        for (cookie, header, location) in [
            ("", "", IdLocation::Both),
            ("sid=ID", "", IdLocation::Cookie),
            ("", "ID", IdLocation::Header),
            ("sid=ID", "ID", IdLocation::Both),
            // A text that cannot be an id counts only if none can be one.
            ("sid=x", "ID", IdLocation::Header),
            ("sid=ID", "x", IdLocation::Cookie),
            ("sid=x", "", IdLocation::Cookie),
            ("sid=x", "x", IdLocation::Both),
            ("other=ID", "ID", IdLocation::Header),
            ("sid=x; sid=ID", "x", IdLocation::Cookie),
        ] {
            let lines = |name| match name {
                FieldName::Cookie => Some(cookie.as_bytes()),
                FieldName::Custom("x-session") => Some(header.as_bytes()).filter(|line| !line.is_empty()),
                _ => panic!("{name:?} has no ids"),
            };
            assert_eq!(transport.location(lines, |text| text == "ID"), location, "{cookie:?}, {header:?}");
        }
    }

    #[test]
    fn a_header_line_that_is_not_ascii_hides_no_other() {
        let lines = |_| [&b"\xff"[..], "\u{e9}".as_bytes(), b" x\t"];
        let transport = Transport::builder().header_only("x-session").build().unwrap();
        assert_eq!(transport.candidates(lines).collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn transports_share_a_name_by_cookie_or_by_header() {
        let with =
            |cookie: &str, header: &str| Transport::builder().cookie_name(cookie).header_name(header).build().unwrap();
        let transport = with("a", "X-A");
        assert!(transport.shares_a_name(&with("a", "X-B")) && transport.shares_a_name(&with("b", "x-a")));
        assert!(!transport.shares_a_name(&with("A", "X-B")), "cookie names do not ignore case");
        assert!(transport.is_named("a") && transport.is_named("X-a") && !transport.is_named("A"));
        assert_eq!((transport.realm(), transport.custom_header()), ("a", Some("x-a")));
        let bearer = Transport::builder().bearer().build().unwrap();
        assert!(bearer.is_named("Authorization") && bearer.custom_header().is_none());
        assert!(!bearer.shares_a_name(&transport) && bearer.shares_a_name(&bearer.clone()));
    }
}
