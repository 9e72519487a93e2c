//! The pages.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Query as From, State},
    http::StatusCode,
    response::Result,
    routing::post,
};
use gsession::{
    Clock as _, Login, Saved, SystemClock,
    tower::{Session, SessionError},
};
use serde_json::{Map, Value};

use super::{
    super::super::{COUNTER, Query, SEEN, USER},
    Everything,
};

pub(super) fn routes() -> Router<Everything> {
    Router::new()
        .route("/visit", post(visit))
        .route("/login", post(login))
        .route("/read", post(read))
        .route("/whoami", post(whoami))
        .route("/plain", post(plain))
        .route("/set", post(set))
        .route("/put", post(put))
        .route("/add", post(add))
        .route("/renew", post(renew))
        .route("/logout", post(logout))
        .route("/fail", post(fail))
        .route("/panic", post(panic))
        .route("/end", post(end))
        .route("/sessions", post(sessions))
        .route("/expel", post(expel))
}

/// Who is logged in; otherwise the answer says that nobody is.
pub(super) async fn known(session: &Session) -> Result<String> {
    Ok(session.get(USER).await?.ok_or(StatusCode::UNAUTHORIZED)?)
}

/// Stores what was written, or says that the session has ended meanwhile.
async fn stored(session: &Session) -> Result<&'static str> {
    match session.save().await? {
        Saved::Gone => Err(StatusCode::CONFLICT.into()),
        _ => Ok("stored"),
    }
}

/// What a visitor does before the login.
pub(super) async fn visit(session: Session) -> Result<&'static str> {
    session.set(SEEN, &true)?;
    stored(&session).await
}

async fn login(session: Session, From(query): From<Query>) -> Result<&'static str> {
    query.wait().await;
    session.set(USER, &query.user)?;
    // If the session has ended meanwhile, this is a 409 too.
    session.log_in(Login::new(&*query.user).label(&*query.label)).await?;
    Ok("stored")
}

async fn read(session: Session) -> Result<Json<Map<String, Value>>> {
    let data = session.data().await?;
    if data.contains_key(USER) { Ok(Json(data)) } else { Err(StatusCode::UNAUTHORIZED.into()) }
}

async fn whoami(session: Session) -> Result<String> {
    known(&session).await
}

async fn set(session: Session, From(query): From<Query>) -> Result<&'static str> {
    known(&session).await?;
    query.wait().await;
    session.set(&query.key, &query.value)?;
    stored(&session).await
}

/// Leaves storing to the middleware.
async fn put(session: Session, From(query): From<Query>) -> Result<&'static str> {
    if query.blind == 0 {
        known(&session).await?;
    }
    query.wait().await;
    session.set(&query.key, &query.value)?;
    Ok("stored")
}

/// Uses no session.
async fn plain() -> &'static str {
    "nothing"
}

async fn add(session: Session, From(query): From<Query>) -> Result<String> {
    known(&session).await?;
    query.wait().await;
    Ok(session.update(COUNTER, |n: Option<u64>| n.unwrap_or(0) + 1).await?.to_string())
}

async fn renew(session: Session, From(query): From<Query>) -> Result<&'static str> {
    known(&session).await?;
    query.wait().await;
    session.renew()?;
    stored(&session).await
}

async fn logout(session: Session, From(query): From<Query>) -> StatusCode {
    query.wait().await;
    session.destroy();
    if query.fail == 0 { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}

async fn fail(session: Session, From(query): From<Query>) -> Result<StatusCode> {
    known(&session).await?;
    session.set(&query.key, &query.value)?;
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}

#[allow(clippy::panic, reason = "that is what it is for")]
async fn panic(session: Session, From(query): From<Query>) -> Result<&'static str> {
    known(&session).await?;
    session.set(&query.key, &query.value)?;
    panic!("as it was asked to");
}

async fn end(State(everything): State<Everything>) -> Result<String> {
    let later = SystemClock.now() + Duration::from_secs(100 * 24 * 60 * 60);
    let swept = everything.storage.sweep(later).await.map_err(SessionError::from)?;
    Ok(swept.kept.to_string())
}

/// How many sessions of a user live.
async fn sessions(State(everything): State<Everything>, From(query): From<Query>) -> Result<String> {
    let living = everything.storage.find(&query.user, SystemClock.now()).await.map_err(SessionError::from)?;
    Ok(living.len().to_string())
}

/// What an operator does whom a user has called.
async fn expel(State(everything): State<Everything>, From(query): From<Query>) -> Result<String> {
    let ended = everything.ours.manager().destroy_all_of(&query.user, None).await;
    Ok(ended.map_err(SessionError::from)?.to_string())
}
