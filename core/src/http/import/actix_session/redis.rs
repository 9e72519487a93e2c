//! actix-session's `RedisSessionStore`.

use std::{fmt, sync::Arc};

use super::read;
use crate::{
    RedisStorage, StorageError, Timestamp,
    http::import::{PeerLookup, PeerProtection, PeerStore, PeerValue},
    storage::{StorageFuture, redis::Foreign},
};

/// The most characters of a key; actix-session makes keys of 64, and a key generator may make longer ones.
const LONGEST_KEY: usize = 512;

/// actix-session's `RedisSessionStore`.
///
/// ```
/// use gsession::http::import::{ActixSessionRedis, Import, PeerCookie};
///
/// # fn import(master_key: &[u8]) -> Result<Import, gsession::StorageError> {
/// let store = ActixSessionRedis::open("redis://127.0.0.1:6379")?;
/// Ok(Import::new(PeerCookie::actix_session(master_key), store))
/// # }
/// # let _ = import;
/// ```
#[derive(Clone)]
pub struct ActixSessionRedis {
    servers: RedisStorage,
    key: Arc<dyn Fn(&str) -> String + Send + Sync>,
}

impl ActixSessionRedis {
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
    pub fn over(servers: RedisStorage) -> Self {
        Self { servers, key: Arc::new(str::to_owned) }
    }

    /// Makes the Redis key of a session key: what was given to `RedisSessionStoreBuilder::cache_keygen`. Default: the same.
    #[must_use]
    pub fn cache_keygen(mut self, key: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.key = Arc::new(key);
        self
    }
}

impl PeerStore for ActixSessionRedis {
    fn identity<'a>(&self, cookie: &'a PeerValue) -> Option<&'a str> {
        Some(cookie.text()).filter(|text| (1..=LONGEST_KEY).contains(&text.len()))
    }

    /// Signed: a client must not name a key of its own.
    fn least_protection(&self) -> PeerProtection {
        PeerProtection::Signed
    }

    fn load<'a>(&'a self, cookie: &'a PeerValue, now: Timestamp) -> StorageFuture<'a, PeerLookup> {
        Box::pin(async move {
            Ok(match self.servers.read_foreign((self.key)(cookie.text()).as_bytes(), now).await? {
                Foreign::Absent => PeerLookup::Absent,
                Foreign::Unreadable(reason) => PeerLookup::Unreadable(reason),
                Foreign::Found { bytes, expires_at } => match std::str::from_utf8(&bytes) {
                    Ok(state) => read(state, expires_at),
                    Err(_) => PeerLookup::Unreadable("its state is not UTF-8"),
                },
            })
        })
    }

    fn remove<'a>(&'a self, cookie: &'a PeerValue) -> StorageFuture<'a, ()> {
        Box::pin(async move { self.servers.remove_foreign((self.key)(cookie.text()).as_bytes()).await })
    }
}

impl fmt::Debug for ActixSessionRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActixSessionRedis").finish_non_exhaustive()
    }
}
