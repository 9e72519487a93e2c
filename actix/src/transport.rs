//! How ids travel: by cookie, by header, or both; and what a response that used the session has to say to caches.

use actix_web::{
    dev::RequestHead,
    http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, SET_COOKIE, VARY},
};
use gsession::{ClientInfo, Delivery, Timestamp};

use crate::{
    cookie::{self, SessionCookie},
    header::SessionHeader,
};

/// Where ids are read from and written to.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) cookie: Option<SessionCookie>,
    pub(crate) cookie_output: bool,
    pub(crate) header: Option<SessionHeader>,
    /// Whether no cache may keep what a logged-in user was shown, the browser's among them.
    pub(crate) no_store_when_logged_in: bool,
}

/// Which way the answer goes: the way the question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// By cookie and by header, so far as both are used.
    Both,
    Cookie,
    Header,
}

impl Transport {
    /// The name by which ids of this transport are told from others: that of its cookie, or else of its header.
    pub(crate) fn realm(&self) -> &str {
        let header = || self.header.as_ref().map_or("", SessionHeader::as_str);
        self.cookie.as_ref().map_or_else(header, |cookie| &cookie.name)
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.cookie.as_ref().is_some_and(|cookie| cookie.name == name)
            || self.header.as_ref().is_some_and(|header| header.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether both would take an id from the same cookie or header.
    pub(crate) fn shares_a_name(&self, other: &Self) -> bool {
        let by_cookie = self.cookie.as_ref().zip(other.cookie.as_ref()).is_some_and(|(one, two)| one.name == two.name);
        by_cookie || self.header.is_some() && self.header == other.header
    }

    /// Every text that may be an id: cookies first, then headers, as GoFrame looks for them.
    pub(crate) fn candidates<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        self.by_cookie(headers).chain(self.by_header(headers))
    }

    fn by_cookie<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        self.cookie.iter().flat_map(|cookie| cookie::values(headers, &cookie.name))
    }

    fn by_header<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        self.header.iter().flat_map(|header| header.values(headers))
    }

    /// The way by which the client presents what can be an id, or anything at all if nothing can. Both ways if it presents ids
    /// both ways, since either may be the one that counts; and if it presents nothing.
    pub(crate) fn via(&self, headers: &HeaderMap, is_id: impl Fn(&str) -> bool) -> Via {
        if self.header.is_none() {
            // There is one way only, so it does not matter.
            return Via::Both;
        }
        let ids = (self.by_cookie(headers).any(&is_id), self.by_header(headers).any(&is_id));
        let texts = || (self.by_cookie(headers).next().is_some(), self.by_header(headers).next().is_some());
        match if ids == (false, false) { texts() } else { ids } {
            (true, false) => Via::Cookie,
            (false, true) => Via::Header,
            _ => Via::Both,
        }
    }

    /// Whether the client keeps an expiry that follows the session's.
    pub(crate) fn keeps_expiry(&self) -> bool {
        self.cookie_output && self.cookie.as_ref().is_some_and(SessionCookie::is_persistent)
    }

    /// Sets the headers for the client and for caches (H4).
    ///
    /// `now` is called only if the cookie has a `Max-Age`. `logged_in` says whether the session has a principal.
    pub(crate) fn deliver(
        &self,
        delivery: &Delivery,
        via: Via,
        now: impl FnOnce() -> Timestamp,
        logged_in: bool,
        headers: &mut HeaderMap,
    ) {
        if self.cookie.is_some() {
            vary(headers, HeaderValue::from_static("Cookie"));
        }
        if let Some(header) = &self.header {
            vary(headers, HeaderValue::from(header.name().clone()));
        }
        if logged_in && self.no_store_when_logged_in {
            never_stored(headers);
        }
        let cookie = self.cookie.as_ref().filter(|_| self.cookie_output && via != Via::Header);
        let header = self.header.as_ref().filter(|_| via != Via::Cookie || !self.cookie_output);
        let line = match delivery {
            Delivery::Send { id, expires_at } => {
                if let Some((header, value)) = header.and_then(|header| Some((header, header.value(id)?))) {
                    headers.insert(header.name().clone(), value);
                    not_stored(headers);
                }
                cookie.and_then(|cookie| cookie.set(id, *expires_at, now()))
            }
            Delivery::Refresh { id, expires_at } => {
                cookie.filter(|cookie| cookie.is_persistent()).and_then(|cookie| cookie.set(id, *expires_at, now()))
            }
            Delivery::Withdraw => cookie.and_then(SessionCookie::remove),
            _ => None,
        };
        if let Some(line) = line {
            headers.append(SET_COOKIE, line);
            not_stored(headers);
        }
    }
}

