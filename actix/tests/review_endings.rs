//! Logouts in the background.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::time::{Duration, Instant};

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

/// R33: "after the response head nothing is silently dropped: an error, or it is done; a logout is done". The caller of `destroy`
/// gets no error, so a storage that is away for a moment must not make the logout void.
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
    let start = Instant::now();
    while place.record(&id).is_some() && start.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(place.record(&id).is_none(), "tried once, and forgotten");
}

/// A logout is asked for, the storage fails while it is carried out, and the handler's session is sealed: the client is told 503,
/// and its session lives on. (What happens to it in the background for a client that has left does not happen here.)
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
    let start = Instant::now();
    while place.record(&id).is_some() && start.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(place.record(&id).is_none(), "a destroy always sticks (S9)");
}
