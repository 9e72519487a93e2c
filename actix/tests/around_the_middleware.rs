//! Middlewares around the session's, and beside it: what they make of a request, and what they find in a response.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::sync::Mutex;

use actix_web::{
    App, Error, HttpResponse, Result,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorBadRequest,
    http::StatusCode,
    middleware::{Next, from_fn},
    test::TestRequest,
    web,
};
use gsession::SessionId;
use gsession_actix::{Session, SessionExt as _};
use support::{
    NAME,
    client::{Client, client},
    place::{Kind, Place},
    probe::Op,
    script::{Meeting, run},
    wait_until,
};

fn with_cookie(path: &str, id: &SessionId) -> TestRequest {
    TestRequest::get().uri(path).insert_header(("cookie", format!("{NAME}={}", id.as_str())))
}

/// "An id that an earlier save has given must reach the client all the same": in a header, too.
#[actix_web::test]
async fn a_new_id_in_a_header_survives_a_failing_end() {
    let place = Place::memory();
    let client = Client::of(place.builder().header_only("x-session").build().unwrap()).await;
    let old = client.new_does("set:user=ada").await;
    let old = old.all("x-session")[0].to_owned();
    place.probe.fail(&[Op::Commit]);
    let answer = client.with_header("x-session", &old, "renew,save,set:n=1").await;
    assert_eq!(answer.status, 503);
    // The old id is dead, so this is the last chance to tell.
    assert_eq!(answer.all("x-session").len(), 1, "the client is left with a dead id");
}

/// The same for a session that is new.
#[actix_web::test]
async fn a_first_id_in_a_bearer_header_survives_a_failing_end() {
    let place = Place::memory();
    let client = Client::of(place.builder().bearer().build().unwrap()).await;
    place.probe.fail(&[Op::Commit]);
    let answer = client.new_does("set:user=ada,principal:ada,save,set:n=1").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.all("authorization").len(), 1, "the client never learns of the session it has");
}

/// `destroy` is carried out wherever it is asked for (S9, R33); `destroy_everywhere` ends "this one as with destroy".
#[actix_web::test]
async fn destroy_everywhere_outside_ends_this_session_too() {
    for kind in [Kind::Memory, Kind::File] {
        let place = Place::new(kind);
        let meeting = web::Data::<Meeting>::default();
        let outside = |request: ServiceRequest, next: Next<BoxBody>| async move {
            let response = next.call(request).await?;
            if response.status() == StatusCode::UNAUTHORIZED {
                response.get_session().destroy_everywhere().await?;
            }
            Ok::<_, Error>(response)
        };
        let app = App::new()
            .app_data(meeting.clone())
            .wrap(place.sessions())
            .wrap(from_fn(outside))
            .route("/do/{steps}", web::get().to(run));
        let id = Client::of(place.sessions()).await.new_does("set:user=ada,principal:ada").await.issued();
        let client = client!(app, meeting);
        let answer = client.send(with_cookie("/do/get,status:401", &id)).await;
        assert_eq!(answer.status, 401);
        wait_until("the session to be ended", || place.record(&id).is_none());
        assert_eq!(place.living(), 0, "{kind:?}");
    }
}

/// A middleware further out hands the request to the application a second time, as one does that serves a page of its own
/// instead of a 404.
#[actix_web::test]
async fn a_request_that_is_forwarded_has_an_open_session() {
    let place = Place::memory();
    async fn fallback(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        let response = next.call(request).await?;
        if response.status() != StatusCode::NOT_FOUND {
            return Ok(response);
        }
        let (request, _) = response.into_parts();
        let mut request = ServiceRequest::from_request(request);
        request.head_mut().uri = "/visits".parse().unwrap();
        request.match_info_mut().get_mut().update(&"/visits".parse().unwrap());
        request.match_info_mut().reset();
        next.call(request).await
    }
    async fn visits(session: Session) -> Result<String> {
        let n = session.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
        Ok(n.to_string())
    }
    let app = App::new()
        .route("/visits", web::get().to(visits))
        .default_service(web::to(|| async { HttpResponse::NotFound().finish() }))
        .wrap(place.sessions())
        .wrap(from_fn(fallback));
    let client = client!(app);
    assert_eq!(client.send(TestRequest::get().uri("/visits")).await.status, 200);
    let answer = client.send(TestRequest::get().uri("/elsewhere")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "1"), "the session was closed by the first pass");
    assert_eq!(answer.cookies().len(), 1);
}

