//! actix-session with its cookie storage and its Redis storage.

use actix_session::{
    Session, SessionMiddleware,
    storage::{CookieSessionStore, RedisSessionStore},
};
use actix_web::{App, HttpServer, cookie::Key, error::ErrorInternalServerError, web};
use anyhow::Result;

use super::{COUNTER, KEYS, LOOPBACK, OK, SLOW, Slow, USER, announce, bare::allocs, key, next};

pub(super) fn serve() -> Result<()> {
    let secret = Key::generate();
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            // The defaults, but for what plain HTTP needs.
            let sessions =
                SessionMiddleware::builder(CookieSessionStore::default(), secret.clone()).cookie_secure(false).build();
            App::new().wrap(sessions).configure(routes)
        })
        .workers(1)
        .disable_signals()
        .bind(LOOPBACK)?;
        announce(server.addrs().first().copied())?;
        Ok(server.run().await?)
    })
}

pub(super) fn serve_redis(url: &str) -> Result<()> {
    let secret = Key::generate();
    actix_web::rt::System::new().block_on(async {
        // One storage for all workers, as its documentation shows.
        let storage = RedisSessionStore::new(url).await?;
        let server = HttpServer::new(move || {
            let sessions = SessionMiddleware::builder(storage.clone(), secret.clone()).cookie_secure(false).build();
            App::new().wrap(sessions).configure(routes)
        })
        .workers(1)
        .disable_signals()
        .bind(LOOPBACK)?;
        announce(server.addrs().first().copied())?;
        Ok(server.run().await?)
    })
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/untouched", web::get().to(untouched))
        .route("/read", web::get().to(read))
        .route("/readwrite", web::get().to(read_write))
        .route("/write", web::get().to(write))
        .route("/login", web::get().to(login))
        .route("/slow", web::get().to(slow))
        .route("/keys", web::get().to(keys))
        .route("/logout", web::get().to(logout))
        .route("/whoami", web::get().to(whoami))
        .route("/allocs", web::get().to(allocs));
}

async fn untouched() -> &'static str {
    OK
}

async fn read(session: Session) -> actix_web::Result<&'static str> {
    session.get::<String>(USER.0)?.ok_or_else(|| ErrorInternalServerError("no session"))?;
    Ok(OK)
}

async fn read_write(session: Session) -> actix_web::Result<&'static str> {
    let counter: u64 = session.get(COUNTER)?.ok_or_else(|| ErrorInternalServerError("no session"))?;
    session.insert(COUNTER, counter + 1)?;
    Ok(OK)
}

async fn write(session: Session) -> actix_web::Result<&'static str> {
    session.insert(COUNTER, next())?;
    Ok(OK)
}

async fn login(session: Session) -> actix_web::Result<&'static str> {
    session.insert(USER.0, USER.1)?;
    session.insert(COUNTER, 0)?;
    Ok(OK)
}

async fn slow(session: Session, query: web::Query<Slow>) -> actix_web::Result<&'static str> {
    session.get::<String>(USER.0)?;
    tokio::time::sleep(SLOW).await;
    session.insert(&*query.key, 1)?;
    Ok(OK)
}

async fn keys(session: Session) -> String {
    let entries = session.entries();
    (0..KEYS).filter(|&index| entries.contains_key(key(index).as_str())).count().to_string()
}

async fn logout(session: Session) -> &'static str {
    session.purge();
    OK
}

async fn whoami(session: Session) -> actix_web::Result<String> {
    Ok(session.get::<String>(USER.0)?.unwrap_or_default())
}
