//! Middlewares around the session's, and beside it: what they make of a request, and what they find in a response.

use std::sync::{Arc, Mutex};

use gsession::SessionId;

use crate::{
    framework::Ask,
    support::{
        NAME,
        app::App,
        client::Client,
        place::{Kind, Place},
        probe::Op,
        request::Request,
        wait_until,
    },
};

fn with_cookie(path: &str, id: &SessionId) -> Request {
    Request::get(path).header("cookie", format!("{NAME}={}", id.as_str()))
}

/// "An id that an earlier save has given must reach the client all the same": in a header, too.
#[tokio::test]
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
#[tokio::test]
async fn a_first_id_in_a_bearer_header_survives_a_failing_end() {
    let place = Place::memory();
    let client = Client::of(place.builder().bearer().build().unwrap()).await;
    place.probe.fail(&[Op::Commit]);
    let answer = client.new_does("set:user=ada,principal:ada,save,set:n=1").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.all("authorization").len(), 1, "the client never learns of the session it has");
}

/// `destroy` is carried out wherever it is asked for (S9, R33); `destroy_everywhere` ends "this one as with destroy".
#[tokio::test]
async fn destroy_everywhere_outside_ends_this_session_too() {
    for kind in [Kind::Memory, Kind::File] {
        let place = Place::new(kind);
        let id = Client::of(place.sessions()).await.new_does("set:user=ada,principal:ada").await.issued();
        let outside = |ask: Ask, status| async move {
            if status == 401 {
                ask.session().destroy_everywhere().await?;
            }
            Ok(None)
        };
        let client = App::new().scripts().wrap(place.sessions()).after(outside).client().await;
        let answer = client.send(with_cookie("/do/get,status:401", &id)).await;
        assert_eq!(answer.status, 401);
        wait_until("the session to be ended", || place.record(&id).is_none());
        assert_eq!(place.living(), 0, "{kind:?}");
    }
}

/// A client that presents a dead cookie and a living header hears of its new id where the living one came from.
#[tokio::test]
async fn the_new_id_goes_where_the_one_came_from_that_counts() {
    let place = Place::memory();
    let client = Client::of(place.builder().header_name("x-session").build().unwrap()).await;
    let first = client.new_does("set:user=ada").await;
    let living = first.all("x-session")[0].to_owned();
    let dead = SessionId::from_random([9; 32]);
    let request =
        Request::get("/do/get,renew").header("cookie", format!("{NAME}={}", dead.as_str())).header("x-session", living);
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
#[tokio::test]
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
#[tokio::test]
async fn a_page_that_reads_and_then_destroys_is_not_stored() {
    let place = Place::memory();
    let client = Client::of(place.builder().no_store_when_logged_in(true).build().unwrap()).await;
    let id = client.new_does("set:user=ada,principal:ada").await.issued();
    let answer = client.does(&id, "get,data,destroy,cache:private").await;
    assert!(answer.body.contains("ada"));
    assert_eq!(answer.all("cache-control"), ["no-store"]);
}

/// `end` says whether there was such a session of this session's principal.
#[tokio::test]
async fn ending_itself_without_a_principal_is_the_same_as_in_the_core() {
    let place = Place::memory();
    let said = Arc::new(Mutex::new(Vec::<bool>::new()));
    let says = Arc::clone(&said);
    let handler = move |ask: Ask| {
        let said = Arc::clone(&says);
        async move {
            let (session, core) = (ask.session(), ask.tail() == "true");
            drop(ask);
            let _: Option<String> = session.get("user").await?;
            let key = session.key().unwrap();
            let ended = if core { session.core().end(key).await.unwrap() } else { session.end(key).await? };
            said.lock().unwrap().push(ended);
            Ok("done".into())
        }
    };
    let client = App::new().scripts().route("/end/{core}", handler).wrap(place.sessions()).client().await;
    for core in [true, false] {
        let id = client.new_does("set:user=ada").await.issued();
        client.send(with_cookie(&format!("/end/{core}"), &id)).await;
    }
    let said = said.lock().unwrap();
    assert_eq!(said[0], said[1], "the core and the middleware do not agree");
}

/// Nobody has asked for it before.
#[tokio::test]
async fn what_is_first_used_on_the_response_is_closed() {
    let place = Place::memory();
    let outside = |ask: Ask, _| async move {
        let refused = ask.session().set("late", "1").unwrap_err();
        assert!(matches!(refused.cause(), gsession::Error::Closed), "{refused:?}");
        Ok(None)
    };
    let app = App::new().route("/", |_| async { Ok("no session here".into()) });
    let client = app.wrap(place.sessions()).after(outside).client().await;
    assert_eq!(client.send(Request::get("/")).await.status, 200);
}
