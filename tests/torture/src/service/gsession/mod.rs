//! gsession with each of its storages, on actix-web and on axum.

mod actix;
mod axum;

use std::time::Duration;

use anyhow::{Context as _, Result};
use gsession::{
    AnyStorage, AtLimit, FileStorage, MemoryStorage, OnReuse, PostgresStorage, RedisHashStorage, RedisStorage,
    SqliteStorage,
    http::{Builder, Configured, ServiceSettings},
    storage::redis::NearCache,
};
use tokio::runtime::Runtime;

use super::{first, sabotaged::Sabotaged};
use crate::{
    cli::Serve,
    scope::{MOST_SESSIONS, Rotation},
    target::{Sabotage, Target},
};

/// The realm of another application, whose cookie has the same name and whose sessions stand in the same storage.
const ELSEWHERE: &str = "another application";

pub(super) fn serve(settings: &Serve) -> Result<()> {
    // Where storages in databases sweep.
    let background = Runtime::new().context("starting a runtime")?;
    let _entered = background.enter();
    let storage = match settings.sabotage {
        Some(sabotage) => AnyStorage::new(Sabotaged::new(storage(settings)?, sabotage)),
        None => storage(settings)?,
    };
    if settings.target.is_on_axum() { axum::serve(settings, storage) } else { actix::serve(settings, storage) }
}

/// The middleware of each application, over one storage.
struct Applications<M> {
    ours: M,
    elsewhere: M,
    crowd: M,
    rotating: M,
}

impl<M: Configured<Settings = ServiceSettings>> Applications<M> {
    fn new(settings: &Serve, storage: &AnyStorage) -> Result<Self> {
        let sessions = || Builder::<M>::new(ServiceSettings::new(storage.clone())).cookie_secure(false);
        Ok(Self {
            ours: sessions().build()?,
            elsewhere: sessions().realm(ELSEWHERE).build()?,
            crowd: limited(sessions(), settings)?,
            rotating: rotating(sessions(), settings)?,
        })
    }
}

/// Where a user has a limited number of sessions.
fn limited<M: Configured<Settings = ServiceSettings>>(sessions: Builder<M>, settings: &Serve) -> Result<M> {
    let sessions = sessions.realm("a crowd");
    Ok(match settings.sabotage {
        Some(Sabotage::NoLimit) => sessions.build()?,
        _ => sessions.max_sessions(MOST_SESSIONS, AtLimit::EndOldest).build()?,
    })
}

/// Where ids rotate.
fn rotating<M: Configured<Settings = ServiceSettings>>(sessions: Builder<M>, settings: &Serve) -> Result<M> {
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
        Target::File | Target::AxumFile => AnyStorage::new(FileStorage::open(first(settings)?)?),
        Target::Redis | Target::AxumRedis => AnyStorage::new(redis()?.build()?),
        Target::RedisNear => AnyStorage::new(redis()?.near_cache(NearCache::default()).build()?),
        Target::RedisHash => {
            AnyStorage::new(RedisHashStorage::builder(first(settings)?).response_timeout(TIMEOUT).build()?)
        }
        Target::Sqlite => AnyStorage::new(SqliteStorage::builder(first(settings)?).response_timeout(TIMEOUT).build()?),
        Target::Postgres => {
            let builder = PostgresStorage::builder(first(settings)?).response_timeout(TIMEOUT);
            AnyStorage::new(builder.migrate_on_start(true).build()?)
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
