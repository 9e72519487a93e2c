//! Pages of logged-in users stay out of caches, on request (H4).

use gsession::SessionId;

use crate::{
    framework::Ask,
    support::{
        NAME,
        answer::Answer,
        app::{App, Failure, Reply},
        client::Client,
        place::{KINDS, Place},
        request::Request,
    },
};

/// A failure that brings a rule of its own along.
async fn fails(ask: Ask) -> Result<Reply, Failure> {
    let _: Option<String> = ask.session().get("user").await?;
    Err(Failure::Other(Reply::status(403).header("cache-control", "public")))
}

async fn client(place: &Place, no_store: bool) -> Client {
    let sessions = place.builder().no_store_when_logged_in(no_store).build().unwrap();
    App::new().scripts().route("/fails", fails).wrap(sessions).client().await
}

async fn page(client: &Client, id: &SessionId, path: &str) -> Answer {
    client.send(Request::get(path).header("cookie", format!("{NAME}={}", id.as_str()))).await
}

#[tokio::test]
async fn pages_of_logged_in_users_are_kept_out_on_request() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = client(&place, true).await;
        let visitor = client.new_does("set:cart=1").await.issued();
        let ada = client.new_does("set:user=ada,principal:ada").await.issued();
        for (path, for_ada, for_visitor) in [
            ("/do/get", &["no-store"][..], &[][..]),
            ("/do/get,set:n=1", &["no-store"], &[]),
            ("/do/get,cache:public", &["no-store"], &["public"]),
            ("/do/get,cache:private", &["no-store"], &["private"]),
            ("/fails", &["no-store"], &["public"]),
            // It has not been looked whether somebody is logged in.
            ("/do/set:n=1", &["no-store"], &["no-store"]),
            // What shows nothing of the session may be cached.
            ("/do/hold,cache:public", &["public"], &["public"]),
        ] {
            assert_eq!(page(&client, &ada, path).await.all("cache-control"), for_ada, "{kind:?} {path}");
            assert_eq!(page(&client, &visitor, path).await.all("cache-control"), for_visitor, "{kind:?} {path}");
        }
        // The login and the logout themselves.
        let answer = page(&client, &visitor, "/do/renew,set:user=bob,principal:bob,cache:public").await;
        assert_eq!(answer.all("cache-control"), ["no-store"]);
        assert_eq!(page(&client, &ada, "/do/get,destroy").await.all("cache-control"), ["no-store"]);
        // Nobody, and whoever is nobody any more.
        assert_eq!(client.new_does("get").await.all("cache-control"), [""; 0]);
        assert_eq!(page(&client, &ada, "/do/get").await.all("cache-control"), [""; 0]);
    }
}

#[tokio::test]
async fn an_error_of_the_storage_is_kept_out_as_well() {
    let place = Place::memory();
    let client = client(&place, true).await;
    let ada = client.new_does("set:user=ada,principal:ada").await.issued();
    place.probe.fail(&[crate::support::probe::Op::Commit]);
    let answer = page(&client, &ada, "/do/get,set:n=1,cache:public").await;
    assert_eq!((answer.status, answer.all("cache-control")), (503, vec!["no-store"]));
}

#[tokio::test]
async fn by_default_the_handler_decides() {
    let place = Place::memory();
    let client = client(&place, false).await;
    let ada = client.new_does("set:user=ada,principal:ada").await.issued();
    assert_eq!(page(&client, &ada, "/do/get").await.all("cache-control"), [""; 0]);
    assert_eq!(page(&client, &ada, "/do/get,cache:public").await.all("cache-control"), ["public"]);
    // Beside a cookie, too: the docs say what follows.
    assert_eq!(page(&client, &ada, "/do/renew,cache:public").await.all("cache-control"), ["public"]);
    assert_eq!(page(&client, &ada, "/do/renew").await.all("cache-control"), [""; 0], "the id was renewed before");
}
