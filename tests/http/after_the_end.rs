//! What a session can still do when its middleware is done with the request: be read and be destroyed (S9).

use std::sync::{Arc, Mutex};

use gsession::{Error as Cause, SessionId};

use crate::{
    framework::{Ask, Session, SessionError},
    support::{
        NAME,
        answer::Answer,
        app::{App, Failure, Reply},
        client::Client,
        place::{KINDS, Place},
        request::Request,
    },
};

/// Every way to write, tried on a session that must refuse them all.
async fn every_write_is_refused(session: &Session) {
    let closed = |what: &str, refused: Result<(), SessionError>| {
        let error = refused.expect_err(what);
        assert!(matches!(error.cause(), Cause::Closed), "{what}: {error:?}");
    };
    closed("set", session.set("late", "1"));
    closed("set_many", session.set_many([("late", "1")]));
    closed("remove", session.remove("user"));
    closed("remove_many", session.remove_many(["user"]));
    closed("clear", session.clear());
    closed("renew", session.renew());
    closed("set_principal", session.set_principal("eve"));
    closed("clear_principal", session.clear_principal());
    closed("set_id", session.set_id(crate::support::ids::planted()));
    closed("update", session.update("late", |n: Option<u8>| n.unwrap_or(0)).await.map(drop));
    closed("get_or_insert_with", session.get_or_insert_with("late", || 1).await.map(drop));
    closed("try_update", session.try_update("late", |n: Option<u8>| Ok::<_, SessionError>(n)).await.map(drop));
    closed("save", session.save().await.map(drop));
    assert!(!session.is_dirty());
}

fn presenting(path: &str, id: Option<&SessionId>) -> Request {
    let request = Request::get(path);
    match id {
        Some(id) => request.header("cookie", format!("{NAME}={}", id.as_str())),
        None => request,
    }
}

/// A middleware around the session's, which looks at the response.
async fn tries_to_write(ask: Ask, status: u16) -> Result<Option<Reply>, Failure> {
    let session = ask.session();
    every_write_is_refused(&session).await;
    // Reading goes on.
    let user: Option<String> = session.get("user").await?;
    Ok(Some(Reply::status(status).text(user.unwrap_or_else(|| "nobody".to_owned()))))
}

#[tokio::test]
async fn a_middleware_outside_reads_and_writes_nothing() {
    for kind in KINDS {
        let place = Place::new(kind);
        let id = Client::of(place.sessions()).await.login().await;
        let client = App::new().scripts().wrap(place.sessions()).after(tries_to_write).client().await;
        // Used before or not, known or new.
        for (steps, id, said) in [
            ("hold", Some(&id), "ada"),
            ("get", Some(&id), "ada"),
            ("get,set:n=1", Some(&id), "ada"),
            ("hold", None, "nobody"),
            ("get", None, "nobody"),
        ] {
            let answer = client.send(presenting(&format!("/do/{steps}"), id)).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, said), "{kind:?} {steps}");
        }
        assert_eq!(place.data(&id).unwrap(), ["n=\"1\"", "user=\"ada\""]);
        assert_eq!(place.living(), 1);
    }
}

/// As an application does that logs people out whom it answers 401.
async fn logs_out(ask: Ask, status: u16) -> Result<Option<Reply>, Failure> {
    if status == 401 {
        ask.session().destroy();
    }
    Ok(None)
}

#[tokio::test]
async fn a_destroy_outside_is_carried_out() {
    for kind in KINDS {
        for steps in ["status:401", "get,status:401", "get,set:n=1,status:401"] {
            let place = Place::new(kind);
            let id = Client::of(place.sessions()).await.login().await;
            let client = App::new().scripts().wrap(place.sessions()).after(logs_out).client().await;
            let answer = client.send(presenting(&format!("/do/{steps}"), Some(&id))).await;
            assert_eq!(answer.status, 401);
            // In the background, so the next request may be faster; but it is done.
            crate::support::wait_until("the session to be ended", || place.record(&id).is_none());
            assert_eq!(place.living(), 0, "{kind:?} {steps}");
        }
    }
}

/// A body that is made while the response is being sent, and uses the session then.
#[tokio::test]
async fn a_streamed_body_is_told_that_it_is_too_late() {
    async fn streams(ask: Ask) -> Result<Reply, Failure> {
        let session = ask.session();
        Ok(Reply::streamed(async move {
            every_write_is_refused(&session).await;
            let user: Option<String> = session.get("user").await.unwrap();
            session.destroy();
            user.unwrap_or_else(|| "nobody".to_owned())
        }))
    }
    for kind in KINDS {
        let place = Place::new(kind);
        let id = Client::of(place.sessions()).await.login().await;
        let client = App::new().route("/", streams).wrap(place.sessions()).client().await;
        let anonymous = client.send(presenting("/", None)).await;
        assert_eq!((anonymous.status, anonymous.body.as_str()), (200, "nobody"));
        anonymous.no_cookie();
        let answer = client.send(presenting("/", Some(&id))).await;
        assert_eq!(answer.body, "ada");
        crate::support::wait_until("the session to be ended", || place.record(&id).is_none());
        assert_eq!(place.living(), 0);
    }
}

/// A task that the handler has left behind.
#[tokio::test]
async fn a_handle_that_outlives_its_request_can_read_and_destroy() {
    async fn keeps(session: Session, kept: Arc<Mutex<Option<Session>>>) -> Result<Reply, Failure> {
        session.contains_key("user").await?;
        *kept.lock().unwrap() = Some(session);
        Ok("done".into())
    }
    for kind in KINDS {
        let place = Place::new(kind);
        let id = Client::of(place.sessions()).await.login().await;
        let kept = Arc::new(Mutex::new(None::<Session>));
        let keep = Arc::clone(&kept);
        let app = App::new().route("/", move |ask: Ask| keeps(ask.session(), Arc::clone(&keep)));
        let client = app.wrap(place.sessions()).client().await;
        for id in [None, Some(&id)] {
            assert_eq!(client.send(presenting("/", id)).await.body, "done");
            let session = kept.lock().unwrap().take().unwrap();
            every_write_is_refused(&session).await;
            assert_eq!(session.get::<String>("user").await.unwrap().is_some(), id.is_some());
            session.destroy();
        }
        crate::support::wait_until("the session to be ended", || place.record(&id).is_none());
        assert_eq!(place.living(), 0);
    }
}

/// The storage fails while the session is stored: nothing can be written afterwards either.
#[tokio::test]
async fn a_failed_end_is_an_end() {
    let place = Place::memory();
    let id = Client::of(place.sessions()).await.login().await;
    let kept = Arc::new(Mutex::new(None::<Session>));
    let keep = Arc::clone(&kept);
    let keeps = move |ask: Ask| {
        *keep.lock().unwrap() = Some(ask.session());
        async { Ok(()) }
    };
    let client = App::new().scripts().before(keeps).wrap(place.sessions()).client().await;
    let ask = async |steps: &str| -> (Answer, Session) {
        let answer = client.send(presenting(&format!("/do/{steps}"), Some(&id))).await;
        (answer, kept.lock().unwrap().take().unwrap())
    };
    place.probe.fail(&[crate::support::probe::Op::Commit]);
    let (answer, session) = ask("get,set:n=1").await;
    assert_eq!(answer.status, 503);
    place.probe.fail(&[]);
    every_write_is_refused(&session).await;
    // What a failed handler wrote is dropped at once.
    let (answer, session) = ask("get,set:n=1,status:500").await;
    assert_eq!(answer.status, 500);
    every_write_is_refused(&session).await;
    assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""]);
}
