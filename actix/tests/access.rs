//! Where the session can be had, and what happens where there is none (H5).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::io::Read as _;

use actix_web::{
    App, HttpRequest, HttpResponse, Result,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    test::TestRequest,
    web,
};
use gsession::{Error, SessionId};
use gsession_actix::{Passive, Session, SessionError, SessionExt as _, SessionMiddleware};
use support::{
    ATTRIBUTES, NAME,
    client::{Client, client},
    place::Place,
    script::{Meeting, run},
    server::Server,
};

const FIX: &str = "SessionMiddleware";

async fn by_request(req: HttpRequest) -> Result<String> {
    let session = req.get_session();
    session.set("from", "request")?;
    Ok(session.get_or("user", "nobody".to_owned()).await?)
}

async fn by_extractor(session: Session) -> Result<String> {
    session.set("from", "extractor")?;
    Ok(session.get_or("user", "nobody".to_owned()).await?)
}

/// Uses the session of the request on its way in, and of the response on its way out.
async fn on_both_ways(req: ServiceRequest, next: Next<impl MessageBody>) -> Result<ServiceResponse<impl MessageBody>> {
    let before = req.get_session();
    before.set("in", &before.get_or("user", "nobody".to_owned()).await?)?;
    let response = next.call(req).await?;
    response.get_session().set("out", response.status().as_str())?;
    Ok(response)
}

fn presenting(path: &str, name: &str, id: &SessionId) -> TestRequest {
    TestRequest::get().uri(path).insert_header(("cookie", format!("{name}={}", id.as_str())))
}

