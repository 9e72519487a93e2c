//! Logging in through the middleware: what a login that is missing, old, or one too many is answered with (S14, S16).

use std::time::Duration;

use gsession::{AtLimit, Clock as _, Login, ManualClock, MemoryStorage, SystemClock};

use crate::{
    framework::{self, Ask, SessionError, Sessions},
    support::{
        answer::Answer,
        app::{App, Failure, Reply},
        client::Client,
        request::Request,
    },
};

const RECENT: Duration = Duration::from_secs(300);

async fn log_in(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.log_in(Login::new("ada").label("phone")).await?;
    Ok("".into())
}

async fn bad_label(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.set("written", &1)?;
    session.log_in(Login::new("ada").label("a\nb")).await?;
    Ok("".into())
}

async fn strict(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.require_recent(RECENT).await?;
    Ok("secret".into())
}

async fn with_page(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.require_recent(RECENT).await.map_err(|error| error.or_redirect_to("/confirm?next=%2F"))?;
    Ok("secret".into())
}

async fn with_bad_page(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.require_recent(RECENT).await.map_err(|error| error.or_redirect_to("/a\r\nset-cookie: x=y"))?;
    Ok("secret".into())
}

async fn other_error(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.set("gsession.login", &1).map_err(|error| error.or_redirect_to("/confirm"))?;
    Ok("never".into())
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    answer.all(name).first().map(|&value| value.to_owned())
}

/// The cookie that the client has after a response.
fn cookie(answer: &Answer) -> Option<String> {
    Some(header(answer, "set-cookie")?.split(';').next().unwrap().to_owned())
}

async fn get(client: &Client, path: &str, cookie: Option<&str>) -> Answer {
    let request = Request::get(path);
    client
        .send(match cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        })
        .await
}

async fn client(sessions: Sessions) -> Client {
    let app = App::new().route("/login", log_in).route("/bad-label", bad_label).route("/strict", strict);
    let app = app.route("/with-page", with_page).route("/with-bad-page", with_bad_page);
    app.route("/other-error", other_error).wrap(sessions).client().await
}

#[tokio::test]
async fn a_login_that_is_missing_or_old_is_a_401_or_a_page_of_the_application() {
    let clock = ManualClock::new(SystemClock.now());
    let sessions = Sessions::builder(MemoryStorage::new()).clock(clock.clone()).build().unwrap();
    let client = client(sessions).await;
    let nobody = get(&client, "/strict", None).await;
    assert_eq!((nobody.status, header(&nobody, "www-authenticate").as_deref()), (401, Some("Session")));
    let cookie = cookie(&get(&client, "/login", None).await).unwrap();
    let asked = async |path: &str| {
        let answer = get(&client, path, Some(&cookie)).await;
        (answer.status, header(&answer, "www-authenticate"), header(&answer, "location"))
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

#[tokio::test]
async fn a_login_that_is_refused_says_why_and_stores_nothing_of_it() {
    let sessions = Sessions::builder(MemoryStorage::new()).max_sessions(1, AtLimit::Refuse).build().unwrap();
    let manager = sessions.manager().clone();
    let client = client(sessions).await;
    let bad = get(&client, "/bad-label", None).await;
    assert_eq!(bad.status, 400);
    assert!(manager.sessions_of("ada").await.unwrap().is_empty());
    assert_eq!(get(&client, "/login", None).await.status, 200);
    let refused = get(&client, "/login", None).await;
    assert_eq!((refused.status, cookie(&refused)), (409, None));
    let listed = manager.sessions_of("ada").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].1.label.as_deref(), Some("phone"));
}

/// What comes from a form or from an identity provider is no mistake of the application.
#[tokio::test]
async fn a_login_that_is_refused_says_whose_fault_it_is() {
    let clock = ManualClock::new(SystemClock.now());
    let manager = gsession::AsyncManager::builder(MemoryStorage::new()).clock(clock).build().unwrap();
    for (login, status) in [
        (Login::new(""), 400),
        (Login::new("ada").tag(""), 400),
        (Login::new("ada").tag("x".repeat(257)), 400),
        (Login::new("ada").tag("a\0"), 400),
        (Login::new("ada").label("x".repeat(257)), 400),
        (Login::new("x".repeat(300)), 413),
        (Login::new("ada").remember_for(Duration::ZERO), 500),
    ] {
        let session = manager.begin(None, gsession::ClientInfo::default);
        let error = SessionError::from(session.log_in(login).await.unwrap_err());
        assert_eq!(framework::status_of(&error), status, "{error}");
    }
    for number in 0..100 {
        let session = manager.begin(None, gsession::ClientInfo::default);
        session.log_in(Login::new(format!("user {number}")).tag("sid")).await.unwrap();
    }
    let session = manager.begin(None, gsession::ClientInfo::default);
    let error = SessionError::from(session.log_in(Login::new("one more").tag("sid")).await.unwrap_err());
    assert_eq!(framework::status_of(&error), 409, "{error}");
}
