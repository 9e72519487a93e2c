//! The pages.

use std::time::Duration;

use actix_web::{HttpResponse, Responder, error::InternalError, http::StatusCode, web};
use gsession::{AnyStorage, Clock as _, Login, Saved, SystemClock};
use gsession_actix::{Session, SessionMiddleware};
use serde_json::Value;

use super::super::super::{COUNTER, Query, SEEN, USER};

pub(super) fn register(pages: &mut web::ServiceConfig) {
    pages
        .route("/visit", web::post().to(visit))
        .route("/login", web::post().to(login))
        .route("/read", web::post().to(read))
        .route("/whoami", web::post().to(whoami))
        .route("/plain", web::post().to(plain))
        .route("/set", web::post().to(set))
        .route("/put", web::post().to(put))
        .route("/add", web::post().to(add))
        .route("/renew", web::post().to(renew))
        .route("/logout", web::post().to(logout))
        .route("/fail", web::post().to(fail))
        .route("/panic", web::post().to(panic))
        .route("/end", web::post().to(end))
        .route("/sessions", web::post().to(sessions))
        .route("/expel", web::post().to(expel));
}

fn status(code: StatusCode, text: &'static str) -> actix_web::Error {
    InternalError::new(text, code).into()
}

/// Who is logged in; otherwise the answer says that nobody is.
pub(super) async fn known(session: &Session) -> actix_web::Result<String> {
    session.get(USER).await?.ok_or_else(|| status(StatusCode::UNAUTHORIZED, "nobody"))
}

/// Stores what was written, or says that the session has ended meanwhile.
async fn stored(session: &Session) -> actix_web::Result<&'static str> {
    match session.save().await? {
        Saved::Gone => Err(status(StatusCode::CONFLICT, "gone")),
        _ => Ok("stored"),
    }
}

/// What a visitor does before the login.
pub(super) async fn visit(session: Session) -> actix_web::Result<impl Responder> {
    session.set(SEEN, &true)?;
    stored(&session).await
}

async fn login(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    query.wait().await;
    session.set(USER, &query.user)?;
    // If the session has ended meanwhile, this is a 409 too.
    session.log_in(Login::new(&*query.user).label(&*query.label)).await?;
    Ok("stored")
}

async fn read(session: Session) -> actix_web::Result<impl Responder> {
    let data = session.data().await?;
    if data.contains_key(USER) {
        Ok(web::Json(Value::Object(data)))
    } else {
        Err(status(StatusCode::UNAUTHORIZED, "nobody"))
    }
}

async fn whoami(session: Session) -> actix_web::Result<impl Responder> {
    known(&session).await
}

async fn set(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    known(&session).await?;
    query.wait().await;
    session.set(&query.key, &query.value)?;
    stored(&session).await
}

/// Leaves storing to the middleware.
async fn put(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    if query.blind == 0 {
        known(&session).await?;
    }
    query.wait().await;
    session.set(&query.key, &query.value)?;
    Ok("stored")
}

/// Uses no session.
async fn plain() -> impl Responder {
    "nothing"
}

async fn add(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    known(&session).await?;
    query.wait().await;
    Ok(session.update(COUNTER, |n: Option<u64>| n.unwrap_or(0) + 1).await?.to_string())
}

async fn renew(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    known(&session).await?;
    query.wait().await;
    session.renew()?;
    stored(&session).await
}

async fn logout(session: Session, query: web::Query<Query>) -> impl Responder {
    query.wait().await;
    session.destroy();
    let status = if query.fail == 0 { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    HttpResponse::build(status).finish()
}

async fn fail(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    known(&session).await?;
    session.set(&query.key, &query.value)?;
    Ok(HttpResponse::InternalServerError().finish())
}

#[allow(clippy::panic, reason = "that is what it is for")]
async fn panic(session: Session, query: web::Query<Query>) -> actix_web::Result<&'static str> {
    known(&session).await?;
    session.set(&query.key, &query.value)?;
    panic!("as it was asked to");
}

async fn end(storage: web::Data<AnyStorage>) -> actix_web::Result<impl Responder> {
    let later = SystemClock.now() + Duration::from_secs(100 * 24 * 60 * 60);
    let swept = storage.sweep(later).await.map_err(actix_web::error::ErrorServiceUnavailable)?;
    Ok(swept.kept.to_string())
}

/// How many sessions of a user live.
async fn sessions(storage: web::Data<AnyStorage>, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    let living =
        storage.find(&query.user, SystemClock.now()).await.map_err(actix_web::error::ErrorServiceUnavailable)?;
    Ok(living.len().to_string())
}

/// What an operator does whom a user has called.
async fn expel(sessions: web::Data<SessionMiddleware>, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    let ended = sessions.manager().destroy_all_of(&query.user, None).await;
    Ok(ended.map_err(actix_web::error::ErrorServiceUnavailable)?.to_string())
}
