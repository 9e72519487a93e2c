//! actix-session with its cookie storage and its Redis storage.

use actix_session::{
    Session, SessionMiddleware,
    storage::{CookieSessionStore, RedisSessionStore, SessionStore},
};
use actix_web::{App, HttpResponse, HttpServer, Responder, cookie::Key, error::ErrorUnauthorized, web};
use anyhow::Result;
use serde_json::{Map, Value};

use super::{COUNTER, LOOPBACK, Query, SEEN, USER, announce};

pub(super) fn serve_cookie(secret: &str) -> Result<()> {
    actix_web::rt::System::new().block_on(run(CookieSessionStore::default, secret))
}

pub(super) fn serve_redis(url: &str, secret: &str) -> Result<()> {
    actix_web::rt::System::new().block_on(async {
        // One storage for all workers, as its documentation shows.
        let storage = RedisSessionStore::new(url).await?;
        run(move || storage.clone(), secret).await
    })
}

async fn run<S: SessionStore + 'static>(storage: impl Fn() -> S + Send + Clone + 'static, secret: &str) -> Result<()> {
    let (key, root) = (Key::from(secret.as_bytes()), format!("/{secret}"));
    let server = HttpServer::new(move || {
        // The defaults, but for what plain HTTP needs.
        let sessions = SessionMiddleware::builder(storage(), key.clone()).cookie_secure(false).build();
        let pages = web::scope(&root)
            .wrap(sessions)
            .route("/visit", web::post().to(visit))
            .route("/login", web::post().to(login))
            .route("/read", web::post().to(read))
            .route("/whoami", web::post().to(whoami))
            .route("/set", web::post().to(set))
            .route("/add", web::post().to(add))
            .route("/renew", web::post().to(renew))
            .route("/logout", web::post().to(logout))
            .route("/fail", web::post().to(fail))
            .route("/panic", web::post().to(panic));
        App::new().service(pages)
    })
    .workers(2)
    .disable_signals()
    .bind(LOOPBACK)?;
    announce(server.addrs().first().copied())?;
    Ok(server.run().await?)
}

fn known(session: &Session) -> actix_web::Result<String> {
    session.get(USER)?.ok_or_else(|| ErrorUnauthorized("nobody"))
}

async fn visit(session: Session) -> actix_web::Result<impl Responder> {
    session.insert(SEEN, true)?;
    Ok("stored")
}

async fn login(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    query.wait().await;
    session.renew();
    session.insert(USER, &query.user)?;
    Ok("stored")
}

async fn read(session: Session) -> actix_web::Result<impl Responder> {
    known(&session)?;
    // Its values are JSON in strings.
    let parsed = |(key, value): (&String, &String)| Some((key.clone(), serde_json::from_str(value).ok()?));
    let data: Map<String, Value> = session.entries().iter().filter_map(parsed).collect();
    Ok(web::Json(data))
}

async fn whoami(session: Session) -> actix_web::Result<impl Responder> {
    known(&session)
}

async fn set(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    known(&session)?;
    query.wait().await;
    session.insert(query.key.as_str(), &query.value)?;
    Ok("stored")
}

async fn add(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    known(&session)?;
    let n: u64 = session.get(COUNTER)?.unwrap_or_default();
    query.wait().await;
    session.insert(COUNTER, n + 1)?;
    Ok((n + 1).to_string())
}

async fn renew(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    known(&session)?;
    query.wait().await;
    session.renew();
    Ok("stored")
}

async fn logout(session: Session, query: web::Query<Query>) -> impl Responder {
    query.wait().await;
    session.purge();
    HttpResponse::Ok().finish()
}

async fn fail(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    known(&session)?;
    session.insert(query.key.as_str(), &query.value)?;
    Ok(HttpResponse::InternalServerError().finish())
}

#[allow(clippy::panic, reason = "that is what it is for")]
async fn panic(session: Session, query: web::Query<Query>) -> actix_web::Result<&'static str> {
    known(&session)?;
    session.insert(query.key.as_str(), &query.value)?;
    panic!("as it was asked to");
}
