//! What a session can still do when its middleware is done with the request: be read and be destroyed (S9).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::sync::Mutex;

use actix_web::{
    App, Error, HttpResponse,
    body::{BodyStream, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::{ErrorHandlerResponse, ErrorHandlers, Next, from_fn},
    test::TestRequest,
    web::{self, Bytes},
};
use futures::stream;
use gsession::{Error as Cause, SessionId};
use gsession_actix::{Session, SessionError, SessionExt as _};
use support::{
    NAME,
    client::{Answer, Client, client},
    place::{KINDS, Place},
    script::{Meeting, run},
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
    closed("set_id", session.set_id(support::ids::planted()));
    closed("update", session.update("late", |n: Option<u8>| n.unwrap_or(0)).await.map(drop));
    closed("get_or_insert_with", session.get_or_insert_with("late", || 1).await.map(drop));
    closed("try_update", session.try_update("late", |n: Option<u8>| Ok::<_, SessionError>(n)).await.map(drop));
    closed("save", session.save().await.map(drop));
    assert!(!session.is_dirty());
}

fn presenting(path: &str, id: Option<&SessionId>) -> TestRequest {
    let request = TestRequest::get().uri(path);
    match id {
        Some(id) => request.insert_header(("cookie", format!("{NAME}={}", id.as_str()))),
        None => request,
    }
}

/// A middleware around the session's, which looks at the response.
async fn tries_to_write(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let response = next.call(request).await?;
    let session = response.get_session();
    every_write_is_refused(&session).await;
    // Reading goes on.
    let user: Option<String> = session.get("user").await?;
    let (request, response) = response.into_parts();
    let said = HttpResponse::build(response.status()).body(user.unwrap_or_else(|| "nobody".to_owned()));
    Ok(ServiceResponse::new(request, said))
}

#[actix_web::test]
async fn a_middleware_outside_reads_and_writes_nothing() {
    for kind in KINDS {
        let place = Place::new(kind);
        let meeting = web::Data::<Meeting>::default();
        let app = App::new()
            .app_data(meeting.clone())
            .wrap(place.sessions())
            .wrap(from_fn(tries_to_write))
            .route("/do/{steps}", web::get().to(run));
        let id = Client::of(place.sessions()).await.login().await;
        let client = client!(app, meeting);
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
fn logs_out<B>(response: ServiceResponse<B>) -> actix_web::Result<ErrorHandlerResponse<B>> {
    response.get_session().destroy();
    Ok(ErrorHandlerResponse::Response(response.map_into_left_body()))
}

#[actix_web::test]
async fn a_destroy_outside_is_carried_out() {
    for kind in KINDS {
        for steps in ["status:401", "get,status:401", "get,set:n=1,status:401"] {
            let place = Place::new(kind);
            let meeting = web::Data::<Meeting>::default();
            let handlers = ErrorHandlers::<BoxBody>::new();
            let app = App::new()
                .app_data(meeting.clone())
                .wrap(place.sessions())
                .wrap(handlers.handler(actix_web::http::StatusCode::UNAUTHORIZED, logs_out))
                .route("/do/{steps}", web::get().to(run));
            let id = Client::of(place.sessions()).await.login().await;
            let answer = client!(app, meeting).send(presenting(&format!("/do/{steps}"), Some(&id))).await;
            assert_eq!(answer.status, 401);
            // In the background, so the next request may be faster; but it is done.
            support::wait_until("the session to be ended", || place.record(&id).is_none());
            assert_eq!(place.living(), 0, "{kind:?} {steps}");
        }
    }
}

/// A body that is made while the response is being sent, and uses the session then.
#[actix_web::test]
async fn a_streamed_body_is_told_that_it_is_too_late() {
    async fn streams(session: Session) -> HttpResponse {
        let body = stream::once(async move {
            every_write_is_refused(&session).await;
            let user = session.get::<String>("user").await?.unwrap_or_else(|| "nobody".to_owned());
            session.destroy();
            Ok::<_, Error>(Bytes::from(user))
        });
        HttpResponse::Ok().body(BodyStream::new(Box::pin(body)))
    }
    for kind in KINDS {
        let place = Place::new(kind);
        let id = Client::of(place.sessions()).await.login().await;
        let app = App::new().wrap(place.sessions()).route("/", web::get().to(streams));
        let client = client!(app);
        let anonymous = client.send(presenting("/", None)).await;
        assert_eq!((anonymous.status, anonymous.body.as_str()), (200, "nobody"));
        anonymous.no_cookie();
        let answer = client.send(presenting("/", Some(&id))).await;
        assert_eq!(answer.body, "ada");
        support::wait_until("the session to be ended", || place.record(&id).is_none());
        assert_eq!(place.living(), 0);
    }
}

/// A task that the handler has left behind.
#[actix_web::test]
async fn a_handle_that_outlives_its_request_can_read_and_destroy() {
    async fn keeps(session: Session, kept: web::Data<Mutex<Option<Session>>>) -> Result<&'static str, SessionError> {
        session.contains_key("user").await?;
        *kept.lock().unwrap() = Some(session);
        Ok("done")
    }
    for kind in KINDS {
        let place = Place::new(kind);
        let id = Client::of(place.sessions()).await.login().await;
        let kept = web::Data::new(Mutex::new(None::<Session>));
        let app = App::new().app_data(kept.clone()).wrap(place.sessions()).route("/", web::get().to(keeps));
        let client = client!(app);
        for id in [None, Some(&id)] {
            assert_eq!(client.send(presenting("/", id)).await.body, "done");
            let session = kept.lock().unwrap().take().unwrap();
            every_write_is_refused(&session).await;
            assert_eq!(session.get::<String>("user").await.unwrap().is_some(), id.is_some());
            session.destroy();
        }
        support::wait_until("the session to be ended", || place.record(&id).is_none());
        assert_eq!(place.living(), 0);
    }
}

/// The storage fails while the session is stored: nothing can be written afterwards either.
#[actix_web::test]
async fn a_failed_end_is_an_end() {
    let place = Place::memory();
    let id = Client::of(place.sessions()).await.login().await;
    let meeting = web::Data::<Meeting>::default();
    let kept = web::Data::new(Mutex::new(None::<Session>));
    let keep = kept.clone();
    let app = App::new()
        .app_data(meeting.clone())
        .wrap(from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
            *keep.lock().unwrap() = Some(request.get_session());
            next.call(request)
        }))
        .wrap(place.sessions())
        .route("/do/{steps}", web::get().to(run));
    let client = client!(app, meeting);
    let ask = async |steps: &str| -> (Answer, Session) {
        let answer = client.send(presenting(&format!("/do/{steps}"), Some(&id))).await;
        (answer, kept.lock().unwrap().take().unwrap())
    };
    place.probe.fail(&[support::probe::Op::Commit]);
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
