//! "Remember me" in cookies (S17): whatever the cookies of the middleware are like, those of a remembered session outlive the browser,
//! as long as the session, and those of other sessions are as they are configured.

use std::time::Duration;

use gsession::{Clock as _, SessionId, http::CookieMaxAge};

use crate::{
    framework::Builder,
    support::{
        ATTRIBUTES, NAME,
        answer::Answer,
        client::Client,
        place::{KINDS, Place},
        removal,
    },
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Thirty days, and seven without use.
const REMEMBER: &str = "remember:2592000-604800";

/// How the middleware's cookies are configured, and the `Max-Age` of an ordinary session in its first second.
const COOKIES: [(CookieMaxAge, &str); 3] = [
    (CookieMaxAge::BrowserSession, ""),
    (CookieMaxAge::Lifetime, "; Max-Age=3600"),
    (CookieMaxAge::Fixed(DAY), "; Max-Age=86400"),
];

fn short(place: &Place, max_age: CookieMaxAge) -> Builder {
    place.builder().idle_timeout(HOUR).absolute_lifetime(2 * HOUR).cookie_max_age(max_age)
}

/// Checks that a response sets one cookie, with this behind the usual attributes.
fn issued(answer: &Answer, max_age: &str) -> SessionId {
    answer.issued_as(NAME, &format!("{ATTRIBUTES}{max_age}"))
}

#[tokio::test]
async fn the_cookie_of_a_remembered_session_is_persistent_and_that_of_another_as_configured() {
    for kind in KINDS {
        for (max_age, ordinary) in COOKIES {
            let place = Place::new(kind);
            let client = Client::of(short(&place, max_age).build().unwrap()).await;
            issued(&client.new_does("login:ada").await, ordinary);
            let id = issued(&client.new_does(REMEMBER).await, "; Max-Age=604800");
            // Longer than the middleware allows.
            place.clock.advance(DAY);
            let answer = client.does(&id, "set:n=1").await;
            assert_eq!(issued(&answer, "; Max-Age=604800"), id, "{kind:?}, {max_age:?}");
            assert_eq!(answer.all("cache-control"), ["no-store"]);
            let renewed = issued(&client.does(&id, "renew").await, "; Max-Age=604800");
            assert_ne!(renewed, id);
            client.does(&renewed, "hold").await.no_cookie();
            client.does(&renewed, "passive,set:n=2").await.no_cookie();
            assert_eq!(client.does(&renewed, "destroy").await.cookies(), [removal()], "{kind:?}, {max_age:?}");
        }
    }
}

#[tokio::test]
async fn the_cookie_follows_the_end_of_the_session_until_that_moves_no_more() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(short(&place, CookieMaxAge::BrowserSession).build().unwrap()).await;
        let login = place.clock.now();
        let id = issued(&client.new_does(REMEMBER).await, "; Max-Age=604800");
        // Within the touch interval nothing moves.
        place.clock.advance(Duration::from_secs(1));
        client.does(&id, "get").await.no_cookie();
        for (day, seconds) in [(6, 604_800), (12, 604_800), (18, 604_800), (24, 6 * 86_400), (29, 86_400)] {
            place.clock.set(login + day * DAY);
            let answer = client.does(&id, "get").await;
            assert_eq!(issued(&answer, &format!("; Max-Age={seconds}")), id, "{kind:?}: day {day}");
        }
        place.clock.set(login + 30 * DAY);
        client.does(&id, "get").await.no_cookie();
    }
}

#[tokio::test]
async fn browsers_keep_a_cookie_for_400_days_and_each_use_sends_it_again() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.builder().build().unwrap()).await;
        let id = issued(&client.new_does("remember:63072000").await, "; Max-Age=34560000");
        place.clock.advance(350 * DAY);
        // Two years are 730 days.
        assert_eq!(issued(&client.does(&id, "get").await, "; Max-Age=32832000"), id, "{kind:?}");
    }
}

#[tokio::test]
async fn the_next_login_decides_anew() {
    for kind in KINDS {
        for (max_age, ordinary) in COOKIES {
            for reads in ["", "get,"] {
                let place = Place::new(kind);
                let client = Client::of(short(&place, max_age).build().unwrap()).await;
                let id = issued(&client.new_does(REMEMBER).await, "; Max-Age=604800");
                place.clock.advance(5 * DAY);
                let id = issued(&client.does(&id, &format!("{reads}login:ada")).await, ordinary);
                place.clock.advance(30 * MINUTE);
                let answer = client.does(&id, "set:n=1").await;
                match ordinary {
                    "" => answer.no_cookie(),
                    ordinary => assert_eq!(issued(&answer, ordinary), id, "{kind:?}, {max_age:?}"),
                }
                issued(&client.does(&id, &format!("{reads}remember:86400")).await, "; Max-Age=86400");
            }
        }
    }
}

#[tokio::test]
async fn a_slow_request_does_not_bring_a_cookie_back_after_a_logout() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(short(&place, CookieMaxAge::BrowserSession).build().unwrap()).await;
        let id = issued(&client.new_does(REMEMBER).await, "; Max-Age=604800");
        place.clock.advance(DAY);
        let (slow, logout) = client.during(client.does(&id, "get,pause"), client.does(&id, "destroy")).await;
        assert_eq!(logout.cookies(), [removal()], "{kind:?}");
        slow.no_cookie();
    }
}

#[tokio::test]
async fn a_bearer_token_lives_as_long_as_the_session_and_is_sent_once() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.builder().idle_timeout(HOUR).bearer().build().unwrap()).await;
        let login = client.new_does(REMEMBER).await;
        login.no_cookie();
        let token = login.all("authorization")[0].to_owned();
        place.clock.advance(DAY);
        let page = client.with_header("authorization", &token, "set:n=1,get:n").await;
        assert_eq!((page.body.as_str(), page.all("authorization")), ("\"1\"", vec![]), "{kind:?}");
        page.no_cookie();
    }
}
