//! What is said to caches, beside what the handler says.

use actix_web::{App, HttpRequest, HttpResponse, test::TestRequest, web};
use gsession_actix::{Session, SessionExt};

use crate::{
    HEADER, both_ways,
    support::{
        client::{Client, client},
        place::Place,
        removal,
    },
};

#[actix_web::test]
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

#[actix_web::test]
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
#[actix_web::test]
async fn vary_is_read_as_a_list() {
    async fn handler(req: HttpRequest) -> HttpResponse {
        let _ = req.get_session().id();
        HttpResponse::Ok().insert_header(("vary", req.headers().get("x-vary").unwrap().clone())).finish()
    }
    let app = App::new().wrap(Place::memory().sessions()).route("/", web::get().to(handler));
    let client = client!(app);
    for (list, expected) in [
        ("Accept, Cookie", ["Accept, Cookie"].as_slice()),
        ("Accept ,\tcookie", &["Accept ,\tcookie"]),
        ("Accept, *", &["Accept, *"]),
        ("Accept, Accept-Language", &["Accept, Accept-Language", "Cookie"]),
    ] {
        let request = TestRequest::get().uri("/").insert_header(("x-vary", list));
        assert_eq!(client.send(request).await.all("vary"), expected);
    }
}

#[actix_web::test]
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

#[actix_web::test]
async fn other_cookies_of_the_handler_stay() {
    async fn handler(session: Session) -> HttpResponse {
        session.set("n", &1).unwrap();
        HttpResponse::Ok().insert_header(("set-cookie", "theme=dark")).finish()
    }
    let app = App::new().wrap(Place::memory().sessions()).route("/", web::get().to(handler));
    let answer = client!(app).send(TestRequest::get().uri("/")).await;
    assert_eq!(answer.cookies().len(), 2);
    assert_eq!(answer.cookies()[0], "theme=dark");
}
