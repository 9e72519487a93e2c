//! Logouts that the storage could not carry out at once are tried again (R33).

use crate::{
    framework::Ask,
    support::{
        NAME,
        app::App,
        client::Client,
        place::{Kind, Place},
        probe::Op,
        request::Request,
    },
};

/// Whoever calls `destroy` after the response gets no error, so a storage that is away for a moment must not make it void.
#[tokio::test]
async fn a_logout_in_the_background_outlasts_a_short_outage() {
    let place = Place::new(Kind::Memory);
    let logs_out = async |ask: Ask, status| {
        if status == 401 {
            ask.session().destroy();
        }
        Ok(None)
    };
    let client = App::new().scripts().wrap(place.sessions()).after(logs_out).client().await;
    let id = client.new_does("set:user=ada").await.issued();
    place.asked();
    place.probe.fail(&[Op::Remove]);
    let request = Request::get("/do/status:401").header("cookie", format!("{NAME}={}", id.as_str()));
    client.send(request).await;
    crate::support::wait_until("it was tried", || place.probe.count(Op::Remove) > 0);
    place.probe.fail(&[]);
    crate::support::wait_until("the session to be ended", || place.record(&id).is_none());
}

/// The client is told 503, and logged out as soon as the storage can (S9).
#[tokio::test]
async fn a_logout_that_failed_at_the_end_is_tried_again_in_the_background() {
    let place = Place::new(Kind::Memory);
    let client = Client::of(place.sessions()).await;
    let id = client.new_does("set:user=ada").await.issued();
    place.asked();
    place.probe.fail(&[Op::Remove]);
    let answer = client.does(&id, "destroy").await;
    assert_eq!(answer.status, 503);
    place.probe.fail(&[]);
    crate::support::wait_until("the session to be ended", || place.record(&id).is_none());
}
