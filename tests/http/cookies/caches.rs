//! What is said to caches, beside what the handler says.

use super::{HEADER, both_ways};
use crate::{
    framework::Ask,
    support::{
        app::{App, Failure, Reply},
        client::Client,
        place::Place,
        removal,
        request::Request,
    },
};

#[tokio::test]
async fn whoever_uses_the_session_varies_by_cookie() {
    let place = Place::memory();
    let client = Client::of(place.sessions()).await;
    let id = client.login().await;
    for steps in ["get", "set", "id", "destroy", "passive,get", "get,status:404", "get,fail:400", "get,status:500"] {
        let answer = client.does(&id, steps).await;
        assert_eq!(answer.all("vary"), ["Cookie"], "{steps}");
        let fresh = client.new_does(steps).await;
        assert_eq!(fresh.all("vary"), ["Cookie"], "{steps}");
    }
    assert_eq!(client.does(&id, "hold,vary:Accept").await.all("vary"), ["Accept"]);
}

#[tokio::test]
async fn vary_is_added_to_what_the_handler_says_and_never_twice() {
    let client = both_ways(&Place::memory()).await;
    for (handler, expected) in [
        ("vary:Accept", ["Accept", "Cookie", HEADER].as_slice()),
        ("vary:cookie", &["cookie", HEADER]),
        ("vary:X-Session", &["X-Session", "Cookie"]),
        ("vary:Cookies", &["Cookies", "Cookie", HEADER]),
        ("vary:accept;cookie", &["accept;cookie", "Cookie", HEADER]),
        ("vary:Accept,vary:COOKIE", &["Accept", "COOKIE", HEADER]),
        ("vary:*", &["*"]),
    ] {
        assert_eq!(client.new_does(&format!("get,{handler}")).await.all("vary"), expected, "{handler}");
    }
}

/// A list on one line, which the path of a script cannot hold.
#[tokio::test]
async fn vary_is_read_as_a_list() {
    async fn handler(ask: Ask) -> Result<Reply, Failure> {
        let _ = ask.session().id();
        Ok(Reply::status(200).header("vary", ask.header("x-vary").unwrap()))
    }
    let client = App::new().route("/", handler).wrap(Place::memory().sessions()).client().await;
    for (list, expected) in [
        ("Accept, Cookie", ["Accept, Cookie"].as_slice()),
        ("Accept ,\tcookie", &["Accept ,\tcookie"]),
        ("Accept, *", &["Accept, *"]),
        ("Accept, Accept-Language", &["Accept, Accept-Language", "Cookie"]),
    ] {
        let request = Request::get("/").header("x-vary", list);
        assert_eq!(client.send(request).await.all("vary"), expected);
    }
}

#[tokio::test]
async fn what_sets_a_cookie_is_not_stored_by_caches() {
    let place = Place::memory();
    let client = Client::of(place.sessions()).await;
    let login = client.new_does("set").await;
    assert_eq!(login.all("cache-control"), ["no-store"]);
    let id = login.issued();
    for steps in ["get", "set", "get,set,cache:max-age=5"] {
        let answer = client.does(&id, steps).await;
        assert!(!answer.all("cache-control").contains(&"no-store"), "{steps} sets no cookie");
    }
    let own = client.new_does("set,cache:private").await;
    own.issued();
    assert_eq!(own.all("cache-control"), ["private"], "the handler has chosen its own");
    let gone = client.does(&id, "destroy").await;
    assert_eq!((gone.cookies(), gone.all("cache-control")), (vec![removal().as_str()], vec!["no-store"]));
}

#[tokio::test]
async fn other_cookies_of_the_handler_stay() {
    async fn handler(ask: Ask) -> Result<Reply, Failure> {
        ask.session().set("n", &1)?;
        Ok(Reply::status(200).header("set-cookie", "theme=dark"))
    }
    let client = App::new().route("/", handler).wrap(Place::memory().sessions()).client().await;
    let answer = client.send(Request::get("/")).await;
    assert_eq!(answer.cookies().len(), 2);
    assert_eq!(answer.cookies()[0], "theme=dark");
}
