//! What failing responses, cut-off requests and failing storages do (S9, S10).

use std::time::Duration;

use futures::FutureExt as _;
use gsession::{Limits, SessionId};

use crate::{
    framework::Ask,
    support::{
        NAME,
        answer::Answer,
        app::{App, Failure, Reply},
        client::Client,
        ids::planted,
        place::{KINDS, Kind, Place},
        probe::{CAUSE, Op},
        removal,
        request::Request,
        server::{Raw, Server},
        wait_until,
    },
};

/// Longer than the default touch interval of a minute.
const A_WHILE: Duration = Duration::from_secs(61);

#[tokio::test]
async fn below_500_everything_is_stored() {
    for kind in KINDS {
        for end in ["status:302", "status:400", "status:404", "status:499", "fail:400", "fail:403", "fail:499"] {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let id = client.new_does(&format!("set:user=ada,{end}")).await.issued();
            assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""], "{end}");
            let answer = client.does(&id, &format!("renew,set:n=1,{end}")).await;
            assert_eq!(Some(answer.status.to_string().as_str()), end.split(':').next_back());
            let renewed = answer.issued();
            assert_eq!(place.data(&renewed).unwrap(), ["n=\"1\"", "user=\"ada\""]);
            assert_eq!(client.does(&renewed, &format!("destroy,{end}")).await.cookies(), [removal()]);
            assert_eq!(place.living(), 0);
        }
    }
}

#[tokio::test]
async fn from_500_on_what_was_written_is_dropped() {
    for kind in KINDS {
        for end in ["status:500", "status:503", "status:599", "fail:500", "fail:502"] {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let answer = client.new_does(&format!("set:user=ada,{end}")).await;
            assert_eq!(Some(answer.status.to_string().as_str()), end.split(':').next_back());
            answer.no_cookie();
            assert_eq!(place.living(), 0, "{end}");

            let id = client.login().await;
            for steps in ["set:n=1", "get,remove:user", "clear", "renew,set:n=1", "principal:ada"] {
                client.does(&id, &format!("{steps},{end}")).await.no_cookie();
                assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""], "{steps},{end}");
            }
            assert_eq!(place.record(&id).unwrap().principal, None);
            assert_eq!(place.living(), 1);
        }
    }
}

#[tokio::test]
async fn a_failing_response_still_touches() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let id = client.login().await;
        let seen = place.record(&id).unwrap().last_seen;
        place.clock.advance(A_WHILE);
        client.does(&id, "get,set:n=1,status:500").await.no_cookie();
        assert_eq!(place.record(&id).unwrap().last_seen, seen + A_WHILE);
        assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""]);
    }
}

#[tokio::test]
async fn what_save_has_stored_stays_and_its_id_reaches_the_client() {
    for kind in KINDS {
        for end in ["status:500", "fail:500"] {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let id = client.new_does(&format!("set:user=ada,save,set:n=1,{end}")).await.issued();
            assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""]);
            let renewed = client.does(&id, &format!("renew,save,{end}")).await.issued();
            assert_ne!(renewed, id);
            assert!(place.record(&renewed).is_some());
            assert_eq!(place.living(), 1);
        }
    }
}

#[tokio::test]
async fn a_destroy_sticks_whatever_the_response() {
    for kind in KINDS {
        for end in ["status:404", "status:500", "fail:400", "fail:500"] {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let id = client.login().await;
            assert_eq!(client.does(&id, &format!("get,set,destroy,{end}")).await.cookies(), [removal()], "{end}");
            assert_eq!(place.living(), 0, "{end}");
            // What comes after the destroy is half of something in a failing one.
            let id = client.login().await;
            let answer = client.does(&id, &format!("destroy,set:n=1,{end}")).await;
            assert!(place.record(&id).is_none());
            let failed = answer.status >= 500;
            assert_eq!(place.living(), u64::from(!failed), "{end}");
            if failed {
                assert_eq!(answer.cookies(), [removal()]);
            }
        }
    }
}

/// Fails with the status of a header after the handler, with another one before it, having used the session itself.
async fn fails_before(ask: Ask) -> Result<(), Failure> {
    let Some(status) = ask.header("x-fail-before") else { return Ok(()) };
    ask.session().set("by", "inner")?;
    Err(Failure::Other(Reply::status(status.parse().unwrap()).text("inner")))
}

async fn fails_after(ask: Ask, _: u16) -> Result<Option<Reply>, Failure> {
    let Some(status) = ask.header("x-fail") else { return Ok(None) };
    let mut reply = Reply::status(status.parse().unwrap()).text("inner");
    if let Some(vary) = ask.header("x-vary") {
        reply = reply.header("vary", vary).header("cache-control", "private");
    }
    Err(Failure::Other(reply))
}