#[actix_web::test]
async fn requests_responses_and_extractors_share_one_session() {
    let place = Place::memory();
    let app = App::new()
        .route("/request", web::get().to(by_request))
        .route("/extractor", web::get().to(by_extractor))
        .wrap(from_fn(on_both_ways))
        .wrap(place.sessions());
    let client = client!(app);
    for from in ["request", "extractor"] {
        let answer = client.send(TestRequest::get().uri(&format!("/{from}"))).await;
        assert_eq!(answer.body, "nobody");
        let id = answer.issued();
        let expected = [format!("from=\"{from}\""), "in=\"nobody\"".to_owned(), "out=\"200\"".to_owned()];
        assert_eq!(place.data(&id).unwrap(), expected);
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

async fn everything(req: HttpRequest) -> Result<String> {
    for session in [req.get_session(), req.get_session_named(NAME)] {
        let mut errors = vec![
            session.get::<String>("user").await.map(drop).expect_err("get"),
            session.set("user", "ada").expect_err("set"),
            session.set_many([("user", "ada")]).expect_err("set_many"),
            session.data().await.map(drop).expect_err("data"),
            session.update("n", |n: Option<u64>| n.unwrap_or(0)).await.map(drop).expect_err("update"),
            session.set_id(support::ids::planted()).expect_err("set_id"),
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
    Err(req.get_session().set("user", "ada").expect_err("there is no middleware").into())
}

#[actix_web::test]
async fn without_the_middleware_every_use_is_an_error_that_names_the_fix() {
    let app = App::new()
        .route("/request", web::get().to(everything))
        .route("/extractor", web::get().to(by_extractor))
        .route("/hold", web::get().to(|req: HttpRequest| async move { format!("{:?}", req.get_session()) }))
        .service(web::resource("/passive").wrap(Passive).route(web::get().to(|| async { "fine" })));
    let client = client!(app);
    for path in ["/request", "/extractor"] {
        let answer = client.send(presenting(path, NAME, &support::ids::planted())).await;
        assert_eq!((answer.status, answer.body.as_str()), (500, "Internal Server Error"), "{path}");
        answer.no_cookie();
    }
    assert_eq!(client.send(TestRequest::get().uri("/hold")).await.status, 200);
    assert_eq!(client.send(TestRequest::get().uri("/passive")).await.body, "fine");
}

/// Whoever asks whether a logout was done must not be told yes.
#[actix_web::test]
async fn without_the_middleware_saving_is_an_error_as_well() {
    let (req, _) = TestRequest::default().to_http_parts();
    let (written, ended) = (req.get_session(), req.get_session());
    assert!(written.set("user", "ada").is_err());
    ended.destroy();
    for session in [written, ended] {
        match session.save().await {
            Err(error) => assert!(error.to_string().contains(FIX), "{error}"),
            Ok(saved) => panic!("there is no session, and saving it answers {saved:?}"),
        }
    }
}

#[actix_web::test]
async fn without_the_middleware_the_extractor_names_the_fix() {
    let (req, mut payload) = TestRequest::default().to_http_parts();
    let error = <Session as actix_web::FromRequest>::from_request(&req, &mut payload).await.unwrap_err();
    assert!(error.to_string().contains(FIX), "{error}");
    let (req, _) = TestRequest::default().to_http_parts();
    let response = ServiceResponse::new(req, HttpResponse::Ok().finish());
    let error = response.get_session().get::<u8>("n").await.unwrap_err();
    assert!(error.to_string().contains(FIX), "{error}");
    let req = TestRequest::default().to_srv_request();
    let error = req.get_session_named(NAME).get::<u8>("n").await.unwrap_err();
    assert!(error.to_string().contains(FIX), "{error}");
}

const SITE: &str = "site";
const ADMIN: &str = "admin";

/// Attributes of the cookie of `/admin`.
fn for_admin() -> String {
    ATTRIBUTES.replace("Path=/", "Path=/admin")
}

/// In `/admin`: writes to both sessions.
async fn both(req: HttpRequest) -> Result<String> {
    req.get_session().set("written", "inside")?;
    req.get_session_named(SITE).set("written", "outside")?;
    let admin: Option<String> = req.get_session_named(ADMIN).get("written").await?;
    Ok(admin.unwrap_or_default())
}

async fn mark(req: ServiceRequest, next: Next<impl MessageBody>) -> Result<ServiceResponse<impl MessageBody>> {
    let response = next.call(req).await?;
    response.get_session().set("marked", "outside")?;
    Ok(response)
}

/// Two middlewares, `/` and `/admin`, on places of their own.
async fn nested(site: &SessionMiddleware, admin: &SessionMiddleware) -> Client {
    let meeting = web::Data::<Meeting>::default();
    let app = App::new()
        .app_data(meeting.clone())
        .route("/do/{steps}", web::get().to(run))
        .service(
            web::scope("/admin")
                .wrap(admin.clone())
                .route("/do/{steps}", web::get().to(run))
                .route("/both", web::get().to(both))
                .service(web::resource("/fail").route(web::get().to(|req: HttpRequest| async move {
                    req.get_session_named(SITE).destroy();
                    Err::<HttpResponse, _>(actix_web::error::ErrorForbidden("no"))
                }))),
        )
        .wrap(site.clone());
    client!(app, meeting)
}

fn site(place: &Place) -> SessionMiddleware {
    place.builder().cookie_name(SITE).build().unwrap()
}

fn admin(place: &Place) -> SessionMiddleware {
    place.builder().cookie_name(ADMIN).cookie_path("/admin").build().unwrap()
}

fn with_both(path: &str, site: &SessionId, admin: &SessionId) -> TestRequest {
    let cookies = format!("{SITE}={}; {ADMIN}={}", site.as_str(), admin.as_str());
    TestRequest::get().uri(path).insert_header(("cookie", cookies))
}

#[actix_web::test]
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
    assert_eq!(gone.cookies(), [format!("{ADMIN}={}{}", for_admin(), support::REMOVED)]);
    assert_eq!((inside.living(), outside.living()), (0, 1));
    assert_eq!(client.send(with_both("/do/get", &user, &root)).await.body, "\"ada\"");
}

#[actix_web::test]
async fn both_of_two_middlewares_can_be_used_in_one_request() {
    let (outside, inside) = (Place::memory(), Place::memory());
    let client = nested(&site(&outside), &admin(&inside)).await;
    let answer = client.send(TestRequest::get().uri("/admin/both")).await;
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

#[actix_web::test]
async fn two_middlewares_may_share_a_storage() {
    let place = Place::memory();
    let client = nested(&site(&place), &admin(&place)).await;
    let user = client.new_does("set:user=ada").await.issued_as(SITE, ATTRIBUTES);
    let root = client.send(TestRequest::get().uri("/admin/do/set:user=root")).await.issued_as(ADMIN, &for_admin());
    client.send(with_both("/admin/do/destroy", &user, &root)).await;
    assert_eq!(client.send(with_both("/do/get", &user, &root)).await.body, "\"ada\"");
}

#[actix_web::test]
async fn the_outer_session_is_ended_by_a_failing_inner_handler_too() {
    let (outside, inside) = (Place::memory(), Place::memory());
    let client = nested(&site(&outside), &admin(&inside)).await;
    let user = client.new_does("set:user=ada").await.issued_as(SITE, ATTRIBUTES);
    let answer = client.send(presenting("/admin/fail", SITE, &user)).await;
    assert_eq!(answer.cookies(), [format!("{SITE}={ATTRIBUTES}{}", support::REMOVED)]);
    assert_eq!(outside.living(), 0);
}

/// A middleware between the two has the outer session, on the way in and on the way out.
#[actix_web::test]
async fn between_two_middlewares_the_outer_session_counts() {
    let (outside, inside) = (Place::memory(), Place::memory());
    let meeting = web::Data::<Meeting>::default();
    let app = App::new()
        .app_data(meeting.clone())
        .route("/do/{steps}", web::get().to(run))
        .wrap(admin(&inside))
        .wrap(from_fn(mark))
        .wrap(from_fn(on_both_ways))
        .wrap(site(&outside));
    let client = client!(app, meeting);
    let answer = client.new_does("hold").await;
    let user = answer.issued_as(SITE, ATTRIBUTES);
    assert_eq!(outside.data(&user).unwrap(), ["in=\"nobody\"", "marked=\"outside\"", "out=\"200\""]);
    assert_eq!(inside.asked(), []);
}

#[actix_web::test]
async fn a_session_is_named_by_its_cookie_or_its_header() {
    async fn handler(req: HttpRequest, name: web::Path<String>) -> Result<String> {
        req.get_session_named(&name).set("n", &1)?;
        Ok(String::new())
    }
    let place = Place::memory();
    let sessions = place.builder().cookie_name(SITE).header_name("X-Session").build().unwrap();
    let app = App::new().wrap(sessions).route("/{name}", web::get().to(handler));
    let client = client!(app);
    for name in [SITE, "X-Session", "x-session"] {
        assert_eq!(client.send(TestRequest::get().uri(&format!("/{name}"))).await.status, 200, "{name}");
    }
    assert_eq!(place.living(), 3);
    for name in ["SITE", NAME, "gsession", "x"] {
        assert_eq!(client.send(TestRequest::get().uri(&format!("/{name}"))).await.status, 500, "{name}");
    }
    assert_eq!(place.living(), 3);
}
