//! The example `backchannel_logout`: which logout tokens end sessions, and which are refused, over real HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

#[path = "../examples/backchannel_logout/client.rs"]
mod client;
#[path = "../examples/backchannel_logout/endpoint.rs"]
mod endpoint;
#[path = "http/framework/mod.rs"]
mod framework;
#[path = "../examples/backchannel_logout/logout_token.rs"]
mod logout_token;
#[path = "../examples/backchannel_logout/service.rs"]
mod service;
#[path = "../examples/backchannel_logout/stand_in.rs"]
mod stand_in;
#[path = "../../tests/http/support/mod.rs"]
mod support;

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use actix_web::{dev::ServerHandle, rt::System};
use client::{Answer, send};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use stand_in::{CLIENT_ID, ISSUER, StandIn};
use support::probe::{CAUSE, Op, Probe};

/// The service and its provider, until it is dropped.
struct Place {
    provider: StandIn,
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Place {
    fn new() -> Self {
        Self::over(service::sessions(gsession::MemoryStorage::new()).unwrap())
    }

    fn over(sessions: gsession_actix::SessionMiddleware) -> Self {
        let provider = StandIn::new().unwrap();
        let known = provider.known().unwrap();
        let (started, is_started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let (server, address) = service::serve(sessions, known, 0).unwrap();
                started.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = is_started.recv().unwrap();
        Self { provider, address, handle, thread: Some(thread) }
    }

    /// The cookie of a new session.
    fn log_in(&self, sub: &str, sid: &str) -> String {
        let answer = send(self.address, "POST", &format!("/login/{sub}/{sid}"), None, "").unwrap();
        answer.cookie().unwrap().to_owned()
    }

    fn who(&self, cookie: &str) -> String {
        send(self.address, "GET", "/", Some(cookie), "").unwrap().body
    }

    fn post(&self, form: &str) -> Answer {
        let answer = send(self.address, "POST", "/backchannel-logout", None, form).unwrap();
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.head);
        assert_eq!(answer.header("set-cookie"), None, "{}", answer.head);
        answer
    }

    fn signed(&self, header: &Header, claims: &Value) -> Answer {
        self.post(&format!("logout_token={}", self.provider.sign(header, claims).unwrap()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.handle.stop(true));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A good token with other claims; `null` removes one.
fn claims(jti: &str, changes: Value) -> Value {
    let mut claims = StandIn::claims("sid-1", jti);
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

#[test]
fn a_token_ends_the_sessions_that_it_names_and_no_others() {
    let place = Place::new();
    let login = || ["sid-1", "sid-2"].map(|sid| place.log_in("ada", sid));
    let (ada, bob) = (login(), place.log_in("bob", "sid-3"));
    assert_eq!(place.signed(&StandIn::header(), &claims("1", json!({}))).status(), "200");
    assert_eq!([&ada[0], &ada[1], &bob].map(|cookie| place.who(cookie)), ["nobody", "ada", "bob"]);
    // With both, the session counts: the user is still logged in elsewhere at the provider.
    let ada = login();
    assert_eq!(place.signed(&StandIn::header(), &claims("2", json!({ "sub": "ada" }))).status(), "200");
    assert_eq!([&ada[0], &ada[1]].map(|cookie| place.who(cookie)), ["nobody", "ada"]);
    // With the user alone, all of them.
    let ada = login();
    let by_user = claims("3", json!({ "sub": "ada", "sid": null, "aud": [CLIENT_ID] }));
    assert_eq!(place.signed(&StandIn::header(), &by_user).status(), "200");
    assert_eq!([&ada[0], &ada[1], &bob].map(|cookie| place.who(cookie)), ["nobody", "nobody", "bob"]);
    // There is nothing left to end, which is fine.
    assert_eq!(place.signed(&StandIn::header(), &claims("4", json!({}))).status(), "200");
}

#[test]
fn a_bad_token_ends_nothing() {
    let place = Place::new();
    let cookie = place.log_in("ada", "sid-1");
    let now = get_current_timestamp();
    let event = logout_token::EVENT;
    let bad = [
        ("of another issuer", json!({ "iss": "https://evil.example.com" })),
        ("without an issuer", json!({ "iss": null })),
        ("for another service", json!({ "aud": "another" })),
        ("for other services", json!({ "aud": ["another", "third"] })),
        ("for this and another service", json!({ "aud": ["another", CLIENT_ID] })),
        ("for nobody", json!({ "aud": null })),
        ("for an empty list", json!({ "aud": [] })),
        ("expired", json!({ "exp": now - 120 })),
        ("without an end", json!({ "exp": null })),
        ("of which the end is a text", json!({ "exp": "tomorrow" })),
        ("that ended before the epoch", json!({ "exp": -1 })),
        ("that ends far beyond the calendar", json!({ "exp": 1e300 })),
        ("that lives for a year", json!({ "exp": now + 365 * 24 * 60 * 60 })),
        ("from the future", json!({ "iat": now + 3600, "exp": now + 3500 })),
        ("without a time", json!({ "iat": null })),
        ("without an id", json!({ "jti": null })),
        ("with a nonce", json!({ "nonce": "n-0S6_WzA2Mj" })),
        ("with an empty nonce", json!({ "nonce": "" })),
        ("without events", json!({ "events": null })),
        ("with other events", json!({ "events": { "http://schemas.openid.net/event/other": {} } })),
        ("whose event is no object", json!({ "events": { event: "yes" } })),
        ("that names nobody", json!({ "sid": null })),
        ("whose session is a number", json!({ "sid": 1 })),
    ];
    for (number, (what, changes)) in bad.into_iter().enumerate() {
        let answer = place.signed(&StandIn::header(), &claims(&number.to_string(), changes));
        assert_eq!(answer.status(), "400", "a token {what}");
        assert!(answer.body.contains("invalid_request"), "a token {what}: {}", answer.body);
        assert_eq!(place.who(&cookie), "ada", "a token {what}");
    }
    // All of that was refused for what was wrong with it.
    assert_eq!(place.signed(&StandIn::header(), &claims("good", json!({}))).status(), "200");
    assert_eq!(place.who(&cookie), "nobody");
}

#[test]
fn a_token_that_the_provider_has_not_signed_ends_nothing() {
    let place = Place::new();
    let cookie = place.log_in("ada", "sid-1");
    let good = place.provider.sign(&StandIn::header(), &claims("1", json!({}))).unwrap();
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let another_body = place.provider.sign(&StandIn::header(), &claims("2", json!({}))).unwrap();
    let another_body = another_body.split('.').nth(1).unwrap();
    // {"alg":"none","kid":"1"}
    let none = "eyJhbGciOiJub25lIiwia2lkIjoiMSJ9";
    let stranger = StandIn::new().unwrap().sign(&StandIn::header(), &claims("3", json!({}))).unwrap();
    // The classic: a symmetric algorithm, with the public key as its secret.
    let mut symmetric = Header::new(Algorithm::HS256);
    symmetric.kid = Some("1".to_owned());
    let public = serde_json::to_vec(&place.provider.known().unwrap().keys.keys[0]).unwrap();
    let symmetric = encode(&symmetric, &claims("4", json!({})), &EncodingKey::from_secret(&public).unwrap()).unwrap();
    let mut unknown_key = StandIn::header();
    unknown_key.kid = Some("2".to_owned());
    let unknown_key = place.provider.sign(&unknown_key, &claims("5", json!({}))).unwrap();
    let mut access_token = StandIn::header();
    access_token.typ = Some("at+jwt".to_owned());
    let access_token = place.provider.sign(&access_token, &claims("6", json!({}))).unwrap();
    let forged = [
        ("nothing", String::new()),
        ("no token", "a.b.c".to_owned()),
        ("no signature", format!("{head}.{body}.")),
        ("another signature", format!("{head}.{another_body}.{signature}")),
        ("no algorithm", format!("{none}.{body}.")),
        ("no algorithm, and the signature", format!("{none}.{body}.{signature}")),
        ("another key", stranger),
        ("another algorithm", symmetric),
        ("a key that is unknown", unknown_key),
        ("another type of token", access_token),
    ];
    for (what, token) in forged {
        assert_eq!(place.post(&format!("logout_token={token}")).status(), "400", "{what}");
        assert_eq!(place.who(&cookie), "ada", "{what}");
    }
    for form in ["", "token=x", &format!("logout_token={good}&logout_token={good}"), &"x".repeat(20_000)] {
        assert_eq!(place.post(form).status(), "400");
    }
    assert_eq!(place.who(&cookie), "ada");
    assert_eq!(place.post(&format!("logout_token={good}")).status(), "200");
    assert_eq!(place.who(&cookie), "nobody");
}

#[test]
fn a_token_works_once() {
    let place = Place::new();
    let form = format!("logout_token={}", place.provider.sign(&StandIn::header(), &claims("1", json!({}))).unwrap());
    assert_eq!(place.post(&form).status(), "200");
    // The user has come back, with the same session at the provider.
    let cookie = place.log_in("ada", "sid-1");
    let answer = place.post(&form);
    assert_eq!(answer.status(), "400");
    assert!(answer.body.contains("used before"), "{}", answer.body);
    assert_eq!(place.who(&cookie), "ada");
}

/// The provider may send it again.
#[test]
fn a_token_whose_logout_has_failed_is_as_good_as_new() {
    let storage = Probe::new(Arc::new(gsession::MemoryStorage::new()));
    let place = Place::over(service::sessions(gsession::AnyStorage::immediate(storage.clone())).unwrap());
    let cookie = place.log_in("ada", "sid-1");
    let form = format!("logout_token={}", place.provider.sign(&StandIn::header(), &claims("1", json!({}))).unwrap());
    for op in [Op::Load, Op::Find, Op::Remove] {
        storage.fail(&[op]);
        let answer = place.post(&form);
        assert_eq!(answer.status(), "400", "{op:?}");
        assert!(answer.body.contains("the logout failed") && !answer.body.contains(CAUSE), "{}", answer.body);
    }
    storage.fail(&[]);
    assert_eq!(place.who(&cookie), "ada");
    assert_eq!(place.post(&form).status(), "200");
    assert_eq!(place.who(&cookie), "nobody");
}

/// A token is remembered until it has expired, and no longer.
#[test]
fn used_tokens_are_forgotten_when_they_have_expired() {
    let provider = StandIn::new().unwrap();
    let known = provider.known().unwrap();
    let used = claims("1", json!({}));
    let now = used["iat"].as_u64().unwrap();
    let token = provider.sign(&StandIn::header(), &used).unwrap();
    let refused = |error| logout_token::Refused(error);
    assert_eq!(known.accept(&token, now).unwrap().subject, logout_token::Subject::Session("sid-1".to_owned()));
    for later in [179, 180] {
        assert_eq!(known.accept(&token, now + later).unwrap_err(), refused("it was used before"));
    }
    assert_eq!(known.accept(&token, now + 181).unwrap_err(), refused("it has expired"));
    let header = StandIn::header();
    let by_user = provider.sign(&header, &claims("2", json!({ "sid": null, "sub": "ada", "iss": ISSUER }))).unwrap();
    assert_eq!(known.accept(&by_user, now).unwrap().subject, logout_token::Subject::User("ada".to_owned()));
}