/// A client of an app with a middleware inside ours that fails.
async fn with_inner(place: &Place) -> Client {
    App::new().scripts().before(fails_before).after(fails_after).wrap(place.sessions()).client().await
}

fn asking(steps: &str, id: Option<&SessionId>) -> Request {
    let request = Request::get(format!("/do/{steps}"));
    match id {
        Some(id) => request.header("cookie", format!("{NAME}={}", id.as_str())),
        None => request,
    }
}

#[tokio::test]
async fn an_inner_middleware_that_fails_loses_no_cookie() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = with_inner(&place).await;
        let answer = client.send(asking("set:user=ada", None).header("x-fail", "403")).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, "inner"));
        let id = answer.issued();
        assert_eq!(answer.all("vary"), ["Cookie"]);
        assert_eq!(answer.all("cache-control"), ["no-store"]);
        assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""]);

        let answer = client.send(asking("set:n=1", Some(&id)).header("x-fail", "500")).await;
        assert_eq!((answer.status, answer.body.as_str()), (500, "inner"));
        answer.no_cookie();
        assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""]);

        for status in ["403", "500"] {
            let id = client.send(asking("set:user=bob", None)).await.issued();
            let answer = client.send(asking("destroy", Some(&id)).header("x-fail", status)).await;
            assert_eq!(answer.cookies(), [removal()], "{status}");
            assert!(place.record(&id).is_none(), "{status}");
        }

        let answer = client.send(asking("hold", None).header("x-fail-before", "401")).await;
        assert_eq!(place.data(&answer.issued()).unwrap(), ["by=\"inner\""]);
        let answer = client.send(asking("hold", None).header("x-fail-before", "500")).await;
        answer.no_cookie();
        assert_eq!(place.living(), 2);

        // Not used: the error is left as it is.
        place.asked();
        let answer = client.send(asking("hold", Some(&id)).header("x-fail", "500")).await;
        assert_eq!((answer.all("vary").len(), answer.body.as_str()), (0, "inner"));
        assert_eq!(place.asked(), []);
    }
}

/// As on the way of a response: what is said already is not said again.
#[tokio::test]
async fn the_headers_of_an_inner_error_are_respected() {
    let client = with_inner(&Place::memory()).await;
    for (vary, expected) in [("Accept", ["Accept", "Cookie"].as_slice()), ("Cookie", &["Cookie"]), ("*", &["*"])] {
        let request = asking("set", None).header("x-fail", "403").header("x-vary", vary);
        let answer = client.send(request).await;
        answer.issued();
        assert_eq!(answer.all("cache-control"), ["private"]);
        assert_eq!(answer.all("vary"), expected, "Vary: {vary} in the error");
    }
}

/// The id that an answer over the wire gives.
fn issued(answer: &Raw) -> SessionId {
    SessionId::parse(answer.cookies()[0].split(['=', ';']).nth(1).unwrap()).unwrap()
}

fn login(server: &Server) -> SessionId {
    issued(&server.ask("/do/set:user=ada", &[]))
}

fn cookie(id: &SessionId) -> Vec<u8> {
    format!("Cookie: {NAME}={}", id.as_str()).into_bytes()
}

#[test]
fn a_panic_drops_what_was_written_but_no_destroy() {
    for kind in KINDS {
        let place = Place::new(kind);
        let server = Server::of(place.sessions());
        let id = login(&server);
        assert!(server.ask("/do/set:n=1,panic", &[]).is_empty());
        for steps in ["set:n=1", "get,set:n=1,renew"] {
            assert!(server.ask(&format!("/do/{steps},panic"), &[&cookie(&id)]).is_empty());
        }
        // The worker still serves, after all that the panics left to do.
        assert_eq!(server.ask("/do/data", &[&cookie(&id)]).body(), "{\"user\":\"ada\"}");
        assert_eq!(place.living(), 1);

        assert!(server.ask("/do/set:n=1,save,panic", &[&cookie(&id)]).is_empty());
        assert_eq!(place.data(&id).unwrap(), ["n=\"1\"", "user=\"ada\""], "what was saved stays");

        assert!(server.ask("/do/destroy,set:n=2,panic", &[&cookie(&id)]).is_empty());
        wait_until("the destroy is done", || place.record(&id).is_none());
        assert_eq!(server.ask("/do/get", &[&cookie(&id)]).body(), "-");
        assert_eq!(place.living(), 0);
    }
}

