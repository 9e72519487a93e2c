//! Every setting of the middleware at its extremes: it works, or it is refused when it is built, by an error that names it.

use std::time::Duration;

use gsession::{Limits, SessionId, http::CookieMaxAge};

use crate::{
    framework::Builder,
    support::{answer::Answer, client::Client, place::Place, probe::Op},
};

const ZERO: Duration = Duration::ZERO;
const NANO: Duration = Duration::from_nanos(1);
const MAX: Duration = Duration::MAX;
const LESS: Duration = MAX.saturating_sub(NANO);

type Setting = fn(Builder) -> Builder;

/// The id that an answer gives, in whatever cookie or header, and what presents it again.
fn presented(answer: &Answer, header: &str) -> (&'static str, String, SessionId) {
    if let [cookie] = answer.cookies()[..] {
        let pair = cookie.split(';').next().unwrap();
        let id = SessionId::parse(pair.split_once('=').unwrap().1).unwrap();
        return ("cookie", pair.to_owned(), id);
    }
    let [value] = answer.all(header)[..] else { panic!("no id: {answer:?}") };
    ("", value.to_owned(), SessionId::parse(value).unwrap())
}

/// The whole life of a session, over requests: it is made, read, written, renewed, listed and ended.
async fn lives(place: &Place, name: &str, header: &str, setting: Setting) {
    let sessions = setting(place.builder()).build().unwrap_or_else(|error| panic!("{name}: {error}"));
    let client = Client::of(sessions).await;
    let made = client.new_does("set:user=ada,principal:ada").await;
    assert_eq!(made.status, 200, "{name}: {made:?}");
    let with = async |answer: &Answer, steps: &str| {
        let (by, value, _) = presented(answer, header);
        client.with_header(if by.is_empty() { header } else { by }, &value, steps).await
    };
    let read = with(&made, "get,update:n").await;
    assert_eq!((read.status, &*read.body), (200, "\"ada\",1"), "{name}");
    let renewed = with(&made, "renew").await;
    assert_eq!(renewed.status, 200, "{name}");
    assert_ne!(presented(&made, header).2, presented(&renewed, header).2);
    let listed = with(&renewed, "get,number:n,list").await;
    assert_eq!((listed.status, &*listed.body), (200, "\"ada\",1,1"), "{name}");
    assert_eq!(with(&made, "destroy").await.status, 200, "{name}");
    assert_eq!(with(&renewed, "get").await.body, "-", "{name}");
    assert_eq!(place.living(), 0, "{name}");
}

#[tokio::test]
async fn durations_work() {
    let settings: [(&str, Setting); 17] = [
        ("shutdown_timeout zero", |b| b.shutdown_timeout(ZERO)),
        ("shutdown_timeout 1 ns", |b| b.shutdown_timeout(NANO)),
        ("shutdown_timeout almost endless", |b| b.shutdown_timeout(LESS)),
        ("shutdown_timeout endless", |b| b.shutdown_timeout(MAX)),
        ("cookie_max_age zero", |b| b.cookie_max_age(ZERO)),
        ("cookie_max_age fixed at zero", |b| b.cookie_max_age(CookieMaxAge::Fixed(ZERO))),
        ("cookie_max_age 1 ns", |b| b.cookie_max_age(NANO)),
        ("cookie_max_age endless", |b| b.cookie_max_age(MAX)),
        ("an endless cookie for an endless session", |b| {
            b.cookie_max_age(CookieMaxAge::Lifetime).idle_timeout(MAX).absolute_lifetime(MAX)
        }),
        ("a cookie of a short session", |b| {
            b.cookie_max_age(CookieMaxAge::Lifetime).idle_timeout(Duration::from_millis(1))
        }),
        ("idle_timeout endless", |b| b.idle_timeout(MAX)),
        ("absolute_lifetime endless", |b| b.absolute_lifetime(LESS)),
        ("absolute_lifetime short", |b| b.absolute_lifetime(Duration::from_millis(1))),
        ("touch_interval zero", |b| b.touch_interval(ZERO)),
        ("touch_interval 1 ns", |b| b.touch_interval(NANO)),
        ("touch_interval endless", |b| b.touch_interval(MAX)),
        ("the largest limits", |b| {
            let most = usize::MAX;
            let limits = Limits::default().max_entries(most).max_key_bytes(most).max_value_bytes(most);
            b.limits(limits.max_record_bytes(most).max_depth(most).max_principal_bytes(most))
        }),
    ];
    for (name, setting) in settings {
        lives(&Place::memory(), name, "none", setting).await;
    }
}