/// What stands between two middlewares sees the outer one's session, also after the inner one has failed.
#[actix_web::test]
async fn after_an_inner_error_the_outer_session_is_in_front_again() {
    let (place, admin) = (Place::memory(), Place::memory());
    async fn fails(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        Err(ErrorBadRequest("no"))
    }
    async fn between(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        let held = request.request().clone();
        match next.call(request).await {
            Ok(response) => Ok(response),
            Err(error) => {
                held.get_session().set("failures", "1").map_err(Error::from)?;
                Ok(ServiceResponse::new(held, error.error_response()))
            }
        }
    }
    let scope = web::scope("/admin")
        .wrap(from_fn(fails))
        .wrap(admin.builder().cookie_name("admin").build().unwrap())
        .wrap(from_fn(between));
    let app = App::new().service(scope.route("/", web::get().to(|| async { "never" }))).wrap(place.sessions());
    let answer = client!(app).send(TestRequest::get().uri("/admin/")).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(place.living(), 1, "the outer session was not written to");
}

/// A client that presents a dead cookie and a living header hears of its new id where the living one came from.
#[actix_web::test]
async fn the_new_id_goes_where_the_one_came_from_that_counts() {
    let place = Place::memory();
    let client = Client::of(place.builder().header_name("x-session").build().unwrap()).await;
    let first = client.new_does("set:user=ada").await;
    let living = first.all("x-session")[0].to_owned();
    let dead = SessionId::from_random([9; 32]);
    let request = TestRequest::get()
        .uri("/do/get,renew")
        .insert_header(("cookie", format!("{NAME}={}", dead.as_str())))
        .insert_header(("x-session", living));
    let answer = client.send(request).await;
    assert_eq!(answer.body, "\"ada\"", "the header counts");
    assert_eq!(
        answer.all("x-session").len(),
        1,
        "the client's header is dead now, and it is not told: {:?}",
        answer.headers
    );
}

/// "A response whose handler used such a session ... gets no-store".
#[actix_web::test]
async fn a_page_of_a_logged_in_session_that_ends_meanwhile_is_not_stored() {
    let place = Place::memory();
    let client = Client::of(place.builder().no_store_when_logged_in(true).build().unwrap()).await;
    let id = client.new_does("set:user=ada,principal:ada").await.issued();
    let slow = client.does(&id, "get,data,pause,set:x=1,save,cache:public");
    let (slow, _) = client.during(slow, client.does(&id, "destroy")).await;
    assert_eq!(slow.status, 200);
    assert!(slow.body.contains("ada"));
    assert_eq!(slow.all("cache-control"), ["no-store"]);
}

/// And so does the page that says good-bye by name.
#[actix_web::test]
async fn a_page_that_reads_and_then_destroys_is_not_stored() {
    let place = Place::memory();
    let client = Client::of(place.builder().no_store_when_logged_in(true).build().unwrap()).await;
    let id = client.new_does("set:user=ada,principal:ada").await.issued();
    let answer = client.does(&id, "get,data,destroy,cache:private").await;
    assert!(answer.body.contains("ada"));
    assert_eq!(answer.all("cache-control"), ["no-store"]);
}

/// `end` says whether there was such a session of this session's principal.
#[actix_web::test]
async fn ending_itself_without_a_principal_is_the_same_as_in_the_core() {
    let place = Place::memory();
    let said = std::sync::Arc::new(Mutex::new(Vec::<bool>::new()));
    let data = web::Data::from(said.clone());
    async fn handler(
        session: Session,
        said: web::Data<Mutex<Vec<bool>>>,
        core: web::Path<bool>,
    ) -> Result<&'static str> {
        let _: Option<String> = session.get("user").await?;
        let key = session.key().unwrap();
        let ended = if *core { session.core().end(key).await.unwrap() } else { session.end(key).await? };
        said.lock().unwrap().push(ended);
        Ok("done")
    }
    let app = App::new()
        .app_data(data)
        .app_data(web::Data::<Meeting>::default())
        .wrap(place.sessions())
        .route("/end/{core}", web::get().to(handler))
        .route("/do/{steps}", web::get().to(run));
    let client = client!(app);
    for core in [true, false] {
        let id = client.new_does("set:user=ada").await.issued();
        client.send(with_cookie(&format!("/end/{core}"), &id)).await;
    }
    let said = said.lock().unwrap();
    assert_eq!(said[0], said[1], "core and actix do not agree");
}

/// Nobody has asked for it before.
#[actix_web::test]
async fn what_is_first_used_on_the_response_is_closed() {
    let place = Place::memory();
    async fn outside(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        let response = next.call(request).await?;
        let refused = response.get_session().set("late", "1").unwrap_err();
        assert!(matches!(refused.cause(), gsession::Error::Closed), "{refused:?}");
        Ok(response)
    }
    let app = App::new()
        .route("/", web::get().to(|| async { "no session here" }))
        .wrap(place.sessions())
        .wrap(from_fn(outside));
    assert_eq!(client!(app).send(TestRequest::get().uri("/")).await.status, 200);
}