/// Asks on a connection that breaks off while the handler stands at its `pause`, and waits until the handler is dropped.
fn break_off(server: &Server, steps: &str, id: &SessionId) {
    let stream = server.connect_to_break_off(&Server::request(&format!("/do/{steps},pause"), &[&cookie(id)]));
    wait_until("the handler runs", || server.meeting.arrived.notified().now_or_never().is_some());
    drop(stream);
    wait_until("the handler is dropped", || server.meeting.cut_off.notified().now_or_never().is_some());
}

#[test]
fn a_client_that_goes_away_drops_what_was_written_but_no_destroy() {
    for kind in KINDS {
        let place = Place::new(kind);
        let server = Server::of(place.sessions());
        let id = login(&server);
        for steps in ["set:n=1", "get,set:n=1", "get,renew,set:n=1"] {
            break_off(&server, steps, &id);
            assert_eq!(server.ask("/do/data", &[&cookie(&id)]).body(), "{\"user\":\"ada\"}", "{steps}");
        }
        for steps in ["destroy", "get,destroy", "set,destroy,set:n=2", "get,renew,destroy"] {
            let id = login(&server);
            break_off(&server, steps, &id);
            wait_until("the destroy is done", || place.record(&id).is_none());
        }
        assert_eq!(server.ask("/do/hold", &[]).status(), 200);
        assert_eq!(place.living(), 1, "nothing came back, and nothing new is left");
    }
}

/// A logout that began before the renewal of another request sticks also if its client goes away.
#[test]
fn a_destroy_that_was_cut_off_follows_a_renewal() {
    for kind in KINDS {
        let place = Place::new(kind);
        let server = Server::of(place.sessions());
        let id = login(&server);
        let stream = server.connect_to_break_off(&Server::request("/do/get,destroy,pause", &[&cookie(&id)]));
        wait_until("the handler runs", || server.meeting.arrived.notified().now_or_never().is_some());
        let renewed = issued(&server.ask("/do/renew", &[&cookie(&id)]));
        assert!(place.record(&renewed).is_some());
        drop(stream);
        wait_until("the renewed session is ended", || place.record(&renewed).is_none());
    }
}

#[test]
fn a_destroy_sticks_if_the_client_goes_while_it_is_being_done() {
    // Files, because only their operations leave the worker.
    let place = Place::new(Kind::File);
    let server = Server::of(place.sessions());
    let id = login(&server);
    place.asked();
    place.probe.hold(Some(Op::Remove));
    let stream = server.connect_to_break_off(&Server::request("/do/destroy", &[&cookie(&id)]));
    wait_until("the session is being removed", || place.probe.count(Op::Remove) == 1);
    drop(stream);
    wait_until("the cut-off request tries again", || place.probe.count(Op::Remove) == 2);
    assert!(place.record(&id).is_some());
    place.probe.hold(None);
    wait_until("the destroy is done", || place.record(&id).is_none());
}

fn is_opaque(answer: &Answer, status: u16) {
    answer.is_opaque(status);
    answer.no_cookie();
    for (name, value) in &answer.headers {
        assert!(!value.contains(CAUSE), "{name}: {value}");
    }
}

#[tokio::test]
async fn a_storage_that_is_down_is_a_503_and_never_a_success() {
    for kind in KINDS {
        for (op, steps) in [
            (Op::Fetch, "get"),
            (Op::Fetch, "get,destroy"),
            (Op::Fetch, "update:n"),
            (Op::Load, "data"),
            (Op::Load, "info"),
            (Op::Commit, "set:n=1"),
            (Op::Commit, "get,set:n=1"),
            (Op::Commit, "set:n=1,status:404"),
            (Op::Commit, "set:n=1,save"),
            (Op::Commit, "get,update:n"),
            (Op::Commit, "remove:user"),
            (Op::Move, "renew"),
            (Op::Move, "get,renew,set:n=1"),
            (Op::Remove, "destroy"),
            (Op::Remove, "get,destroy"),
            (Op::Remove, "destroy,status:500"),
            (Op::Find, "principal:ada,others"),
        ] {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let id = client.login().await;
            place.probe.fail(&[op]);
            let answer = client.does(&id, steps).await;
            is_opaque(&answer, 503);
            place.probe.fail(&[]);
            if op == Op::Remove {
                // The answer was an error, but what was asked for is done as soon as the storage can.
                crate::support::wait_until("the session to be ended", || place.record(&id).is_none());
                continue;
            }
            // As it was, and usable again when the storage is.
            assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""], "{steps}");
            assert_eq!(client.does(&id, "get").await.body, "\"ada\"");
            assert_eq!(place.living(), 1, "{steps}");
        }
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        place.probe.fail(&[Op::Create]);
        for steps in ["set", "set,save", "get,set,status:403"] {
            is_opaque(&client.new_does(steps).await, 503);
        }
        is_opaque(&client.does(&planted(), "set").await, 503);
        assert_eq!(place.living(), 0);
    }
}

