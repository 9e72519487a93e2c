//! How ids travel: by cookie, by header, or both; and what a response that used the session has to say to caches.

use actix_web::{
    dev::RequestHead,
    http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, VARY},
};
use gsession::{ClientInfo, Delivery, Timestamp};

use crate::cookie::{self, SessionCookie};

/// Where ids are read from and written to.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) cookie: Option<SessionCookie>,
    pub(crate) cookie_output: bool,
    pub(crate) header: Option<HeaderName>,
}

/// Which way the client presented something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented {
    Nothing,
    ByCookie,
    ByHeader,
}

impl Transport {
    /// The name by which ids of this transport are told from others: that of its cookie, or else of its header.
    pub(crate) fn realm(&self) -> &str {
        let header = || self.header.as_ref().map_or("", HeaderName::as_str);
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
        self.header
            .iter()
            .flat_map(|name| headers.get_all(name))
            .filter_map(|value| value.to_str().ok())
            .map(str::trim_ascii)
    }

    /// Which way the id came that counts: the first that can be one, otherwise the first text.
    pub(crate) fn presented(&self, headers: &HeaderMap, is_id: impl Fn(&str) -> bool) -> Presented {
        if self.header.is_none() {
            // There is one way only, so it does not matter.
            return Presented::Nothing;
        }
        let texts = || {
            let by_cookie = self.by_cookie(headers).map(|text| (text, Presented::ByCookie));
            by_cookie.chain(self.by_header(headers).map(|text| (text, Presented::ByHeader)))
        };
        let counts = texts().find(|(text, _)| is_id(text)).or_else(|| texts().next());
        counts.map_or(Presented::Nothing, |(_, presented)| presented)
    }

    /// Whether the client keeps an expiry that follows the session's.
    pub(crate) fn keeps_expiry(&self) -> bool {
        self.cookie_output && self.cookie.as_ref().is_some_and(SessionCookie::is_persistent)
    }

    /// Writes what the client has to be told, and what caches have to know (H4).
    ///
    /// The answer goes the way the question came; a client that presented nothing gets it both ways. `now` is asked for only
    /// where a cookie keeps an age.
    pub(crate) fn deliver(
        &self,
        delivery: &Delivery,
        presented: Presented,
        now: impl FnOnce() -> Timestamp,
        headers: &mut HeaderMap,
    ) {
        if self.cookie.is_some() {
            vary(headers, HeaderValue::from_static("Cookie"));
        }
        if let Some(name) = &self.header {
            vary(headers, HeaderValue::from(name.clone()));
        }
        let cookie = self.cookie.as_ref().filter(|_| self.cookie_output && presented != Presented::ByHeader);
        let header = self.header.as_ref().filter(|_| presented != Presented::ByCookie || !self.cookie_output);
        let line = match delivery {
            Delivery::Send { id, expires_at } => {
                if let (Some(name), Ok(mut value)) = (header, HeaderValue::from_str(id.as_str())) {
                    value.set_sensitive(true);
                    headers.insert(name.clone(), value);
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
