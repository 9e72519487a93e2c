//! Which headers the session may have, and which settings exclude each other (H1).

use std::time::Duration;

use gsession::{
    MemoryStorage,
    http::{ConfigError, SameSite},
};

use crate::framework::{Builder, Sessions};

type Configure = fn(Builder) -> Builder;

fn builder() -> Builder {
    Sessions::builder(MemoryStorage::new())
}

fn refused(configure: Configure) -> ConfigError {
    configure(builder()).build().expect_err("it cannot work")
}

#[test]
fn authorization_is_refused_with_a_hint_at_bearer() {
    for name in ["authorization", "Authorization", "AUTHORIZATION"] {
        for built in [builder().header_name(name).build(), builder().header_only(name).build()] {
            let error = built.expect_err(name);
            assert!(matches!(&error, ConfigError::HeaderTaken { name: held, .. } if held == name), "{error:?}");
            let text = error.to_string();
            assert!(text.contains("bearer()") && text.contains(name), "{text}");
        }
    }
}

#[test]
fn headers_with_a_meaning_of_their_own_are_refused() {
    for name in [
        "Accept",
        "Accept-Language",
        "Access-Control-Allow-Origin",
        "Cache-Control",
        "Connection",
        "Content-Length",
        "Content-Type",
        "Cookie",
        "Date",
        "ETag",
        "Expect",
        "Forwarded",
        "Host",
        "If-None-Match",
        "Location",
        "Origin",
        "Proxy-Authorization",
        "Range",
        "Referer",
        "Sec-Fetch-Site",
        "Set-Cookie",
        "Strict-Transport-Security",
        "TE",
        "Traceparent",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "User-Agent",
        "Vary",
        "Via",
        "WWW-Authenticate",
        "X-CSRF-Token",
        "X-Forwarded-For",
        "X-Request-Id",
    ] {
        for spelt in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            for built in [builder().header_name(&spelt).build(), builder().header_only(&spelt).build()] {
                let Err(ConfigError::HeaderTaken { name: held, reason }) = built else { panic!("{spelt}: {built:?}") };
                assert_eq!(held, spelt);
                assert!(!reason.is_empty());
            }
        }
    }
    for name in ["x-session", "X-Auth-Token", "gfsessionid", "session"] {
        assert!(builder().header_name(name).build().is_ok(), "{name}");
        assert!(builder().header_only(name).build().is_ok(), "{name}");
    }
}

#[test]
fn what_is_no_header_name_is_refused() {
    for name in ["", "a b", "a:b", "a\r\nb", "ä", "a\0"] {
        for built in [builder().header_name(name).build(), builder().header_only(name).build()] {
            assert_eq!(built.expect_err(name), ConfigError::HeaderName(name.into()));
        }
    }
}

#[test]
fn two_choices_of_a_header_exclude_each_other_in_any_order() {
    let cases: [(Configure, &str, &str); 7] = [
        (|b| b.header_name("x-a").bearer(), "header_name", "bearer"),
        (|b| b.bearer().header_name("x-a"), "bearer", "header_name"),
        (|b| b.header_only("x-a").bearer(), "header_only", "bearer"),
        (|b| b.bearer().header_only("x-a"), "bearer", "header_only"),
        (|b| b.header_only("x-a").header_name("x-a"), "header_only", "header_name"),
        (|b| b.header_name("x-a").header_only("x-a"), "header_name", "header_only"),
        // The first contradiction is named, whatever comes after it.
        (|b| b.header_name("x-a").bearer().header_name("x-a"), "header_name", "bearer"),
    ];
    for (configure, first, second) in cases {
        let error = refused(configure);
        assert_eq!(error, ConfigError::HeaderChosenTwice { first, second });
        assert_eq!(error.to_string(), format!("{first} and {second} exclude each other: choose one"));
    }
    // The same setting again replaces what it said before.
    let fine: [Configure; 3] = [
        |b| b.header_name("authorization").header_name("x-a"),
        |b| b.header_only("cookie").header_only("x-a"),
        |b| b.bearer().bearer(),
    ];
    for configure in fine {
        assert!(configure(builder()).build().is_ok());
    }
}

#[test]
fn settings_of_a_cookie_that_is_not_there_are_refused() {
    let settings: [(Configure, &str); 9] = [
        (|b| b.cookie_name("a"), "cookie_name"),
        (|b| b.cookie_secure(false), "cookie_secure"),
        (|b| b.cookie_secure(true), "cookie_secure"),
        (|b| b.cookie_same_site(SameSite::Lax), "cookie_same_site"),
        (|b| b.cookie_partitioned(true), "cookie_partitioned"),
        (|b| b.cookie_domain("example.org"), "cookie_domain"),
        (|b| b.cookie_path("/a"), "cookie_path"),
        (|b| b.cookie_max_age(Duration::from_secs(60)), "cookie_max_age"),
        (|b| b.cookie_output(true), "cookie_output(true)"),
    ];
    let instead: [(Configure, &str); 2] = [(|b| b.bearer(), "bearer"), (|b| b.header_only("x-a"), "header_only")];
    for (choose, instead) in instead {
        for (configure, setting) in settings {
            for built in [choose(configure(builder())).build(), configure(choose(builder())).build()] {
                assert_eq!(built.expect_err(setting), ConfigError::CookieUnused { setting, instead });
            }
        }
        // This one says the same, and the last call counts.
        assert!(choose(builder()).cookie_output(false).build().is_ok());
        assert!(choose(builder().cookie_output(true).cookie_output(false)).build().is_ok());
    }
}

#[test]
fn a_cookie_beside_a_header_keeps_its_settings() {
    let fine: [Configure; 3] = [
        |b| b.header_name("x-a").cookie_name("a").cookie_output(false),
        |b| b.header_name("x-a").cookie_output(true).cookie_path("/a"),
        |b| b.cookie_output(false).header_name("x-a").cookie_same_site(SameSite::Strict),
    ];
    for configure in fine {
        assert!(configure(builder()).build().is_ok());
    }
    assert_eq!(refused(|b| b.header_name("x-a").cookie_name("a b")), ConfigError::CookieName("a b".into()));
    let error = refused(|b| b.cookie_output(false));
    assert_eq!(error, ConfigError::NoWayOut);
    for way in ["header_name", "header_only", "bearer"] {
        assert!(error.to_string().contains(way), "{error}");
    }
}
