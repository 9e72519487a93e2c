//! gsession-actix, with each of its storages.

use std::path::Path;

use actix_web::{App, HttpServer, error::ErrorInternalServerError, rt::System, web};
use anyhow::Result;
use gsession::{
    FileStorage, IntoStorage, MemoryStorage, RedisHashStorage, RedisStorage,
    storage::{
        redis::NearCache,
        sealed::{KeyRing, Sealed, SealingKey},
    },
};
use gsession_actix::{Session, SessionMiddleware};

use super::{
    COUNTER, KEYS, LOOPBACK, OK, SLOW, Slow, USER, announce,
    bare::allocs,
    key, next,
    sql::{postgres, sqlite},
};

pub(super) fn serve_memory() -> Result<()> {
    // The defaults, but for what plain HTTP needs.
    serve(SessionMiddleware::builder(MemoryStorage::new()).cookie_secure(false).build()?)
}

pub(super) fn serve_file(folder: &Path) -> Result<()> {
    serve(SessionMiddleware::builder(FileStorage::open(folder)?).cookie_secure(false).build()?)
}

pub(super) fn serve_redis(url: &str, near_cache: bool) -> Result<()> {
    let mut storage = RedisStorage::builder(url);
    if near_cache {
        storage = storage.near_cache(NearCache::default());
    }
    serve(SessionMiddleware::builder(storage.build()?).cookie_secure(false).build()?)
}

pub(super) fn serve_redis_hash(url: &str) -> Result<()> {
    serve(SessionMiddleware::builder(RedisHashStorage::open(url)?).cookie_secure(false).build()?)
}

pub(super) fn serve_sealed_memory() -> Result<()> {
    serve(over(Sealed::new(MemoryStorage::new(), ring()))?)
}

pub(super) fn serve_sealed_file(folder: &Path) -> Result<()> {
    serve(over(Sealed::new(FileStorage::open(folder)?, ring()))?)
}

pub(super) fn serve_sealed_redis(url: &str) -> Result<()> {
    serve(over(Sealed::new(RedisStorage::open(url)?, ring()))?)
}

fn ring() -> KeyRing {
    KeyRing::new(SealingKey::from_bytes([7; 32]))
}

pub(super) fn serve_sqlite(folder: &Path) -> Result<()> {
    System::new().block_on(async { run(over(sqlite(folder).await?)?).await })
}

pub(super) fn serve_postgres(url: &str) -> Result<()> {
    System::new().block_on(async { run(over(postgres(url).await?)?).await })
}

fn over(storage: impl IntoStorage) -> Result<SessionMiddleware> {
    Ok(SessionMiddleware::builder(storage).cookie_secure(false).build()?)
}

fn serve(sessions: SessionMiddleware) -> Result<()> {
    System::new().block_on(run(sessions))
}

async fn run(sessions: SessionMiddleware) -> Result<()> {
    let server = HttpServer::new(move || {
        App::new()
            .wrap(sessions.clone())
            .route("/untouched", web::get().to(untouched))
            .route("/read", web::get().to(read))
            .route("/readwrite", web::get().to(read_write))
            .route("/write", web::get().to(write))
            .route("/login", web::get().to(login))
            .route("/slow", web::get().to(slow))
            .route("/keys", web::get().to(keys))
            .route("/logout", web::get().to(logout))
            .route("/whoami", web::get().to(whoami))
            .route("/allocs", web::get().to(allocs))
    })
    .workers(1)
    .disable_signals()
    .bind(LOOPBACK)?;
    announce(server.addrs().first().copied())?;
    Ok(server.run().await?)
}

async fn untouched() -> &'static str {
    OK
}

async fn read(session: Session) -> actix_web::Result<&'static str> {
    session.get::<String>(USER.0).await?.ok_or_else(|| ErrorInternalServerError("no session"))?;
    Ok(OK)
}

async fn read_write(session: Session) -> actix_web::Result<&'static str> {
    let counter: u64 = session.get(COUNTER).await?.ok_or_else(|| ErrorInternalServerError("no session"))?;
    session.set(COUNTER, &(counter + 1))?;
    Ok(OK)
}

async fn write(session: Session) -> actix_web::Result<&'static str> {
    session.set(COUNTER, &next())?;
    Ok(OK)
}

async fn login(session: Session) -> actix_web::Result<&'static str> {
    session.set(USER.0, USER.1)?;
    session.set(COUNTER, &0)?;
    Ok(OK)
}

async fn slow(session: Session, query: web::Query<Slow>) -> actix_web::Result<&'static str> {
    session.get::<String>(USER.0).await?;
    tokio::time::sleep(SLOW).await;
    session.set(&query.key, &1)?;
    Ok(OK)
}

async fn keys(session: Session) -> actix_web::Result<String> {
    let data = session.data().await?;
    Ok((0..KEYS).filter(|&index| data.contains_key(&key(index))).count().to_string())
}

async fn logout(session: Session) -> &'static str {
    session.destroy();
    OK
}

async fn whoami(session: Session) -> actix_web::Result<String> {
    Ok(session.get::<String>(USER.0).await?.unwrap_or_default())
}