#[tokio::test]
async fn an_untouched_request_does_not_notice_that_the_storage_is_down() {
    let place = Place::memory();
    let client = Client::of(place.sessions()).await;
    place.probe.fail(&[Op::Load, Op::Fetch, Op::Create, Op::Commit, Op::Touch, Op::Move, Op::Remove]);
    assert_eq!(client.does(&planted(), "hold").await.status, 200);
    assert_eq!(client.new_does("get").await.body, "-", "without an id there is nothing to ask for");
}

/// An application may handle the error of a read, but what it writes is not lost silently.
#[tokio::test]
async fn who_ignores_a_failed_read_cannot_ignore_a_failed_write() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let id = client.login().await;
        place.probe.fail(&[Op::Fetch, Op::Commit]);
        let answer = client.does(&id, "peek").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "failed"));
        answer.no_cookie();
        is_opaque(&client.does(&id, "peek,set:n=1").await, 503);
        // The read is tried again, not taken for an empty session.
        place.probe.fail(&[]);
        assert_eq!(client.does(&id, "get").await.body, "\"ada\"");
    }
}

#[tokio::test]
async fn a_failed_touch_is_not_passed_over() {
    let place = Place::memory();
    place.probe.leave_touches();
    let client = Client::of(place.sessions()).await;
    let id = client.login().await;
    place.asked();
    place.clock.advance(A_WHILE);
    place.probe.fail(&[Op::Touch]);
    is_opaque(&client.does(&id, "get").await, 503);
    assert_eq!(place.asked(), [Op::Fetch, Op::Touch]);
    place.probe.fail(&[]);
    assert_eq!(client.does(&id, "get").await.body, "\"ada\"");
    assert_eq!(place.asked(), [Op::Fetch, Op::Touch]);
    assert_eq!(client.does(&id, "get").await.body, "\"ada\"");
    assert_eq!(place.asked(), [Op::Fetch], "not due again");
}

#[tokio::test]
async fn crossing_a_limit_is_a_413_and_keeps_the_last_good_state() {
    for kind in KINDS {
        let place = Place::new(kind);
        let limits = Limits::default().max_value_bytes(80).max_record_bytes(100).max_entries(3);
        let client = Client::of(place.builder().limits(limits).build().unwrap()).await;
        is_opaque(&client.new_does("fill:200").await, 413);
        is_opaque(&client.new_does(&format!("principal:{}", "x".repeat(257))).await, 413);
        assert_eq!(place.living(), 0);
        let id = client.new_does("fill:60").await.issued();
        let before = place.data(&id).unwrap();
        for steps in [
            // Refused by `set`: the value, and what is known of the session with it.
            "fill:200",
            "get,set:other=0123456789012345678901234567890123456789",
            // Refused by the storage, which alone knows that the session would grow over its limits.
            "set:a=1,set:b=1,set:c=1",
            "set:other=0123456789012345678901234567890123456789",
        ] {
            is_opaque(&client.does(&id, steps).await, 413);
            assert_eq!(place.data(&id).unwrap().len(), before.len(), "{steps}");
        }
        // What was written before the write that was refused is stored, since the answer is below 500.
        is_opaque(&client.does(&id, "get,set:a=1,set:b=1,set:c=1").await, 413);
        // Who knows a part of the session only, as with the hash storage, is refused by the storage, and altogether.
        let kept = place.data(&id).unwrap();
        if kind == Kind::RedisHash {
            assert_eq!(kept, before);
        } else {
            assert_eq!(kept[..2], ["a=\"1\"", "b=\"1\""]);
        }
    }
}

#[tokio::test]
async fn an_update_of_what_has_ended_is_a_409() {
    for kind in KINDS {
        for end in ["destroy", "renew"] {
            let place = Place::new(kind);
            let client = Client::of(place.sessions()).await;
            let id = client.login().await;
            let slow = client.does(&id, "get:n,pause,update:n");
            let (answer, _) = client.during(slow, client.does(&id, end)).await;
            is_opaque(&answer, 409);
            assert_eq!(place.living(), u64::from(end == "renew"));
        }
    }
}

#[tokio::test]
async fn mistakes_of_the_application_are_a_500() {
    let place = Place::memory();
    let client = Client::of(place.sessions()).await;
    let id = client.login().await;
    for steps in ["number:user", "set:n=1,update:user", "get,be:terminal-17", "be:not-a-standard-id"] {
        is_opaque(&client.does(&id, steps).await, 500);
        assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""], "{steps}");
    }
}
