//! The attributes of the cookie, and its age.

use std::time::Duration;

use gsession::{
    MemoryStorage,
    http::{CookieMaxAge, SameSite},
};

use super::{Configure, DAY};
use crate::{
    framework::Sessions,
    support::{ATTRIBUTES, NAME, REMOVED, client::Client, place::Place},
};

#[tokio::test]
async fn the_default_cookie_is_the_strictest_that_works() {
    for sessions in [Sessions::new(MemoryStorage::new()), Place::memory().sessions()] {
        let client = Client::of(sessions).await;
        let answer = client.new_does("set").await;
        let id = answer.issued();
        let line = format!("__Host-Http-gsession={}; Path=/; Secure; HttpOnly; SameSite=Lax", id.as_str());
        assert_eq!(answer.cookies(), [line]);
        assert_eq!(
            client.does(&id, "destroy").await.cookies(),
            [
                "__Host-Http-gsession=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
            ]
        );
    }
}

#[tokio::test]
async fn attributes_are_as_configured_and_removal_repeats_them() {
    let cases: [(Configure, &str, &str, &str); 9] = [
        (|b| b.cookie_secure(false), "gsession", "; Path=/; HttpOnly; SameSite=Lax", ""),
        (|b| b.cookie_name("sid"), "sid", "; Path=/; Secure; HttpOnly; SameSite=Lax", ""),
        (|b| b.cookie_same_site(SameSite::Strict), NAME, "; Path=/; Secure; HttpOnly; SameSite=Strict", ""),
        (|b| b.cookie_same_site(SameSite::None), NAME, "; Path=/; Secure; HttpOnly; SameSite=None", ""),
        (
            |b| b.cookie_same_site(SameSite::None).cookie_partitioned(true),
            NAME,
            "; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
            "",
        ),
        (
            |b| b.cookie_name("__Http-a").cookie_path("/do").cookie_partitioned(true).cookie_max_age(DAY),
            "__Http-a",
            "; Path=/do; Secure; HttpOnly; SameSite=Lax; Partitioned",
            "; Max-Age=86400",
        ),
        (
            |b| b.cookie_domain("example.org"),
            "gsession",
            "; Path=/; Domain=example.org; Secure; HttpOnly; SameSite=Lax",
            "",
        ),
        (|b| b.cookie_path("/do"), "gsession", "; Path=/do; Secure; HttpOnly; SameSite=Lax", ""),
        (
            |b| b.cookie_name("__Secure-a").cookie_path("/do").cookie_max_age(DAY),
            "__Secure-a",
            "; Path=/do; Secure; HttpOnly; SameSite=Lax",
            "; Max-Age=86400",
        ),
    ];
    for (configure, name, attributes, age) in cases {
        let place = Place::memory();
        let client = Client::of(configure(place.builder()).build().unwrap()).await;
        let id = client.new_does("set").await.issued_as(name, &format!("{attributes}{age}"));
        let gone = client.with_cookie(&format!("{name}={}", id.as_str()), "destroy").await;
        assert_eq!(gone.cookies(), [format!("{name}={attributes}{}", REMOVED)]);
        assert_eq!(place.living(), 0);
    }
}

#[tokio::test]
async fn odd_ages_neither_panic_nor_break() {
    let cases: [(CookieMaxAge, &str); 10] = [
        (CookieMaxAge::BrowserSession, ""),
        (Duration::ZERO.into(), ""),
        (CookieMaxAge::Fixed(Duration::ZERO), "; Max-Age=1"),
        (Duration::from_nanos(1).into(), "; Max-Age=1"),
        (Duration::from_millis(999).into(), "; Max-Age=1"),
        (Duration::from_millis(1_001).into(), "; Max-Age=2"),
        (DAY.into(), "; Max-Age=86400"),
        ((400 * DAY).into(), "; Max-Age=34560000"),
        ((400 * DAY + Duration::from_nanos(1)).into(), "; Max-Age=34560000"),
        (Duration::MAX.into(), "; Max-Age=34560000"),
    ];
    for (age, expected) in cases {
        let client = Client::of(Place::memory().builder().cookie_max_age(age).build().unwrap()).await;
        client.new_does("set").await.issued_as(NAME, &format!("{ATTRIBUTES}{expected}"));
    }
}

#[tokio::test]
async fn a_cookie_for_the_lifetime_ends_with_the_session() {
    for (idle, absolute, age) in [
        (DAY, None, 86_400),
        (DAY, Some(DAY / 2), 43_200),
        (Duration::MAX, None, 34_560_000),
        (Duration::MAX, Some(Duration::MAX), 34_560_000),
        (Duration::from_millis(1_500), None, 2),
        (Duration::from_millis(1), None, 1),
    ] {
        let place = Place::memory();
        let mut builder = place.builder().idle_timeout(idle).cookie_max_age(CookieMaxAge::Lifetime);
        if let Some(absolute) = absolute {
            builder = builder.absolute_lifetime(absolute);
        }
        let client = Client::of(builder.build().unwrap()).await;
        client.new_does("set").await.issued_as(NAME, &format!("{ATTRIBUTES}; Max-Age={age}"));
    }
}

/// The absolute lifetime shows in the cookie as it comes near.
#[tokio::test]
async fn a_cookie_for_the_lifetime_follows_the_deadline() {
    let place = Place::memory();
    let builder = place.builder().idle_timeout(DAY).absolute_lifetime(2 * DAY);
    let client = Client::of(builder.cookie_max_age(CookieMaxAge::Lifetime).build().unwrap()).await;
    let id = client.new_does("set").await.issued_as(NAME, &format!("{ATTRIBUTES}; Max-Age=86400"));
    place.clock.advance(DAY / 2);
    assert_eq!(client.does(&id, "get").await.issued_as(NAME, &format!("{ATTRIBUTES}; Max-Age=86400")), id);
    place.clock.advance(DAY * 3 / 4);
    assert_eq!(client.does(&id, "set").await.issued_as(NAME, &format!("{ATTRIBUTES}; Max-Age=64800")), id);
}
