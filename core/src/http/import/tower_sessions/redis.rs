//! `tower-sessions-redis-store`.

use super::record::TowerSessionsRecord;
use crate::{
    RedisStorage, StorageError, Timestamp,
    http::import::{PeerLookup, PeerStore, PeerValue},
    storage::{StorageFuture, redis::Foreign},
};

/// The store of the crate `tower-sessions-redis-store`.
///
/// ```
/// use gsession::http::import::{Import, PeerCookie, TowerSessionsRedis};
///
/// let store = TowerSessionsRedis::open("redis://127.0.0.1:6379")?;
/// let import = Import::new(PeerCookie::tower_sessions(), store);
/// # let _ = import;
/// # Ok::<(), gsession::StorageError>(())
/// ```
#[derive(Clone)]
pub struct TowerSessionsRedis {
    servers: RedisStorage,
}

impl TowerSessionsRedis {
    /// On the server at `url`, as for [`RedisStorage::open`](crate::RedisStorage), without connecting yet.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the URL is malformed.
    pub fn open(url: &str) -> Result<Self, StorageError> {
        Ok(Self::over(RedisStorage::builder(url).build()?))
    }

    /// Over the connections of this storage, for servers that need more than a URL: timeouts, TLS, Sentinel, a cluster. Its key prefix
    /// does not matter here.
    #[must_use]
    pub const fn over(servers: RedisStorage) -> Self {
        Self { servers }
    }
}

impl PeerStore for TowerSessionsRedis {
    fn identity<'a>(&self, cookie: &'a PeerValue) -> Option<&'a str> {
        TowerSessionsRecord::identity(cookie)
    }

    fn load<'a>(&'a self, cookie: &'a PeerValue, now: Timestamp) -> StorageFuture<'a, PeerLookup> {
        Box::pin(async move {
            Ok(match self.servers.read_foreign(cookie.text().as_bytes(), now).await? {
                Foreign::Absent => PeerLookup::Absent,
                Foreign::Unreadable(reason) => PeerLookup::Unreadable(reason),
                Foreign::Found { bytes, .. } => TowerSessionsRecord::read(&bytes, cookie, now),
            })
        })
    }

    fn remove<'a>(&'a self, cookie: &'a PeerValue) -> StorageFuture<'a, ()> {
        Box::pin(async move { self.servers.remove_foreign(cookie.text().as_bytes()).await })
    }
}

impl std::fmt::Debug for TowerSessionsRedis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TowerSessionsRedis").finish_non_exhaustive()
    }
}
