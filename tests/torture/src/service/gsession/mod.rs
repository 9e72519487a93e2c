//! gsession-actix, with each of its storages.

mod outside;
mod pages;

use std::time::Duration;

use actix_web::{App, HttpServer, middleware::from_fn, web};
use anyhow::{Context as _, Result};
use gsession::{AnyStorage, FileStorage, MemoryStorage, RedisHashStorage, RedisStorage, storage::redis::NearCache};
use gsession_actix::SessionMiddleware;

use self::outside::Outside;
use super::{LOOPBACK, announce, first, sabotaged::Sabotaged};
use crate::{cli::Serve, target::Target};

/// The realm of another application, whose cookie has the same name and whose sessions stand in the same storage.
const ELSEWHERE: &str = "another application";

pub(super) fn serve(settings: &Serve) -> Result<()> {
    let storage = match settings.sabotage {
        Some(sabotage) => AnyStorage::new(Sabotaged::new(storage(settings)?, sabotage)),
        None => storage(settings)?,
    };
    let sessions = || SessionMiddleware::builder(storage.clone()).cookie_secure(false);
    let (ours, others) = (sessions().build()?, sessions().realm(ELSEWHERE).build()?);
    let outside = Outside::new(settings.sabotage, ours.manager().clone());
    let root = format!("/{}", settings.secret);
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            let outside = outside.clone();
            let pages = web::scope(&root)
                .wrap(ours.clone())
                .wrap(from_fn(move |request, next| outside.clone().around(request, next)))
                .app_data(web::Data::new(storage.clone()))
                .app_data(web::Data::new(ours.clone()))
                .configure(pages::register);
            let others = web::scope(&format!("{root}/elsewhere"))
                .wrap(others.clone())
                .route("/visit", web::post().to(pages::visit));
            App::new().service(others).service(pages)
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
