//! gsession-actix, with each of its storages.

use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, Responder, error::InternalError, http::StatusCode, web};
use anyhow::{Context as _, Result};
use gsession::{
    AnyStorage, AsyncStorage as _, Clock as _, FileStorage, MemoryStorage, RedisHashStorage, RedisStorage, Saved,
    SystemClock, storage::redis::NearCache,
};
use gsession_actix::{Session, SessionMiddleware};
use serde_json::Value;

use super::{COUNTER, LOOPBACK, Query, USER, announce, first, sabotaged::Sabotaged};
use crate::{cli::Serve, target::Target};

pub(super) fn serve(settings: &Serve) -> Result<()> {
    let storage = match settings.sabotage {
        Some(sabotage) => AnyStorage::new(Sabotaged::new(storage(settings)?, sabotage)),
        None => storage(settings)?,
    };
    let sessions = SessionMiddleware::builder(storage.clone()).cookie_secure(false).build()?;
    let root = format!("/{}", settings.secret);
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            let pages = web::scope(&root)
                .wrap(sessions.clone())
                .app_data(web::Data::new(storage.clone()))
                .route("/login", web::get().to(login))
                .route("/read", web::get().to(read))
                .route("/whoami", web::get().to(whoami))
                .route("/set", web::get().to(set))
                .route("/add", web::get().to(add))
                .route("/renew", web::get().to(renew))
                .route("/logout", web::get().to(logout))
                .route("/fail", web::get().to(fail))
                .route("/panic", web::get().to(panic))
                .route("/end", web::get().to(end));
            App::new().service(pages)
        })
        .workers(2)
        .disable_signals()
        .bind(LOOPBACK)?;
        announce(server.addrs().first().copied())?;
        Ok(server.run().await?)
    })
}

fn storage(settings: &Serve) -> Result<AnyStorage> {
    // Long enough for a server that is frozen for a moment, short enough for a second hand that has more to do.
    const TIMEOUT: Duration = Duration::from_secs(2);
    let redis = || anyhow::Ok(RedisStorage::builder(first(settings)?).response_timeout(TIMEOUT));
    Ok(match settings.target {
        Target::File => AnyStorage::new(FileStorage::open(first(settings)?)?),
        Target::Redis => AnyStorage::new(redis()?.build()?),
        Target::RedisNear => AnyStorage::new(redis()?.near_cache(NearCache::default()).build()?),
        Target::RedisHash => {
            AnyStorage::new(RedisHashStorage::builder(first(settings)?).response_timeout(TIMEOUT).build()?)
        }
        Target::RedisSentinel => {
            let (service, urls) = settings.place.split_first().context("a service and the Sentinels that know it")?;
            let urls = urls.iter().map(String::as_str);
            AnyStorage::new(RedisStorage::sentinel(urls, service).response_timeout(TIMEOUT).build()?)
        }
        Target::RedisCluster => {
            let urls = settings.place.iter().map(String::as_str);
            AnyStorage::new(RedisStorage::cluster(urls).response_timeout(TIMEOUT).build()?)
        }
        _ => AnyStorage::new(MemoryStorage::new()),
    })
}

fn status(code: StatusCode, text: &'static str) -> actix_web::Error {
    InternalError::new(text, code).into()
}

/// Who is logged in; otherwise the answer says that nobody is.
async fn known(session: &Session) -> actix_web::Result<String> {
    session.get(USER).await?.ok_or_else(|| status(StatusCode::UNAUTHORIZED, "nobody"))
}

/// Stores what was written, or says that the session has ended meanwhile.
async fn stored(session: &Session) -> actix_web::Result<&'static str> {
    match session.save().await? {
        Saved::Gone => Err(status(StatusCode::CONFLICT, "gone")),
        _ => Ok("stored"),
    }
}

async fn login(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    session.renew()?;
    session.set(USER, &query.user)?;
    session.set(COUNTER, &0)?;
    session.set_principal(query.user.as_str())?;
    stored(&session).await
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
