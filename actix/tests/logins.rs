//! Logging in through the middleware: what a login that is missing, old, or one too many is answered with (S14, S16).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::time::Duration;

use actix_web::{
    App, HttpResponse, Result,
    dev::{Service, ServiceResponse},
    http::{
        StatusCode,
        header::{COOKIE, LOCATION, SET_COOKIE, WWW_AUTHENTICATE},
    },
    test::{TestRequest, call_service, init_service},
    web,
};
use gsession::{AtLimit, Clock as _, Login, ManualClock, MemoryStorage, SystemClock};
use gsession_actix::{Session, SessionError, SessionMiddleware};

const RECENT: Duration = Duration::from_secs(300);

async fn log_in(session: Session) -> Result<HttpResponse> {
    session.log_in(Login::new("ada").label("phone")).await?;
    Ok(HttpResponse::Ok().finish())
}

async fn bad_label(session: Session) -> Result<HttpResponse> {
    session.set("written", &1)?;
    session.log_in(Login::new("ada").label("a\nb")).await?;
    Ok(HttpResponse::Ok().finish())
}

async fn strict(session: Session) -> Result<&'static str> {
    session.require_recent(RECENT).await?;
    Ok("secret")
}

async fn with_page(session: Session) -> Result<&'static str> {
    session.require_recent(RECENT).await.map_err(|error| error.or_redirect_to("/confirm?next=%2F"))?;
    Ok("secret")
}

async fn with_bad_page(session: Session) -> Result<&'static str> {
    session.require_recent(RECENT).await.map_err(|error| error.or_redirect_to("/a\r\nset-cookie: x=y"))?;
    Ok("secret")
}

async fn other_error(session: Session) -> Result<&'static str> {
    session.set("gsession.login", &1).map_err(|error| error.or_redirect_to("/confirm"))?;
    Ok("never")
}

fn header(response: &ServiceResponse, name: impl actix_web::http::header::AsHeaderName) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

/// The cookie that the client has after a response.
fn cookie(response: &ServiceResponse) -> Option<String> {
    Some(header(response, SET_COOKIE)?.split(';').next().unwrap().to_owned())
}

async fn get<S, E: std::fmt::Debug>(app: &S, path: &str, cookie: Option<&str>) -> ServiceResponse
where
    S: Service<actix_http::Request, Response = ServiceResponse, Error = E>,
{
    let request = TestRequest::get().uri(path);
    let request = match cookie {
        Some(cookie) => request.insert_header((COOKIE, cookie)),
        None => request,
    };
    call_service(app, request.to_request()).await
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/login", web::get().to(log_in))
        .route("/bad-label", web::get().to(bad_label))
        .route("/strict", web::get().to(strict))
        .route("/with-page", web::get().to(with_page))
        .route("/with-bad-page", web::get().to(with_bad_page))
        .route("/other-error", web::get().to(other_error));
}

#[actix_web::test]
async fn a_login_that_is_missing_or_old_is_a_401_or_a_page_of_the_application() {
    let clock = ManualClock::new(SystemClock.now());
    let sessions = SessionMiddleware::builder(MemoryStorage::new()).clock(clock.clone()).build().unwrap();
    let app = init_service(App::new().wrap(sessions).configure(routes)).await;
    let nobody = get(&app, "/strict", None).await;
    assert_eq!(
        (nobody.status(), header(&nobody, WWW_AUTHENTICATE).as_deref()),
        (StatusCode::UNAUTHORIZED, Some("Session"))
    );
    let cookie = cookie(&get(&app, "/login", None).await).unwrap();
    let asked = async |path: &str| {
        let answer = get(&app, path, Some(&cookie)).await;
        (answer.status().as_u16(), header(&answer, WWW_AUTHENTICATE), header(&answer, LOCATION))
    };
    assert_eq!(asked("/strict").await, (200, None, None));
    assert_eq!(asked("/with-page").await, (200, None, None));
    clock.advance(RECENT + Duration::from_millis(1));
    let challenge = Some("Session error=\"insufficient_user_authentication\"".to_owned());
    assert_eq!(asked("/strict").await, (401, challenge.clone(), None));
    assert_eq!(asked("/with-page").await, (303, None, Some("/confirm?next=%2F".to_owned())));
    assert_eq!(asked("/with-bad-page").await, (401, challenge, None), "no header of the attacker's");
    assert_eq!(asked("/other-error").await, (500, None, None), "a mistake is not hidden behind a login");
}

#[actix_web::test]
async fn a_login_that_is_refused_says_why_and_stores_nothing_of_it() {
    let sessions = SessionMiddleware::builder(MemoryStorage::new()).max_sessions(1, AtLimit::Refuse).build().unwrap();
    let manager = sessions.manager().clone();
    let app = init_service(App::new().wrap(sessions).configure(routes)).await;
    let bad = get(&app, "/bad-label", None).await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert!(manager.sessions_of("ada").await.unwrap().is_empty());
    assert_eq!(get(&app, "/login", None).await.status(), StatusCode::OK);
    let refused = get(&app, "/login", None).await;
    assert_eq!((refused.status(), cookie(&refused)), (StatusCode::CONFLICT, None));
    let listed = manager.sessions_of("ada").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].1.label.as_deref(), Some("phone"));
}

/// What comes from a form or from an identity provider is no mistake of the application.
#[actix_web::test]
async fn a_login_that_is_refused_says_whose_fault_it_is() {
    use actix_web::ResponseError as _;

    let clock = ManualClock::new(SystemClock.now());
    let manager = gsession::AsyncManager::builder(MemoryStorage::new()).clock(clock).build().unwrap();
    for (login, status) in [
        (Login::new(""), StatusCode::BAD_REQUEST),
        (Login::new("ada").tag(""), StatusCode::BAD_REQUEST),
        (Login::new("ada").tag("x".repeat(257)), StatusCode::BAD_REQUEST),
        (Login::new("ada").tag("a\0"), StatusCode::BAD_REQUEST),
        (Login::new("ada").label("x".repeat(257)), StatusCode::BAD_REQUEST),
        (Login::new("x".repeat(300)), StatusCode::PAYLOAD_TOO_LARGE),
        (Login::new("ada").remember_for(Duration::ZERO), StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let session = manager.begin(None, gsession::ClientInfo::default);
        let error = SessionError::from(session.log_in(login).await.unwrap_err());
        assert_eq!(error.status_code(), status, "{error}");
    }
    for number in 0..100 {
        let session = manager.begin(None, gsession::ClientInfo::default);
        session.log_in(Login::new(format!("user {number}")).tag("sid")).await.unwrap();
    }
    let session = manager.begin(None, gsession::ClientInfo::default);
    let error = SessionError::from(session.log_in(Login::new("one more").tag("sid")).await.unwrap_err());
    assert_eq!(error.status_code(), StatusCode::CONFLICT, "{error}");
}
