//! gsession on axum, with each of its storages.

use std::path::Path;

use anyhow::Result;
use axum::{Router, extract::Query, http::StatusCode, routing::get};
use gsession::{
    FileStorage, IntoStorage, MemoryStorage, RedisHashStorage, RedisStorage,
    tower::{Session, SessionError, SessionLayer},
};

use super::{
    COUNTER, KEYS, OK, SLOW, Slow, USER,
    bare_axum::{Answer, allocs, block_on, ok, run},
    key, next,
    sql::{postgres, sqlite},
};

pub(super) fn serve_memory() -> Result<()> {
    serve(MemoryStorage::new())
}

pub(super) fn serve_file(folder: &Path) -> Result<()> {
    serve(FileStorage::open(folder)?)
}

pub(super) fn serve_redis(url: &str) -> Result<()> {
    serve(RedisStorage::open(url)?)
}

pub(super) fn serve_redis_hash(url: &str) -> Result<()> {
    serve(RedisHashStorage::open(url)?)
}

pub(super) fn serve_sqlite(folder: &Path) -> Result<()> {
    block_on(async { run(over(sqlite(folder).await?)?).await })
}

pub(super) fn serve_postgres(url: &str) -> Result<()> {
    block_on(async { run(over(postgres(url).await?)?).await })
}

fn serve(storage: impl IntoStorage) -> Result<()> {
    block_on(run(over(storage)?))
}

fn over(storage: impl IntoStorage) -> Result<Router> {
    // The defaults, but for what plain HTTP needs.
    let sessions = SessionLayer::builder(storage).cookie_secure(false).build()?;
    Ok(Router::new()
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
        .layer(sessions))
}

fn failed(_: SessionError) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn read(session: Session) -> Answer<&'static str> {
    session.get::<String>(USER.0).await.map_err(failed)?.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(OK)
}

async fn read_write(session: Session) -> Answer<&'static str> {
    let counter: u64 = session.get(COUNTER).await.map_err(failed)?.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    session.set(COUNTER, &(counter + 1)).map_err(failed)?;
    Ok(OK)
}

async fn write(session: Session) -> Answer<&'static str> {
    session.set(COUNTER, &next()).map_err(failed)?;
    Ok(OK)
}

async fn login(session: Session) -> Answer<&'static str> {
    session.set(USER.0, USER.1).map_err(failed)?;
    session.set(COUNTER, &0).map_err(failed)?;
    Ok(OK)
}

async fn slow(session: Session, Query(query): Query<Slow>) -> Answer<&'static str> {
    session.get::<String>(USER.0).await.map_err(failed)?;
    tokio::time::sleep(SLOW).await;
    session.set(&query.key, &1).map_err(failed)?;
    Ok(OK)
}

async fn keys(session: Session) -> Answer<String> {
    let data = session.data().await.map_err(failed)?;
    Ok((0..KEYS).filter(|&index| data.contains_key(&key(index))).count().to_string())
}

async fn logout(session: Session) -> &'static str {
    session.destroy();
    OK
}

async fn whoami(session: Session) -> Answer<String> {
    Ok(session.get::<String>(USER.0).await.map_err(failed)?.unwrap_or_default())
}