#[tokio::test]
async fn names_work() {
    const LONG: &str = "n123456789n123456789n123456789n123456789n123456789n123456789n123456789n123456789n123456789n123456789\
        n123456789n123456789n123456789n123456789n123456789n123456789n123456789n123456789n123456789n123456789n123456789\
        n123456789n123456789n123456789n123456789n12345";
    assert_eq!(LONG.len(), 256);
    let settings: [(&str, &str, Setting); 9] = [
        ("a cookie of one letter", "none", |b| b.cookie_name("n")),
        ("a cookie of 256 letters", "none", |b| b.cookie_name(LONG)),
        ("a header of one letter", "n", |b| b.header_only("n")),
        ("a header of 256 letters", LONG, |b| b.header_only(LONG)),
        ("both of 256 letters", LONG, |b| b.cookie_name(LONG).header_name(LONG).cookie_output(false)),
        ("no realm", "none", |b| b.realm("")),
        ("a long realm", "none", |b| b.realm("r".repeat(1 << 20))),
        ("the longest path", "none", |b| b.cookie_path(format!("/{}", "p".repeat(1023)))),
        ("the longest domain", "none", |b| b.cookie_domain(["d"; 127].join("."))),
    ];
    for (name, header, setting) in settings {
        lives(&Place::memory(), name, header, setting).await;
    }
}

#[test]
fn what_cannot_work_is_refused_by_an_error_that_names_it() {
    let settings: [(&str, Setting); 14] = [
        ("idle timeout", |b| b.idle_timeout(ZERO)),
        ("idle timeout", |b| b.idle_timeout(NANO)),
        ("absolute lifetime", |b| b.absolute_lifetime(ZERO)),
        ("absolute lifetime", |b| b.absolute_lifetime(NANO)),
        ("cookie name", |b| b.cookie_name("")),
        ("cookie name", |b| b.cookie_name("n".repeat(257))),
        ("session header", |b| b.header_name("")),
        ("session header", |b| b.header_only("")),
        ("session header", |b| b.header_name("n".repeat(257))),
        ("session header", |b| b.header_only("n".repeat(100_000))),
        ("path", |b| b.cookie_path("")),
        ("path", |b| b.cookie_path(format!("/{}", "p".repeat(1024)))),
        ("domain", |b| b.cookie_domain("")),
        ("domain", |b| b.cookie_domain(["d"; 128].join("."))),
    ];
    for (named, setting) in settings {
        let error = setting(Place::memory().builder()).build().expect_err(named).to_string();
        assert!(error.contains(named), "{named}: {error}");
    }
}

/// Limits of 0 refuse what they are about, with 413, and break nothing.
#[tokio::test]
async fn limits_of_nothing_are_answered() {
    type Limit = fn(Limits) -> Limits;
    let limits: [(Limit, &str); 5] = [
        (|limits| limits.max_entries(0), "set:user=ada"),
        (|limits| limits.max_key_bytes(0), "set:user=ada"),
        (|limits| limits.max_value_bytes(0), "set:user=ada"),
        (|limits| limits.max_record_bytes(0), "set:user=ada"),
        (|limits| limits.max_principal_bytes(0), "principal:ada"),
    ];
    for (limit, steps) in limits {
        let place = Place::memory();
        let client = Client::of(place.builder().limits(limit(Limits::default())).build().unwrap()).await;
        let answer = client.new_does(steps).await;
        assert_eq!(answer.status, 413, "{steps}: {answer:?}");
        assert_eq!(client.new_does("get").await.status, 200);
        assert_eq!(place.living(), 0);
    }
}

/// A logout that fails at first is carried out however long may be tried; with no time at all there is one try.
#[tokio::test]
async fn logouts_in_the_background_under_extreme_timeouts() {
    for timeout in [LESS, MAX] {
        let place = Place::memory();
        let client = Client::of(place.builder().shutdown_timeout(timeout).build().unwrap()).await;
        let id = client.login().await;
        place.probe.fail(&[Op::Remove]);
        assert_eq!(client.does(&id, "destroy").await.status, 503);
        place.probe.fail(&[]);
        crate::support::wait_until("the session to be ended", || place.record(&id).is_none());
        // Dropping it waits for nothing.
        drop(client);
    }
    for timeout in [ZERO, NANO] {
        let place = Place::memory();
        let client = Client::of(place.builder().shutdown_timeout(timeout).build().unwrap()).await;
        let id = client.login().await;
        place.asked();
        place.probe.fail(&[Op::Remove]);
        assert_eq!(client.does(&id, "destroy").await.status, 503);
        crate::support::wait_until("it is tried again", || place.probe.count(Op::Remove) >= 2);
        drop(client);
        assert!(place.record(&id).is_some());
    }
}
