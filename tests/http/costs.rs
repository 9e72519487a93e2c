//! What a request asks of its storage, counted, so that a slower path shows as another number. (Allocations are counted by each
//! framework.)

use std::time::Duration;

use crate::support::{
    NAME,
    client::Client,
    place::Place,
    probe::Op::{self, Commit, Create, Fetch, Move, Remove},
};

/// What the storage is asked by a request, with a session or without, when a touch is due or not.
async fn asked(steps: &str, is_logged_in: bool, is_due: bool) -> Vec<Op> {
    let place = Place::memory();
    let client = Client::of(place.sessions()).await;
    let login = client.new_does("set:user=ada,set:n=100").await.issued();
    let cookie = if is_logged_in { format!("{NAME}={}", login.as_str()) } else { "other=1".to_owned() };
    if is_due {
        place.clock.advance(Duration::from_secs(60 * 60));
    }
    place.asked();
    client.with_cookie(&cookie, steps).await;
    place.asked()
}

#[tokio::test]
async fn operations_on_the_storage() {
    for (steps, is_logged_in, operations) in [
        ("hold", false, vec![]),
        ("hold", true, vec![]),
        ("set:user=ada,set:n=100", false, vec![Create]),
        ("get", true, vec![Fetch]),
        ("get:n,set:n=1", true, vec![Fetch, Commit]),
        ("set:n=1", true, vec![Commit]),
        ("renew", true, vec![Move]),
        ("destroy", false, vec![]),
        ("destroy", true, vec![Remove]),
    ] {
        // That it extends the session, too, costs nothing more.
        for is_due in [false, true] {
            let asked = asked(steps, is_logged_in, is_due).await;
            assert_eq!(asked, operations, "{steps}, logged in: {is_logged_in}, due: {is_due}");
        }
    }
}
