//! The two clocks of a session over HTTP (S7): idle timeout and absolute lifetime, by a clock that tests move.

use std::time::Duration;

use gsession::{Clock as _, SessionId, Timestamp, http::CookieMaxAge};

use crate::{
    framework::Builder,
    support::{
        ATTRIBUTES, NAME,
        app::{App, Around},
        client::Client,
        place::{KINDS, Kind, Place},
        probe::Op,
        removal,
        request::Request,
    },
};

const MINUTE: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(30 * 60);
const ABSOLUTE: Duration = Duration::from_secs(100 * 60);
const MOMENT: Duration = Duration::from_millis(1);

/// A place whose sessions end after half an hour without use.
fn idle(kind: Kind) -> (Place, Builder) {
    let place = Place::new(kind);
    let builder = place.builder().idle_timeout(IDLE).touch_interval(MINUTE);
    (place, builder)
}

/// A client with a passive copy of the scripts under `/poll`.
async fn with_polling(builder: Builder) -> Client {
    let app = App::new().scripts();
    let app = app.scope("/poll", |poll| poll.scripts_at("/{steps}").around(Around::Passive));
    app.wrap(builder.build().unwrap()).client().await
}

fn polling(steps: &str, id: &SessionId) -> Request {
    Request::get(format!("/poll/{steps}")).header("cookie", format!("{NAME}={}", id.as_str()))
}

