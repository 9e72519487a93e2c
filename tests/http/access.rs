//! Where the session can be had, and what happens where there is none (H5).

use std::io::Read as _;

use gsession::{Error, SessionId};

use crate::{
    framework::{Ask, FIX, SessionError, Sessions},
    support::{
        ATTRIBUTES, NAME,
        app::{App, Around, Failure, Reply},
        client::Client,
        place::Place,
        request::Request,
        server::Server,
    },
};

async fn handler(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.set("from", "handler")?;
    Ok(session.get_or("user", "nobody".to_owned()).await?.into())
}

/// Uses the session of the request on its way in, and of the response on its way out.
fn on_both_ways(app: App) -> App {
    let before = |ask: Ask| async move {
        let session = ask.session();
        drop(ask);
        session.set("in", &session.get_or("user", "nobody".to_owned()).await?)?;
        Ok(())
    };
    app.before(before).after(|ask: Ask, status| async move {
        ask.session().set("out", &status.to_string())?;
        Ok(None)
    })
}

fn presenting(path: &str, name: &str, id: &SessionId) -> Request {
    Request::get(path).header("cookie", format!("{name}={}", id.as_str()))
}

#[tokio::test]
async fn handlers_and_middlewares_share_one_session() {
    let place = Place::memory();
    let client = on_both_ways(App::new().route("/", handler)).wrap(place.sessions()).client().await;
    for _ in 0..2 {
        let answer = client.send(Request::get("/")).await;
        assert_eq!(answer.body, "nobody");
        let id = answer.issued();
        assert_eq!(place.data(&id).unwrap(), ["from=\"handler\"", "in=\"nobody\"", "out=\"200\""]);
    }
    assert_eq!(place.living(), 2, "one session for each request, whoever used it");
}

/// The server uses the parts of a request again for the next one of the connection.
#[test]
fn a_session_is_not_seen_by_the_next_request_of_a_connection() {
    let place = Place::memory();
    let server = Server::of(place.sessions());
    let login = server.ask("/do/set:user=ada", &[]);
    let cookie = format!("Cookie: {}", login.cookies()[0].split(';').next().unwrap());
    let requests = [
        Server::request("/do/get,set:n=1", &[cookie.as_bytes()]),
        Server::request("/do/get,id", &[]),
        Server::request("/do/get", &[cookie.as_bytes()]),
        Server::request("/do/get", &[b"Connection: close"]),
    ];
    let mut answers = String::new();
    server.connect(&requests.concat()).read_to_string(&mut answers).unwrap();
    let bodies: Vec<&str> =
        answers.split("\r\n\r\n").skip(1).map(|rest| rest.split("HTTP/1.1").next().unwrap()).collect();
    assert_eq!(bodies, ["\"ada\"", "-,-", "\"ada\"", "-"]);
}

async fn everything(ask: Ask) -> Result<Reply, Failure> {
    let (session, named) = (ask.session(), ask.named(NAME));
    drop(ask);
    for session in [session.clone(), named] {
        let mut errors = vec![
            session.get::<String>("user").await.map(drop).expect_err("get"),
            session.set("user", "ada").expect_err("set"),
            session.set_many([("user", "ada")]).expect_err("set_many"),
            session.data().await.map(drop).expect_err("data"),
            session.update("n", |n: Option<u64>| n.unwrap_or(0)).await.map(drop).expect_err("update"),
            session.set_id(crate::support::ids::planted()).expect_err("set_id"),
            session.set_principal("ada").expect_err("set_principal"),
            session.clear_principal().expect_err("clear_principal"),
            session.destroy_others().await.map(drop).expect_err("destroy_others"),
            session.destroy_everywhere().await.map(drop).expect_err("destroy_everywhere"),
            session.list().await.map(drop).expect_err("list"),
            session.get_or_insert_with("n", || 1).await.map(drop).expect_err("get_or_insert_with"),
            session.try_update("n", |n: Option<u64>| Ok::<_, SessionError>(n)).await.map(drop).expect_err("try_update"),
            session.remove("user").expect_err("remove"),
            session.remove_many(["user"]).expect_err("remove_many"),
            session.clear().expect_err("clear"),
            session.renew().expect_err("renew"),
        ];
        // There is nothing to end, and the log says so.
        session.destroy();
        assert_eq!(session.id(), None);
        assert!(!session.is_dirty());
        errors.push(session.info().await.map(drop).expect_err("info"));
        for error in errors {
            assert!(matches!(error.cause(), Error::Detached(_)), "{error:?}");
            assert!(error.to_string().contains(FIX), "{error}");
        }
    }
    Err(session.set("user", "ada").expect_err("there is no middleware").into())
}

