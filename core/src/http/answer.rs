//! What a response tells its client and caches.

use super::{
    FieldName, FieldValue, IdLocation, ResponseHeaders, Transport,
    caching::{never_stored, not_stored, vary},
    cookie::SessionCookie,
};
use crate::{Delivery, Timestamp};

impl Transport {
    /// Writes what the client and caches must know into a response. Call it for every response whose handler used the
    /// session ([`was_used`](crate::Exchange::was_used)), error responses included, and for no other.
    ///
    /// | the response | gets | source |
    /// |---|---|---|
    /// | every one | `Vary: Cookie`, or the header's name, or both | RFC 9110 12.5.5 |
    /// | gives the client an id, or removes it | `Set-Cookie`, the session header, or both; `Cache-Control: no-store`, unless the handler set a `Cache-Control` | RFC 6265bis 4.1, ASVS 14.3.2 |
    /// | moves the deadline of a cookie with a `Max-Age` (the cookie of a [remembered](crate::Login::remember_for) session always has one) | the same `Set-Cookie` with a new `Max-Age`, and the rest as above | |
    /// | is the page of a logged-in session, with [`no_store_when_logged_in`](super::Builder::no_store_when_logged_in) | `Cache-Control: no-store`, whatever the handler set | ASVS 14.3.2 |
    ///
    /// - `delivery` and `logged_in` come from the [`Finished`](crate::Finished) exchange.
    /// - `location` is where the client presented its id: [`location`](Self::location).
    /// - `now` is the [manager's time](crate::Manager::now). It is called only if the cookie has a `Max-Age`,
    ///   or the session is remembered.
    pub fn deliver(
        &self,
        delivery: &Delivery,
        location: IdLocation,
        now: impl FnOnce() -> Timestamp,
        logged_in: bool,
        headers: &mut impl ResponseHeaders,
    ) {
        if self.cookie.is_some() {
            vary(headers, FieldName::Cookie);
        }
        if let Some(header) = &self.header {
            vary(headers, header.name());
        }
        if logged_in && self.no_store_when_logged_in {
            never_stored(headers);
        }
        let cookie = self.cookie.as_ref().filter(|_| self.cookie_output && location != IdLocation::Header);
        let header = self.header.as_ref().filter(|_| location != IdLocation::Cookie || !self.cookie_output);
        let line = match delivery {
            Delivery::Send { id, expires_at, is_remembered } => {
                if let Some(header) = header {
                    headers.insert(header.name(), FieldValue::Secret(header.value(id)));
                    not_stored(headers);
                }
                cookie.map(|cookie| FieldValue::Secret(cookie.set(id, *expires_at, *is_remembered, now)))
            }
            Delivery::Refresh { id, expires_at, is_remembered } => cookie
                .filter(|cookie| *is_remembered || cookie.is_persistent())
                .map(|cookie| FieldValue::Secret(cookie.set(id, *expires_at, *is_remembered, now))),
            Delivery::Withdraw => cookie.map(SessionCookie::remove).map(FieldValue::Text),
            Delivery::Keep => None,
        };
        if let Some(line) = line {
            headers.append(FieldName::SetCookie, line);
            not_stored(headers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{FieldName::CacheControl, fields::PlainHeaders};

    fn transport(no_store_when_logged_in: bool) -> Transport {
        Transport { no_store_when_logged_in, ..Transport::default() }
    }

    /// The `Cache-Control` lines after a response was delivered.
    fn delivered(transport: &Transport, delivery: &Delivery, logged_in: bool, handler: &[&'static str]) -> Vec<String> {
        let mut headers = PlainHeaders::default();
        for line in handler {
            headers.add(CacheControl, line.as_bytes());
        }
        let now = || panic!("the cookie has no Max-Age");
        transport.deliver(delivery, IdLocation::Both, now, logged_in, &mut headers);
        headers.lines(CacheControl).map(|line| std::str::from_utf8(line).unwrap().to_owned()).collect()
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
        // A line that already says so stays as it is.
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
    fn an_id_goes_where_the_client_presented_its_own() {
        use IdLocation::{Both, Cookie, Header};
        let id = crate::SessionId::from_random([0; 32]);
        let (id_text, now) = (id.as_str().to_owned(), Timestamp::from_millis(0));
        let set = format!("sid={id_text}; Path=/; Secure; HttpOnly; SameSite=Lax");
        let send = Delivery::Send { id, expires_at: now, is_remembered: false };
        let beside = || Transport::builder().cookie_name("sid").header_name("X-Session");
        for (builder, location, cookie, header) in [
            (Transport::builder().cookie_name("sid"), Both, true, None),
            (beside(), Both, true, Some(&id_text)),
            (beside(), Cookie, true, None),
            (beside(), Header, false, Some(&id_text)),
            (beside().cookie_output(false), Cookie, false, Some(&id_text)),
            (Transport::builder().header_only("x-session"), Both, false, Some(&id_text)),
            (Transport::builder().bearer(), Both, false, Some(&format!("Bearer {id_text}"))),
        ] {
            let transport = builder.build().unwrap();
            let mut headers = PlainHeaders::default();
            let name = transport.custom_header().map_or(FieldName::Authorization, FieldName::Custom);
            headers.add(name, b"of the handler");
            transport.deliver(&send, location, || now, false, &mut headers);
            let lines = |name| headers.lines(name).map(<[u8]>::escape_ascii).map(|line| line.to_string());
            let cookie = cookie.then_some(&set);
            assert_eq!(
                lines(FieldName::SetCookie).collect::<Vec<_>>(),
                cookie.into_iter().cloned().collect::<Vec<_>>()
            );
            // An id replaces what the handler set.
            let header = header.map_or("of the handler", String::as_str);
            assert_eq!(lines(name).collect::<Vec<_>>(), [header], "{transport:?}, {location:?}");
            assert_eq!(lines(CacheControl).collect::<Vec<_>>(), ["no-store"]);
        }
    }

    #[test]
    fn vary_names_what_ids_are_read_from_once() {
        for (builder, handler, vary) in [
            (Transport::builder(), &[][..], &["Cookie"][..]),
            (Transport::builder().header_name("X-Session"), &[], &["Cookie", "x-session"]),
            (Transport::builder().bearer(), &["Accept"], &["Accept", "authorization"]),
            (Transport::builder().header_name("X-Session"), &["accept, COOKIE"], &["accept, COOKIE", "x-session"]),
            (Transport::builder().header_name("X-Session"), &["*"], &["*"]),
        ] {
            let mut headers = PlainHeaders::default();
            handler.iter().for_each(|line| headers.add(FieldName::Vary, line.as_bytes()));
            let now = || panic!("the cookie has no Max-Age");
            builder.build().unwrap().deliver(&Delivery::Keep, IdLocation::Both, now, false, &mut headers);
            let lines: Vec<_> = headers.lines(FieldName::Vary).map(|line| std::str::from_utf8(line).unwrap()).collect();
            assert_eq!(lines, vary);
        }
    }
}