/// What is known about a client.
pub(crate) fn client_info(head: &RequestHead) -> ClientInfo {
    head.headers().iter().fold(ClientInfo::new(head.peer_addr), |client, (name, value)| {
        client.with_header(name.as_str(), value.as_bytes())
    })
}

/// Adds a field to `Vary`, unless it is there.
pub(crate) fn vary(headers: &mut HeaderMap, field: HeaderValue) {
    let wanted = field.as_bytes();
    let named = headers.get_all(VARY).any(|line| {
        let mut fields = line.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        fields.any(|held| held == b"*" || held.eq_ignore_ascii_case(wanted))
    });
    if !named {
        headers.append(VARY, field);
    }
}

/// Keeps a response with an id out of caches, unless the handler chose its own rule (R14).
fn not_stored(headers: &mut HeaderMap) {
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Keeps a response out of every cache, whatever the handler chose. Its own lines stay if they say so already.
pub(crate) fn never_stored(headers: &mut HeaderMap) {
    if !headers.get_all(CACHE_CONTROL).any(|line| says_no_store(line.as_bytes())) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Whether `no-store` is one of the directives of a line (RFC 9111 5.2). A comma within quotes separates none.
fn says_no_store(line: &[u8]) -> bool {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let mut directives = line.split(|&byte| {
        let is_literal = std::mem::take(&mut is_escaped);
        match byte {
            b'\\' if is_quoted && !is_literal => is_escaped = true,
            b'"' if !is_literal => is_quoted = !is_quoted,
            _ => {}
        }
        byte == b',' && !is_quoted
    });
    directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-store"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookie::CookieAttributes;

    fn transport(no_store_when_logged_in: bool) -> Transport {
        let cookie = CookieAttributes::default().check().unwrap();
        Transport { cookie: Some(cookie), cookie_output: true, header: None, no_store_when_logged_in }
    }

    /// What the `Cache-Control` lines are after a response was delivered.
    fn delivered(transport: &Transport, delivery: &Delivery, logged_in: bool, handler: &[&'static str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in handler {
            headers.append(CACHE_CONTROL, HeaderValue::from_static(line));
        }
        transport.deliver(delivery, Via::Both, || Timestamp::from_millis(0), logged_in, &mut headers);
        headers.get_all(CACHE_CONTROL).map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_a_logged_in_user_was_shown_is_not_stored() {
        for handler in
            [&[][..], &["public"], &["public, max-age=60"], &["private"], &["no-cache"], &["public", "max-age=60"]]
        {
            for delivery in [Delivery::Keep, Delivery::Withdraw] {
                assert_eq!(delivered(&transport(true), &delivery, true, handler), ["no-store"], "{handler:?}");
            }
        }
        // What says so already stays as it is, on whichever line.
        for handler in [&["No-Store"][..], &["private, no-store"], &["max-age=0", "no-store"]] {
            assert_eq!(delivered(&transport(true), &Delivery::Keep, true, handler), handler);
        }
    }

    #[test]
    fn without_the_setting_or_a_login_the_handler_decides() {
        for (setting, logged_in) in [(false, false), (false, true), (true, false)] {
            let transport = transport(setting);
            for handler in [&[][..], &["public"], &["private", "max-age=60"]] {
                assert_eq!(delivered(&transport, &Delivery::Keep, logged_in, handler), handler);
            }
            assert_eq!(delivered(&transport, &Delivery::Withdraw, logged_in, &["public"]), ["public"]);
            assert_eq!(delivered(&transport, &Delivery::Withdraw, logged_in, &[]), ["no-store"]);
        }
    }

    #[test]
    fn no_store_is_found_where_it_is_a_directive() {
        for line in [
            "no-store",
            "No-Store",
            " no-store ",
            "private, no-store",
            "no-store,max-age=0",
            "max-age=0 ,\tno-store\t, private",
            r#"private="set-cookie, x", no-store"#,
            r#"ext="a\"b", no-store"#,
            r#"ext="a\\", no-store"#,
        ] {
            assert!(says_no_store(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            ",",
            "no-stores",
            "xno-store",
            "no-store=1",
            "no-cache",
            "private",
            "no store",
            r#"ext="a, no-store, b""#,
            r#"ext="a\", no-store, b""#,
            r#"ext="never closed, no-store"#,
            r#""no-store""#,
        ] {
            assert!(!says_no_store(line.as_bytes()), "{line}");
        }
        assert!(says_no_store(b"\xff, no-store"));
    }
}
