//! The same middleware applied twice is one; two different ones under one name are refused (H5).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use actix_web::{App, HttpRequest, Result, test::TestRequest, web};
use gsession_actix::{Session, SessionExt as _, SessionMiddleware};
use support::{
    NAME,
    client::{Client, client},
    place::{KINDS, Place},
    removal,
    script::{Meeting, run},
};

/// An application around which one middleware stands, and another one around its scope.
async fn nested(outer: &SessionMiddleware, inner: &SessionMiddleware) -> Client {
    let meeting = web::Data::<Meeting>::default();
    let scope = web::scope("/inner").wrap(inner.clone()).route("/do/{steps}", web::get().to(run));
    let app = App::new()
        .app_data(meeting.clone())
        .route("/do/{steps}", web::get().to(run))
        .service(scope)
        .wrap(outer.clone());
    client!(app, meeting)
}

fn inner(steps: &str, cookie: &str) -> TestRequest {
    TestRequest::get().uri(&format!("/inner/do/{steps}")).insert_header(("cookie", cookie.to_owned()))
}

#[actix_web::test]
async fn it_is_one() {
    for kind in KINDS {
        let place = Place::new(kind);
        let sessions = place.sessions();
        let client = nested(&sessions, &sessions).await;
        // The login of a first visit: one cookie, one session.
        let id = client.send(inner("set:user=ada,principal:ada", "other=1")).await.issued();
        assert_eq!(place.living(), 1, "{kind:?}");
        let cookie = format!("{NAME}={}", id.as_str());
        assert_eq!(client.send(inner("get", &cookie)).await.body, "\"ada\"");
        assert_eq!(client.does(&id, "get").await.body, "\"ada\"");
        // What the handler has used is stored once.
        place.asked();
        client.send(inner("set:n=1", &cookie)).await.no_cookie();
        assert_eq!(place.asked().len(), 1);
        let renewed = client.send(inner("renew,set:user=ada", &cookie)).await.issued();
        let gone = client.send(inner("get,destroy", &format!("{NAME}={}", renewed.as_str()))).await;
        assert_eq!(gone.cookies(), [removal()]);
        assert_eq!(place.living(), 0);
    }
}

/// The session is the same in the handler, between the two and around them, and can be written to until the outer one ends.
#[actix_web::test]
async fn between_the_two_the_session_is_open() {
    async fn names(req: HttpRequest, session: Session) -> Result<String> {
        session.set("a", "extractor")?;
        req.get_session_named("inner").set("b", "named")?;
        let keys: Vec<String> = session.data().await?.keys().cloned().collect();
        Ok(keys.join(","))
    }
    let (place, other) = (Place::memory(), Place::memory());
    let (outer, other) = (place.sessions(), other.builder().cookie_name("inner").build().unwrap());
    let scope = web::scope("/inner").wrap(outer.clone()).wrap(other).wrap_fn(|req, service| {
        // Between the outer one and the others.
        let session = req.get_session();
        let next = actix_web::dev::Service::call(service, req);
        async move {
            let response = next.await?;
            session.set("c", "between")?;
            response.get_session().set("d", "response")?;
            Ok(response)
        }
    });
    let app = App::new().service(scope.route("/names", web::get().to(names))).wrap(outer);
    let answer = client!(app).send(TestRequest::get().uri("/inner/names")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "a"));
    assert_eq!(answer.cookies().len(), 2, "one of each middleware: {:?}", answer.cookies());
    let line = answer.cookies().into_iter().find(|line| line.starts_with(NAME)).unwrap();
    let id = gsession::SessionId::parse(line.split(['=', ';']).nth(1).unwrap()).unwrap();
    assert_eq!(place.data(&id).unwrap(), ["a=\"extractor\"", "c=\"between\"", "d=\"response\""]);
}

#[actix_web::test]
async fn another_one_under_the_same_name_is_an_error_that_says_so() {
    let (place, other) = (Place::memory(), Place::memory());
    let by_header =
        |place: &Place, cookie: &str| place.builder().cookie_name(cookie).header_name("x-session").build().unwrap();
    for (outer, inner_one) in [
        (place.sessions(), other.sessions()),
        (place.sessions(), place.sessions()),
        (by_header(&place, "a"), by_header(&other, "b")),
        (place.builder().bearer().build().unwrap(), other.builder().bearer().build().unwrap()),
    ] {
        let client = nested(&outer, &inner_one).await;
        let answer = client.send(inner("set:user=ada", "x=1")).await;
        assert_eq!((answer.status, answer.body.as_str()), (500, "Internal Server Error"));
        answer.no_cookie();
        assert_eq!((place.living(), other.living()), (0, 0));
        // Outside of the inner one everything works.
        assert_eq!(client.new_does("get").await.status, 200);
    }
}
