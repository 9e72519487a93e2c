//! Log in, see your name, log out: sessions in an axum application.
//!
//! `cargo run --features axum --example axum_login`, then open <http://localhost:3000>. With `-- --self-test` it serves
//! itself a few requests and ends.

use std::{error::Error, time::Duration};

use axum::{
    Form, Router,
    extract::Request,
    http::{HeaderMap, StatusCode, header::ORIGIN},
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use gsession::{
    FileStorage,
    tower::{Passive, Session, SessionError, SessionLayer},
};
use tokio::net::TcpListener;

mod self_test;

/// A handler returns the errors of its session with `?`: they are responses.
async fn home(session: Session) -> Result<Html<String>, SessionError> {
    let visits = session.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    Ok(Html(match session.principal().await? {
        // `log_in` has checked the name.
        Some(user) => format!(
            "<p>Hello, {user}. Visit number {visits}.</p>\
             <form method=post action=/logout><button>Log out</button></form>"
        ),
        None => format!(
            "<p>Visit number {visits}.</p>\
             <form method=post action=/login>\
             <input name=user placeholder='any name' required> <input name=password type=password placeholder='secret' required> \
             <button>Log in</button></form>"
        ),
    }))
}

#[derive(serde::Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

async fn login(session: Session, Form(form): Form<Credentials>) -> Result<Response, SessionError> {
    // Yours looks it up, and compares a hash of it.
    let is_right = form.password == "secret" && form.user.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_right {
        return Ok((StatusCode::FORBIDDEN, "Wrong name or password.").into_response());
    }
    // A new id, whoever knew the old one.
    session.log_in(form.user).await?;
    Ok(Redirect::to("/").into_response())
}

async fn logout(session: Session) -> Redirect {
    session.log_out();
    Redirect::to("/")
}

/// For a page that polls. It does not keep its user logged in.
async fn unread(session: Session) -> Result<String, SessionError> {
    Ok(session.get_or("unread", 0).await?.to_string())
}

/// Only for those who have logged in within the last five minutes; others are sent to the login page.
async fn recent_login(session: Session, request: Request, next: Next) -> Result<Response, SessionError> {
    let recent = session.require_recent(Duration::from_secs(300)).await;
    recent.map_err(|error| error.or_redirect_to("/"))?;
    Ok(next.run(request).await)
}

/// Rejects forms of other sites (OWASP CSRF Prevention Cheat Sheet, "Verifying origin").
async fn same_origin(headers: HeaderMap, request: Request, next: Next) -> Response {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let is_foreign = origin.is_some_and(|origin| origin.split_once("://").is_none_or(|(_, from)| from != host));
    if !request.method().is_safe() && is_foreign {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

fn app(sessions: SessionLayer) -> Router {
    let account = Router::new().route("/account", get(|| async { "your password" }));
    Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/unread", get(unread).layer(Passive))
        .merge(account.layer(middleware::from_fn(recent_login)))
        .layer(sessions)
        .layer(middleware::from_fn(same_origin))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|argument| argument == "--self-test") {
        return self_test::run().await;
    }
    let sessions = SessionLayer::builder(FileStorage::open("sessions")?)
        .cookie_secure(false) // plain HTTP on this machine
        .build()?;
    let listener = TcpListener::bind(("127.0.0.1", 3000)).await?;
    println!("http://localhost:3000");
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, app(sessions.clone())).with_graceful_shutdown(stop).await?;
    sessions.shutdown().await;
    Ok(())
}
