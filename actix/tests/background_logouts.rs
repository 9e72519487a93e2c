//! Logouts that the storage could not carry out at once are tried again (R33).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use actix_web::{
    App,
    body::BoxBody,
    http::StatusCode,
    middleware::{ErrorHandlerResponse, ErrorHandlers},
    test::TestRequest,
    web,
};
use gsession_actix::SessionExt as _;
use support::{
    NAME,
    client::client,
    place::{Kind, Place},
    probe::Op,
    script::{Meeting, run},
};

/// Whoever calls `destroy` after the response gets no error, so a storage that is away for a moment must not make it void.
#[actix_web::test]
async fn a_logout_in_the_background_outlasts_a_short_outage() {
    let place = Place::new(Kind::Memory);
    let meeting = web::Data::<Meeting>::default();
    let app = App::new()
        .app_data(meeting.clone())
        .wrap(place.sessions())
        .wrap(ErrorHandlers::<BoxBody>::new().handler(StatusCode::UNAUTHORIZED, |response| {
            response.get_session().destroy();
            Ok(ErrorHandlerResponse::Response(response.map_into_left_body()))
        }))
        .route("/do/{steps}", web::get().to(run));
    let client = client!(app, meeting);
    let id = client.new_does("set:user=ada").await.issued();
    place.asked();
    place.probe.fail(&[Op::Remove]);
    let request = TestRequest::get().uri("/do/status:401").insert_header(("cookie", format!("{NAME}={}", id.as_str())));
    client.send(request).await;
    support::wait_until("it was tried", || place.probe.count(Op::Remove) > 0);
    place.probe.fail(&[]);
    support::wait_until("the session to be ended", || place.record(&id).is_none());
}

/// The client is told 503, and logged out as soon as the storage can (S9).
#[actix_web::test]
async fn a_logout_that_failed_at_the_end_is_tried_again_in_the_background() {
    let place = Place::new(Kind::Memory);
    let client = support::client::Client::of(place.sessions()).await;
    let id = client.new_does("set:user=ada").await.issued();
    place.asked();
    place.probe.fail(&[Op::Remove]);
    let answer = client.does(&id, "destroy").await;
    assert_eq!(answer.status, 503);
    place.probe.fail(&[]);
    support::wait_until("the session to be ended", || place.record(&id).is_none());
}