#[tokio::test]
async fn without_the_middleware_every_use_is_an_error_that_names_the_fix() {
    let app = App::new()
        .route("/everything", everything)
        .route("/hold", |ask: Ask| async move { Ok(format!("{:?}", ask.session()).into()) })
        .scope("/passive", |routes| routes.route("/page", |_| async { Ok("fine".into()) }).around(Around::Passive));
    let client = app.client().await;
    let answer = client.send(presenting("/everything", NAME, &crate::support::ids::planted())).await;
    answer.is_opaque(500);
    answer.no_cookie();
    assert_eq!(client.send(Request::get("/hold")).await.status, 200);
    assert_eq!(client.send(Request::get("/passive/page")).await.body, "fine");
}

/// Whoever asks whether a logout was done must not be told yes.
#[tokio::test]
async fn without_the_middleware_saving_is_an_error_as_well() {
    async fn saves(ask: Ask) -> Result<Reply, Failure> {
        let (written, ended) = (ask.session(), ask.session());
        drop(ask);
        assert!(written.set("user", "ada").is_err());
        ended.destroy();
        for session in [written, ended] {
            match session.save().await {
                Err(error) => assert!(error.to_string().contains(FIX), "{error}"),
                Ok(saved) => panic!("there is no session, and saving it answers {saved:?}"),
            }
        }
        Ok("done".into())
    }
    assert_eq!(App::new().route("/", saves).client().await.send(Request::get("/")).await.body, "done");
}

const SITE: &str = "site";
const ADMIN: &str = "admin";

/// Attributes of the cookie of `/admin`.
fn for_admin() -> String {
    ATTRIBUTES.replace("Path=/", "Path=/admin")
}

/// In `/admin`: writes to both sessions.
async fn both(ask: Ask) -> Result<Reply, Failure> {
    ask.session().set("written", "inside")?;
    ask.named(SITE).set("written", "outside")?;
    Ok(ask.named(ADMIN).get::<String>("written").await?.unwrap_or_default().into())
}

/// In `/admin`: logs out outside, and fails.
async fn fails(ask: Ask) -> Result<Reply, Failure> {
    ask.named(SITE).destroy();
    Err(Failure::status(403))
}

/// Two middlewares, `/` and `/admin`, on places of their own.
async fn nested(site: &Sessions, admin: &Sessions) -> Client {
    let admin = admin.clone();
    let inside = |routes: App| routes.scripts().route("/both", both).route("/fail", fails).wrap(admin);
    App::new().scripts().scope("/admin", inside).wrap(site.clone()).client().await
}

fn site(place: &Place) -> Sessions {
    place.builder().cookie_name(SITE).build().unwrap()
}

fn admin(place: &Place) -> Sessions {
    place.builder().cookie_name(ADMIN).cookie_path("/admin").build().unwrap()
}

fn with_both(path: &str, site: &SessionId, admin: &SessionId) -> Request {
    let cookies = format!("{SITE}={}; {ADMIN}={}", site.as_str(), admin.as_str());
    Request::get(path).header("cookie", cookies)
}

#[tokio::test]
async fn two_middlewares_do_not_disturb_each_other() {
    let (outside, inside) = (Place::memory(), Place::memory());
    let client = nested(&site(&outside), &admin(&inside)).await;
    let user = client.new_does("set:user=ada").await.issued_as(SITE, ATTRIBUTES);
    let root = client.send(presenting("/admin/do/set:user=root", SITE, &user)).await.issued_as(ADMIN, &for_admin());
    assert_eq!(outside.data(&user).unwrap(), ["user=\"ada\""]);
    assert_eq!(inside.data(&root).unwrap(), ["user=\"root\""]);
    assert_eq!(client.send(with_both("/do/get", &user, &root)).await.body, "\"ada\"");
    let answer = client.send(with_both("/admin/do/get", &user, &root)).await;
    assert_eq!(answer.body, "\"root\"");
    answer.no_cookie();

    // Each is left alone by the other's requests.
    outside.asked();
    inside.asked();
    client.send(with_both("/do/set", &user, &root)).await.no_cookie();
    assert_eq!(inside.asked(), []);
    outside.asked();
    client.send(with_both("/admin/do/get,set", &user, &root)).await.no_cookie();
    assert_eq!(outside.asked(), []);

    // The id of the one opens nothing in the other.
    assert_eq!(client.send(with_both("/admin/do/get", &root, &user)).await.body, "-");

    let gone = client.send(with_both("/admin/do/destroy", &user, &root)).await;
    assert_eq!(gone.cookies(), [format!("{ADMIN}={}{}", for_admin(), crate::support::REMOVED)]);
    assert_eq!((inside.living(), outside.living()), (0, 1));
    assert_eq!(client.send(with_both("/do/get", &user, &root)).await.body, "\"ada\"");
}

