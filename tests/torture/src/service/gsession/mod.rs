//! gsession-actix, with each of its storages.

mod broken_rotation;
mod devices;
mod outside;
mod pages;

use std::time::Duration;

use actix_web::{App, HttpServer, middleware::from_fn, web};
use anyhow::{Context as _, Result};
use gsession::{
    AnyStorage, AtLimit, FileStorage, MemoryStorage, OnReuse, RedisHashStorage, RedisStorage, storage::redis::NearCache,
};
use gsession_actix::{SessionMiddleware, SessionMiddlewareBuilder};

use self::{broken_rotation::BrokenRotation, outside::Outside};
use super::{LOOPBACK, announce, first, sabotaged::Sabotaged};
use crate::{
    cli::Serve,
    scope::{MOST_SESSIONS, Rotation, Scope},
    target::{Sabotage, Target},
};

/// The realm of another application, whose cookie has the same name and whose sessions stand in the same storage.
const ELSEWHERE: &str = "another application";

pub(super) fn serve(settings: &Serve) -> Result<()> {
    let storage = match settings.sabotage {
        Some(sabotage) => AnyStorage::new(Sabotaged::new(storage(settings)?, sabotage)),
        None => storage(settings)?,
    };
    let sessions = || SessionMiddleware::builder(storage.clone()).cookie_secure(false);
    let (ours, others) = (sessions().build()?, sessions().realm(ELSEWHERE).build()?);
    let (crowd, rotating) = (limited(sessions(), settings)?, rotating(sessions(), settings)?);
    let broken = BrokenRotation::new(settings.sabotage, rotating.manager().clone());
    let sabotage = web::Data::new(settings.sabotage);
    let outside = Outside::new(settings.sabotage, ours.manager().clone());
    let root = format!("/{}", settings.secret);
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            let (outside, broken) = (outside.clone(), broken.clone());
            let pages = web::scope(&root)
                .wrap(ours.clone())
                .wrap(from_fn(move |request, next| outside.clone().around(request, next)))
                .configure(pages::register);
            let others = web::scope(&format!("{root}/elsewhere"))
                .wrap(others.clone())
                .route("/visit", web::post().to(pages::visit));
            let crowd = web::scope(&format!("{root}{}", Scope::Crowd.path()))
                .wrap(crowd.clone())
                .configure(pages::register)
                .configure(devices::register);
            let rotating = web::scope(&format!("{root}{}", Scope::Rotating.path()))
                .wrap(rotating.clone())
                .wrap(from_fn(move |request, next| broken.clone().around(request, next)))
                .configure(pages::register);
            App::new()
                .app_data(web::Data::new(storage.clone()))
                .app_data(web::Data::new(ours.clone()))
                .app_data(sabotage.clone())
                .service(others)
                .service(crowd)
                .service(rotating)
                .service(pages)
        })
        .workers(2)
        .disable_signals()
        .bind(LOOPBACK)?;
        announce(server.addrs().first().copied())?;
        Ok(server.run().await?)
    })
}

/// Where a user has a limited number of sessions.
fn limited(sessions: SessionMiddlewareBuilder, settings: &Serve) -> Result<SessionMiddleware> {
    let sessions = sessions.realm("a crowd");
    Ok(match settings.sabotage {
        Some(Sabotage::NoLimit) => sessions.build()?,
        _ => sessions.max_sessions(MOST_SESSIONS, AtLimit::EndOldest).build()?,
    })
}

/// Where ids rotate.
fn rotating(sessions: SessionMiddlewareBuilder, settings: &Serve) -> Result<SessionMiddleware> {
    let Rotation { every, grace } = Rotation::of(settings.target);
    let sessions = sessions.realm("rotating").rotate_every(every);
    Ok(match settings.sabotage {
        Some(Sabotage::NoGrace) => sessions.rotation_grace(Duration::ZERO).build()?,
        Some(Sabotage::ForgivenThefts) => sessions.rotation_grace(grace).on_reuse(OnReuse::Refuse).build()?,
        _ => sessions.rotation_grace(grace).build()?,
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
