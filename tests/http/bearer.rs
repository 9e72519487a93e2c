//! `Authorization: Bearer` instead of a cookie (RFC 6750 2.1).

use gsession::{Saved, SessionId};

use crate::{
    framework::Ask,
    support::{
        NAME,
        answer::Answer,
        app::{App, Failure, Reply},
        client::Client,
        ids::{malformed, planted},
        place::{KINDS, Place},
        request::Request,
        server::Server,
    },
};

async fn bearer(place: &Place) -> Client {
    Client::of(place.builder().bearer().build().unwrap()).await
}

/// The id that a response gives its client, and nothing beside it.
fn issued(answer: &Answer) -> SessionId {
    answer.no_cookie();
    let [line] = answer.all("authorization")[..] else { panic!("not one id: {:?}", answer.headers) };
    let id = line.strip_prefix("Bearer ").unwrap_or_else(|| panic!("no id: {line}"));
    SessionId::parse(id).unwrap_or_else(|_| panic!("no id: {line}"))
}

/// Checks that a response gives its client no id.
fn no_id(answer: &Answer) {
    answer.no_cookie();
    assert_eq!(answer.all("authorization"), [""; 0], "{} {}", answer.status, answer.body);
}

fn credentials(id: &SessionId) -> String {
    format!("Bearer {}", id.as_str())
}

#[tokio::test]
async fn an_id_comes_and_goes_by_authorization() {
    for kind in KINDS {
        let place = Place::new(kind);
        let client = bearer(&place).await;
        let login = client.new_does("set:user=ada").await;
        assert_eq!(login.all("vary"), ["authorization"], "{kind:?}");
        assert_eq!(login.all("cache-control"), ["no-store"], "{kind:?}");
        let id = issued(&login);

        let page = client.with_header("authorization", &credentials(&id), "get").await;
        assert_eq!((page.body.as_str(), page.all("vary")), ("\"ada\"", vec!["authorization"]), "{kind:?}");
        assert_eq!(page.all("cache-control"), [""; 0], "{kind:?}");
        no_id(&page);

        let renewed = issued(&client.with_header("authorization", &credentials(&id), "renew").await);
        assert_ne!(renewed, id, "{kind:?}");
        assert_eq!(client.with_header("authorization", &credentials(&renewed), "get").await.body, "\"ada\"");

        // There is no way to withdraw a header.
        no_id(&client.with_header("authorization", &credentials(&renewed), "destroy").await);
        assert_eq!(place.living(), 0, "{kind:?}");
        let after = client.with_header("authorization", &credentials(&renewed), "get").await;
        assert_eq!(after.body, "-", "{kind:?}");
        no_id(&after);
    }
}

#[tokio::test]
async fn a_cookie_is_neither_read_nor_set() {
    let place = Place::memory();
    let client = bearer(&place).await;
    let id = issued(&client.new_does("set:user=ada").await);
    place.asked();
    for (name, value) in [
        ("cookie", format!("{NAME}={}", id.as_str())),
        ("cookie", format!("gsession={}", id.as_str())),
        ("cookie", format!("authorization={}", credentials(&id))),
        ("proxy-authorization", credentials(&id)),
        ("www-authenticate", credentials(&id)),
        ("x-authorization", credentials(&id)),
    ] {
        let answer = client.with_header(name, &value, "get").await;
        assert_eq!(answer.body, "-", "{name}: {value}");
        no_id(&answer);
    }
    assert_eq!(place.asked(), []);
}

#[tokio::test]
async fn the_scheme_ignores_case_and_spaces_may_be_many() {
    let place = Place::memory();
    let client = bearer(&place).await;
    let id = issued(&client.new_does("set:user=ada").await);
    let id = id.as_str();
    for line in [
        format!("Bearer {id}"),
        format!("bearer {id}"),
        format!("BEARER {id}"),
        format!("bEARER     {id}"),
        format!("  Bearer {id}  "),
        format!("\tBearer {id}\t"),
    ] {
        assert_eq!(client.with_header("Authorization", &line, "get").await.body, "\"ada\"", "{line:?}");
    }
    place.asked();
    for line in [
        id.to_owned(),
        format!("Bearer{id}"),
        format!("Bearer={id}"),
        format!("Bearer\t{id}"),
        format!("Basic {id}"),
        format!("Token {id}"),
        format!("Basic Bearer {id}"),
        format!("Bearer Bearer {id}"),
        format!("Bearer \"{id}\""),
        format!("Bearer {id}, Bearer {id}"),
        format!("Bearer {id} x"),
        format!("Bearer token={id}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        String::new(),
    ] {
        let answer = client.with_header("authorization", &line, "get").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "-"), "{line:?}");
        no_id(&answer);
    }
    assert_eq!(place.asked(), [], "none of these can be an id");
}