#[tokio::test]
async fn both_of_two_middlewares_can_be_used_in_one_request() {
    let (outside, inside) = (Place::memory(), Place::memory());
    let client = nested(&site(&outside), &admin(&inside)).await;
    let answer = client.send(Request::get("/admin/both")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "inside"));
    let lines = answer.cookies();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let id = |name: &str, attributes: &str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap();
        SessionId::parse(line.strip_suffix(attributes).unwrap()).unwrap()
    };
    assert_eq!(outside.data(&id(SITE, ATTRIBUTES)).unwrap(), ["written=\"outside\""]);
    assert_eq!(inside.data(&id(ADMIN, &for_admin())).unwrap(), ["written=\"inside\""]);
    assert_eq!(answer.all("vary"), ["Cookie"]);
}

#[tokio::test]
async fn two_middlewares_may_share_a_storage() {
    let place = Place::memory();
    let client = nested(&site(&place), &admin(&place)).await;
    let user = client.new_does("set:user=ada").await.issued_as(SITE, ATTRIBUTES);
    let root = client.send(Request::get("/admin/do/set:user=root")).await.issued_as(ADMIN, &for_admin());
    client.send(with_both("/admin/do/destroy", &user, &root)).await;
    assert_eq!(client.send(with_both("/do/get", &user, &root)).await.body, "\"ada\"");
}

#[tokio::test]
async fn the_outer_session_is_ended_by_a_failing_inner_handler_too() {
    let (outside, inside) = (Place::memory(), Place::memory());
    let client = nested(&site(&outside), &admin(&inside)).await;
    let user = client.new_does("set:user=ada").await.issued_as(SITE, ATTRIBUTES);
    let answer = client.send(presenting("/admin/fail", SITE, &user)).await;
    assert_eq!(answer.cookies(), [format!("{SITE}={ATTRIBUTES}{}", crate::support::REMOVED)]);
    assert_eq!(outside.living(), 0);
}

/// A middleware between the two has the outer session, on the way in and on the way out.
#[tokio::test]
async fn between_two_middlewares_the_outer_session_counts() {
    let (outside, inside) = (Place::memory(), Place::memory());
    let app = App::new().scripts().wrap(admin(&inside)).after(|ask: Ask, _| async move {
        ask.session().set("marked", "outside")?;
        Ok(None)
    });
    let client = on_both_ways(app).wrap(site(&outside)).client().await;
    let answer = client.new_does("hold").await;
    let user = answer.issued_as(SITE, ATTRIBUTES);
    assert_eq!(outside.data(&user).unwrap(), ["in=\"nobody\"", "marked=\"outside\"", "out=\"200\""]);
    assert_eq!(inside.asked(), []);
}

#[tokio::test]
async fn a_session_is_named_by_its_cookie_or_its_header() {
    async fn handler(ask: Ask) -> Result<Reply, Failure> {
        ask.named(ask.tail()).set("n", &1)?;
        Ok("".into())
    }
    let place = Place::memory();
    let sessions = place.builder().cookie_name(SITE).header_name("X-Session").build().unwrap();
    let client = App::new().route("/{name}", handler).wrap(sessions).client().await;
    for name in [SITE, "X-Session", "x-session"] {
        assert_eq!(client.send(Request::get(format!("/{name}"))).await.status, 200, "{name}");
    }
    assert_eq!(place.living(), 3);
    for name in ["SITE", NAME, "gsession", "x"] {
        assert_eq!(client.send(Request::get(format!("/{name}"))).await.status, 500, "{name}");
    }
    assert_eq!(place.living(), 3);
}
