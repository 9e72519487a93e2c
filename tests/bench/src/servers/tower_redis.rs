//! tower-sessions with its Redis storage.

use anyhow::{Context as _, Result};
use tower_sessions_redis_store::{
    RedisStore,
    fred::prelude::{ClientLike as _, Config, Pool},
};

use super::tower_014;

pub(super) fn serve(url: &str) -> Result<()> {
    tower_014::serve(async {
        // One connection, as the one worker of the others has.
        let pool = Pool::new(Config::from_url(url)?, None, None, None, 1)?;
        pool.connect();
        pool.wait_for_connect().await.context("connecting to Redis")?;
        Ok(RedisStore::new(pool))
    })
}