#[tokio::test]
async fn texts_that_cannot_be_ids_are_never_adopted() {
    let place = Place::memory();
    let client = bearer(&place).await;
    for text in malformed().into_iter().chain([planted().as_str().to_owned()]) {
        let line = format!("Bearer {text}");
        let read = client.with_header("authorization", &line, "get").await;
        assert_eq!((read.status, read.body.as_str()), (200, "-"), "{line:?}");
        let written = client.with_header("authorization", &line, "set").await;
        assert_ne!(issued(&written).as_str(), text, "the server chooses its ids itself");
    }
}

/// Through a real server, so that nothing but the middleware looks at the bytes.
#[test]
fn each_line_is_looked_at_and_garbage_hides_nothing() {
    let place = Place::memory();
    let server = Server::of(place.builder().bearer().build().unwrap());
    let first = server.ask("/do/set:user=ada", &[]);
    let line = first.0.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization: ")).unwrap();
    let good = line.as_bytes();
    for other in [
        b"Authorization: Basic YWRhOmxvdmVsYWNl".as_slice(),
        b"Authorization: Bearer",
        b"Authorization: Bearer broken",
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: \xff",
        b"Authorization:",
        b"Authorization: Digest a=\"b, Bearer c\"",
        b"authorization: bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        b"Cookie: authorization=x",
    ] {
        let alone = server.ask("/do/get", &[other]);
        assert_eq!((alone.status(), alone.body()), (200, "-"), "{:?}", String::from_utf8_lossy(other));
        for lines in [[other, good], [good, other]] {
            let answer = server.ask("/do/get", &lines);
            assert_eq!((answer.status(), answer.body()), (200, "\"ada\""), "{:?}", String::from_utf8_lossy(other));
            assert!(answer.cookies().is_empty());
        }
    }
}

/// The way that the documentation names beside the response header.
#[tokio::test]
async fn a_handler_may_put_the_id_into_the_body() {
    async fn login(ask: Ask) -> Result<Reply, Failure> {
        let session = ask.session();
        session.set("user", "ada")?;
        assert_eq!(session.save().await?, Saved::Created);
        Ok(session.id().unwrap().as_str().into())
    }
    async fn page(ask: Ask) -> Result<Reply, Failure> {
        Ok(ask.session().get::<String>("user").await?.unwrap_or_default().into())
    }
    let sessions = Place::memory().builder().bearer().build().unwrap();
    let client = App::new().route("/login", login).route("/", page).wrap(sessions).client().await;
    let answer = client.send(Request::post("/login")).await;
    assert_eq!(answer.body, issued(&answer).as_str());
    let line = format!("Bearer {}", answer.body);
    assert_eq!(client.send(Request::get("/").header("authorization", line)).await.body, "ada");
}

/// A site for browsers around an interface for programs.
#[tokio::test]
async fn it_can_be_nested_in_a_middleware_with_a_cookie() {
    async fn both(ask: Ask) -> Result<Reply, Failure> {
        let inner: Option<String> = ask.session().get("user").await?;
        let named: Option<String> = ask.named("Authorization").get("user").await?;
        assert_eq!(inner, named);
        let outer: Option<String> = ask.named(NAME).get("user").await?;
        Ok(format!("{inner:?} {outer:?}").into())
    }
    async fn set(ask: Ask) -> Result<Reply, Failure> {
        ask.session().set("user", ask.tail())?;
        Ok("".into())
    }
    let (site, programs) = (Place::memory(), Place::memory());
    let bearer = programs.builder().bearer().build().unwrap();
    let app = App::new().route("/{name}", set);
    let app = app.scope("/api", |api| api.route("/both", both).route("/as/{name}", set).wrap(bearer));
    let client = app.wrap(site.sessions()).client().await;
    let cookie = client.send(Request::get("/ada")).await.issued();
    let program = issued(&client.send(Request::get("/api/as/robot")).await);
    let request = Request::get("/api/both")
        .header("cookie", format!("{NAME}={}", cookie.as_str()))
        .header("authorization", credentials(&program));
    let answer = client.send(request).await;
    assert_eq!(answer.body, "Some(\"robot\") Some(\"ada\")");
    assert_eq!(answer.all("vary"), ["authorization", "Cookie"]);
    no_id(&answer);
}