fn deadline(place: &Place, id: &SessionId) -> Timestamp {
    place.record(id).unwrap().expires_at()
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used() {
    for kind in KINDS {
        for last in ["get", "data", "id", "set:n=1", "remove:n", "renew", "destroy"] {
            let (place, builder) = idle(kind);
            let client = Client::of(builder.build().unwrap()).await;
            let id = client.login().await;
            place.clock.advance(IDLE - MOMENT);
            assert!(place.record(&id).is_some());
            place.clock.advance(MOMENT);
            let answer = client.does(&id, last).await;
            assert!(!answer.body.contains("ada"), "{last}");
            assert!(!answer.cookies().iter().any(|line| line.contains(id.as_str())), "{last}");
            assert!(place.record(&id).is_none(), "{last} brought it back");
        }
    }
}

#[tokio::test]
async fn a_session_lives_to_the_last_moment() {
    for kind in KINDS {
        let (place, builder) = idle(kind);
        let client = Client::of(builder.build().unwrap()).await;
        let id = client.login().await;
        for _ in 0..5 {
            place.clock.advance(IDLE - MOMENT);
            assert_eq!(client.does(&id, "get").await.body, "\"ada\"", "reading is activity");
        }
        place.clock.advance(IDLE);
        let answer = client.does(&id, "get").await;
        assert_eq!(answer.body, "-");
        answer.no_cookie();
    }
}

#[tokio::test]
async fn every_use_but_holding_extends() {
    for kind in KINDS {
        for (steps, extends) in [
            ("hold", false),
            ("id", false),
            ("get", true),
            ("data", true),
            ("info", true),
            ("set:n=1", true),
            ("remove:n", true),
            ("clear", true),
            ("update:n", true),
            ("get,status:404", true),
            ("passive,get", false),
            ("passive,data", false),
            ("passive,get,set:n=1", false),
            ("passive,set:n=1,save", false),
        ] {
            let (place, builder) = idle(kind);
            let client = Client::of(builder.build().unwrap()).await;
            let id = client.login().await;
            let before = deadline(&place, &id);
            place.clock.advance(10 * MINUTE);
            assert_eq!(client.does(&id, steps).await.cookies(), [""; 0], "{steps}");
            let moved = deadline(&place, &id).since(before);
            assert_eq!(moved, if extends { 10 * MINUTE } else { Duration::ZERO }, "{kind:?} {steps}");
        }
    }
}

#[tokio::test]
async fn touches_within_the_interval_are_left_out() {
    for kind in KINDS {
        let (place, builder) = idle(kind);
        let client = Client::of(builder.build().unwrap()).await;
        let id = client.login().await;
        let before = deadline(&place, &id);
        for _ in 0..4 {
            place.clock.advance(MINUTE / 5);
            client.does(&id, "get").await;
            assert_eq!(deadline(&place, &id), before);
        }
        place.clock.advance(MINUTE / 5);
        client.does(&id, "get").await;
        assert_eq!(deadline(&place, &id), before + MINUTE);
    }
}

#[tokio::test]
async fn nothing_extends_the_absolute_lifetime() {
    for kind in KINDS {
        for steps in ["get", "set:n=1", "update:n", "renew", "get,renew,set:n=1", "set:n=1,save,renew,save"] {
            let (place, builder) = idle(kind);
            let client = Client::of(builder.absolute_lifetime(ABSOLUTE).build().unwrap()).await;
            let mut id = client.login().await;
            let end = place.clock.now() + ABSOLUTE;
            while place.clock.now() + 20 * MINUTE < end {
                place.clock.advance(20 * MINUTE);
                let answer = client.does(&id, steps).await;
                assert_eq!(answer.status, 200, "{steps}");
                if !answer.cookies().is_empty() {
                    id = answer.issued();
                }
                assert_eq!(place.record(&id).unwrap().absolute_deadline, Some(end), "{steps}");
                assert!(deadline(&place, &id) <= end, "{steps}");
            }
            place.clock.set(Timestamp::from_millis(end.as_millis() - 1));
            let answer = client.does(&id, &format!("{steps},get")).await;
            assert!(answer.body.ends_with("\"ada\""), "{steps}: {}", answer.body);
            if !answer.cookies().is_empty() {
                id = answer.issued();
            }
            place.clock.set(end);
            let answer = client.does(&id, "get").await;
            assert_eq!(answer.body, "-", "{steps}");
            answer.no_cookie();
        }
    }
}

#[tokio::test]
async fn a_page_that_polls_does_not_keep_its_user_logged_in() {
    for kind in KINDS {
        let (place, builder) = idle(kind);
        let client = with_polling(builder.cookie_max_age(IDLE)).await;
        let kept = format!("{ATTRIBUTES}; Max-Age=1800");
        let id = client.new_does("set:user=ada").await.issued_as(NAME, &kept);
        let first = deadline(&place, &id);
        for _ in 0..5 {
            place.clock.advance(5 * MINUTE);
            let answer = client.send(polling("get,data", &id)).await;
            assert!(answer.body.starts_with("\"ada\""), "a passive request reads as any other");
            answer.no_cookie();
            assert_eq!(deadline(&place, &id), first);
        }
        // It writes as well, without becoming activity by that.
        client.send(polling("set:polled=1", &id)).await.no_cookie();
        assert_eq!(deadline(&place, &id), first);
        assert_eq!(place.data(&id).unwrap(), ["polled=\"1\"", "user=\"ada\""]);
        // A real request in between counts.
        assert_eq!(client.does(&id, "get").await.issued_as(NAME, &kept), id);
        assert_eq!(deadline(&place, &id), first + 25 * MINUTE);
        place.clock.advance(IDLE - MOMENT);
        assert_eq!(client.send(polling("get", &id)).await.body, "\"ada\"");
        place.clock.advance(MOMENT);
        assert_eq!(client.send(polling("get", &id)).await.body, "-");
    }
}

/// The mark is on the request, so it does not matter which of the two is around the other.
#[tokio::test]
async fn a_passive_request_is_passive_wherever_it_is_marked() {
    for kind in KINDS {
        let place = Place::new(kind);
        let id = Client::of(place.sessions()).await.login().await;
        let before = deadline(&place, &id);
        place.clock.advance(10 * MINUTE);
        let outside = App::new().scripts().wrap(place.sessions()).around(Around::Passive).client().await;
        let between = place.builder().cookie_name("outer").build().unwrap();
        let between = App::new().scripts().wrap(place.sessions()).around(Around::Passive).wrap(between).client().await;
        for client in [outside, between] {
            assert_eq!(client.does(&id, "get").await.body, "\"ada\"");
            assert_eq!(deadline(&place, &id), before, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_request_of_a_passive_route_can_count_as_activity() {
    for kind in KINDS {
        let (place, builder) = idle(kind);
        let client = with_polling(builder).await;
        let id = client.login().await;
        let before = deadline(&place, &id);
        place.clock.advance(10 * MINUTE);
        client.send(polling("active,get", &id)).await;
        assert_eq!(deadline(&place, &id), before + 10 * MINUTE, "{kind:?}");
    }
}

#[tokio::test]
async fn a_passive_request_can_log_in_and_out() {
    for kind in KINDS {
        let (place, builder) = idle(kind);
        let client = with_polling(builder).await;
        let id = client.send(Request::get("/poll/set:user=ada")).await.issued();
        let renewed = client.send(polling("renew", &id)).await.issued();
        assert_eq!(place.data(&renewed).unwrap(), ["user=\"ada\""]);
        assert_eq!(client.send(polling("destroy", &renewed)).await.cookies(), [removal()]);
        assert_eq!(place.living(), 0);
    }
}

/// A storage that leaves touches to `touch` behaves no differently.
#[tokio::test]
async fn a_touch_of_its_own_is_one_operation_and_only_if_due() {
    for kind in KINDS {
        let (place, builder) = idle(kind);
        place.probe.leave_touches();
        let client = with_polling(builder.cookie_max_age(IDLE)).await;
        let kept = format!("{ATTRIBUTES}; Max-Age=1800");
        let id = client.new_does("set:user=ada").await.issued_as(NAME, &kept);
        let first = deadline(&place, &id);
        place.asked();
        client.does(&id, "get").await.no_cookie();
        assert_eq!(place.asked(), [Op::Fetch]);
        place.clock.advance(MINUTE);
        client.send(polling("get", &id)).await.no_cookie();
        assert_eq!(place.asked(), [Op::Fetch]);
        assert_eq!(client.does(&id, "get").await.issued_as(NAME, &kept), id);
        assert_eq!(place.asked(), [Op::Fetch, Op::Touch]);
        assert_eq!(deadline(&place, &id), first + MINUTE);
        // Of a session that ended meanwhile there is nothing to touch, and no dead id to send.
        place.clock.advance(MINUTE);
        let (slow, _) = client.during(client.does(&id, "get,pause"), client.does(&id, "destroy")).await;
        slow.no_cookie();
        assert_eq!(place.living(), 0);
    }
}

#[tokio::test]
async fn an_older_activity_never_moves_a_deadline_back() {
    for kind in KINDS {
        for slow in ["set:slow=1", "get,set:slow=1", "get", "update:n", "get,renew"] {
            let (place, builder) = idle(kind);
            let client = Client::of(builder.build().unwrap()).await;
            let id = client.login().await;
            let start = place.clock.now();
            place.clock.advance(20 * MINUTE);
            client.does(&id, "get").await;
            let late = deadline(&place, &id);
            assert_eq!(late, start + 20 * MINUTE + IDLE);
            // Another server, whose clock is behind, or a request that was on its way for long.
            place.clock.set(start + 5 * MINUTE);
            let answer = client.does(&id, slow).await;
            let id = if answer.cookies().is_empty() { id } else { answer.issued() };
            assert_eq!(deadline(&place, &id), late, "{kind:?} {slow}");
        }
    }
}

#[tokio::test]
async fn a_slow_request_does_not_move_back_what_a_quick_one_has_moved() {
    for kind in KINDS {
        let (place, builder) = idle(kind);
        let client = Client::of(builder.build().unwrap()).await;
        let id = client.login().await;
        let clock = place.clock.clone();
        let quick = async {
            clock.advance(10 * MINUTE);
            client.does(&id, "get").await
        };
        // It has read before, and touches nothing later.
        let (_, _) = client.during(client.does(&id, "get,pause"), quick).await;
        assert_eq!(deadline(&place, &id), clock.now() + IDLE);
    }
}

#[tokio::test]
async fn a_session_that_ends_while_a_request_runs_does_not_come_back() {
    for kind in KINDS {
        for slow in ["get,pause,set:slow=1", "get,pause,renew", "get,pause"] {
            let (place, builder) = idle(kind);
            let client = Client::of(builder.build().unwrap()).await;
            let id = client.login().await;
            let clock = place.clock.clone();
            let (answer, ()) = client.during(client.does(&id, slow), async { clock.advance(IDLE) }).await;
            answer.no_cookie();
            assert!(place.record(&id).is_none());
            assert_eq!(client.does(&id, "get").await.body, "-");
        }
    }
}

type Configure = fn(Builder) -> Builder;

/// A session that has ended by settings that are stricter than those it was stored with.
async fn ended_by(configure: Configure, kind: Kind) -> (Place, Client, SessionId) {
    let place = Place::new(kind);
    let id = Client::of(place.sessions()).await.login().await;
    place.clock.advance(IDLE);
    let client = Client::of(configure(place.builder()).build().unwrap()).await;
    (place, client, id)
}

async fn stricter_settings_hold_for_readers(configure: Configure) {
    for kind in KINDS {
        for steps in ["passive,get", "get", "remove:n,get"] {
            let (_place, client, id) = ended_by(configure, kind).await;
            let answer = client.does(&id, steps).await;
            assert_eq!(answer.body, "-", "{kind:?} {steps}");
            answer.no_cookie();
        }
    }
}

async fn stricter_settings_hold_for_writers(configure: Configure) {
    for kind in KINDS {
        for steps in ["set:n=1", "renew,set:n=1"] {
            let (place, client, id) = ended_by(configure, kind).await;
            let answer = client.does(&id, &format!("{steps},save")).await;
            assert_eq!(answer.body, "Created", "{kind:?}: {steps} writes to a session that has ended");
            assert_eq!(place.data(&answer.issued()).unwrap(), ["n=\"1\""]);
        }
    }
}

#[tokio::test]
async fn a_stricter_absolute_lifetime_holds_for_readers() {
    stricter_settings_hold_for_readers(|builder| builder.absolute_lifetime(IDLE)).await;
}

#[tokio::test]
async fn a_stricter_absolute_lifetime_holds_for_writers() {
    stricter_settings_hold_for_writers(|builder| builder.absolute_lifetime(IDLE)).await;
}

#[tokio::test]
async fn a_stricter_idle_timeout_holds_for_readers() {
    stricter_settings_hold_for_readers(|builder| builder.idle_timeout(IDLE)).await;
}

#[tokio::test]
async fn a_stricter_idle_timeout_holds_for_writers() {
    stricter_settings_hold_for_writers(|builder| builder.idle_timeout(IDLE)).await;
}

#[tokio::test]
async fn endless_lifetimes_are_safe() {
    for kind in KINDS {
        let place = Place::new(kind);
        let builder = place.builder().idle_timeout(Duration::MAX).absolute_lifetime(Duration::MAX);
        let client = Client::of(builder.cookie_max_age(CookieMaxAge::Lifetime).build().unwrap()).await;
        let kept = format!("{ATTRIBUTES}; Max-Age=34560000");
        let id = client.new_does("set:user=ada").await.issued_as(NAME, &kept);
        place.clock.advance(Duration::from_secs(50 * 365 * 24 * 60 * 60));
        assert_eq!(client.does(&id, "get").await.body, "\"ada\"");
        let renewed = client.does(&id, "renew").await.issued_as(NAME, &kept);
        assert_eq!(client.does(&renewed, "get").await.body, "\"ada\"");
    }
}
