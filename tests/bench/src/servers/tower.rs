//! axum with tower-sessions and its memory storage.

use anyhow::Result;
use axum::{Router, extract::Query, http::StatusCode, routing::get};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

use super::{
    COUNTER, KEYS, OK, SLOW, Slow, USER,
    bare_axum::{Answer, allocs, block_on, ok, run},
    key, next,
};

pub(super) fn serve_memory() -> Result<()> {
    // The defaults, but for what plain HTTP needs.
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    let app = Router::new()
        .route("/untouched", get(ok))
        .route("/read", get(read))
        .route("/readwrite", get(read_write))
        .route("/write", get(write))
        .route("/login", get(login))
        .route("/slow", get(slow))
        .route("/keys", get(keys))
        .route("/logout", get(logout))
        .route("/whoami", get(whoami))
        .route("/allocs", get(allocs))
        .layer(sessions);
    block_on(run(app))
}

fn failed(_: tower_sessions::session::Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn read(session: Session) -> Answer<&'static str> {
    session.get::<String>(USER.0).await.map_err(failed)?.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(OK)
}

async fn read_write(session: Session) -> Answer<&'static str> {
    let counter: u64 = session.get(COUNTER).await.map_err(failed)?.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    session.insert(COUNTER, counter + 1).await.map_err(failed)?;
    Ok(OK)
}

async fn write(session: Session) -> Answer<&'static str> {
    session.insert(COUNTER, next()).await.map_err(failed)?;
    Ok(OK)
}

async fn login(session: Session) -> Answer<&'static str> {
    session.insert(USER.0, USER.1).await.map_err(failed)?;
    session.insert(COUNTER, 0).await.map_err(failed)?;
    Ok(OK)
}

async fn slow(session: Session, Query(query): Query<Slow>) -> Answer<&'static str> {
    session.get::<String>(USER.0).await.map_err(failed)?;
    tokio::time::sleep(SLOW).await;
    session.insert(&query.key, 1).await.map_err(failed)?;
    Ok(OK)
}

async fn keys(session: Session) -> Answer<String> {
    let mut found = 0;
    for index in 0..KEYS {
        if session.get_value(&key(index)).await.map_err(failed)?.is_some() {
            found += 1;
        }
    }
    Ok(found.to_string())
}

async fn logout(session: Session) -> Answer<&'static str> {
    session.flush().await.map_err(failed)?;
    Ok(OK)
}

async fn whoami(session: Session) -> Answer<String> {
    Ok(session.get::<String>(USER.0).await.map_err(failed)?.unwrap_or_default())
}
