//! The same middleware applied twice is one; two different ones under one name are refused (H5).

use crate::{
    framework::{Ask, Sessions},
    support::{
        NAME,
        app::{App, Failure, Reply},
        client::Client,
        place::{KINDS, Place},
        removal,
        request::Request,
    },
};

/// An application around which one middleware stands, and another one around its scope.
async fn nested(outer: &Sessions, inner: &Sessions) -> Client {
    let inner = inner.clone();
    let app = App::new().scripts().scope("/inner", |routes| routes.scripts().wrap(inner));
    app.wrap(outer.clone()).client().await
}

fn inner(steps: &str, cookie: &str) -> Request {
    Request::get(format!("/inner/do/{steps}")).header("cookie", cookie.to_owned())
}

#[tokio::test]
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
#[tokio::test]
async fn between_the_two_the_session_is_open() {
    async fn names(ask: Ask) -> Result<Reply, Failure> {
        let session = ask.session();
        session.set("a", "handler")?;
        ask.named("inner").set("b", "named")?;
        let keys: Vec<String> = session.data().await?.keys().cloned().collect();
        Ok(keys.join(",").into())
    }
    let (place, other) = (Place::memory(), Place::memory());
    let (outer, other) = (place.sessions(), other.builder().cookie_name("inner").build().unwrap());
    let between = |routes: App| {
        let routes = routes.route("/names", names).wrap(outer.clone()).wrap(other);
        // Between the outer one and the others.
        routes.before(async |ask| Ok(ask.session().set("c", "between")?)).after(async |ask, _| {
            ask.session().set("d", "response")?;
            Ok(None)
        })
    };
    let client = App::new().scope("/inner", between).wrap(outer.clone()).client().await;
    let answer = client.send(Request::get("/inner/names")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "a,c"));
    assert_eq!(answer.cookies().len(), 2, "one of each middleware: {:?}", answer.cookies());
    let line = answer.cookies().into_iter().find(|line| line.starts_with(NAME)).unwrap();
    let id = gsession::SessionId::parse(line.split(['=', ';']).nth(1).unwrap()).unwrap();
    assert_eq!(place.data(&id).unwrap(), ["a=\"handler\"", "c=\"between\"", "d=\"response\""]);
}

#[tokio::test]
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
        answer.is_opaque(500);
        answer.no_cookie();
        assert_eq!((place.living(), other.living()), (0, 0));
        // Outside of the inner one everything works.
        assert_eq!(client.new_does("get").await.status, 200);
    }
}
