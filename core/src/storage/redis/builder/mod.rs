//! The constructors of a Redis storage, and its settings.

mod options;
mod urls;
mod validate;

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

#[cfg(feature = "redis-tls")]
use super::tls::RedisTls;
use super::{
    connection::{Connections, Replicas, Settings},
    goframe::{GoHashes, GoStrings},
    invalid_setting::InvalidSetting,
    layout::{Layout, LayoutSettings},
    native::{Hashes, Native, Strings},
    near_cache::{NearCache, OwnWrites},
    reports::Reports,
    servers::{Servers, Topology},
    storage::Redis,
};
use crate::{Codec, Limits, StorageError};
use options::Options;
use urls::Urls;

impl<L: Layout> Redis<L> {
    /// A storage with the default settings on the server at `url`. Connects once to check that the server can be used, and blocks
    /// meanwhile, no longer than the timeouts allow.
    ///
    /// `redis://[user[:password]@]host[:port][/database]`; `rediss://` for TLS (feature `redis-tls`), `unix://` for a socket.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the URL is malformed, or the server cannot be reached, is too old or refuses the login.
    pub fn open(url: &str) -> Result<Self, StorageError> {
        let storage = Self::builder(url).build()?;
        storage.check()?;
        Ok(storage)
    }

    /// A storage with other settings on the server at `url`.
    pub fn builder(url: &str) -> RedisBuilder<L> {
        RedisBuilder::new(Urls::Single(url.to_owned()))
    }

    /// A storage on the cluster that the servers at `urls` belong to.
    pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> RedisBuilder<L> {
        RedisBuilder::new(Urls::Cluster(urls.into_iter().map(Into::into).collect()))
    }

    /// A storage on the primary of `service`, which the Sentinels at `urls` name.
    pub fn sentinel<U: Into<String>>(urls: impl IntoIterator<Item = U>, service: &str) -> RedisBuilder<L> {
        RedisBuilder::new(Urls::Sentinel(urls.into_iter().map(Into::into).collect(), service.to_owned()))
    }
}

/// Settings of a storage with the layout `L`: a [`RedisStorage`](super::RedisStorage) or a
/// [`RedisHashStorage`](super::RedisHashStorage). The storage connects when it is first used; [`check`](Redis::check) connects at
/// once.
///
/// ```
/// use std::time::Duration;
/// use gsession::{RedisStorage, storage::redis::NearCache};
///
/// let storage = RedisStorage::builder("redis://127.0.0.1:6379/0")
///     .password("secret")
///     .key_prefix("shop:session:")
///     .response_timeout(Duration::from_millis(300))
///     .near_cache(NearCache::default())
///     .build()?;
/// # let _ = storage;
/// # Ok::<(), gsession::StorageError>(())
/// ```
#[must_use]
pub struct RedisBuilder<L> {
    options: Options,
    layout: PhantomData<fn() -> L>,
}

impl<L> RedisBuilder<L> {
    fn new(urls: Urls) -> Self {
        Self { options: Options::new(urls), layout: PhantomData }
    }

    /// The user (Redis ACL) to log in as. Default: the URL's, or none. With Sentinels, the URLs hold the login for the Sentinels;
    /// this and the next two settings are for the servers.
    pub fn username(mut self, name: impl Into<String>) -> Self {
        self.options.login.username = Some(name.into());
        self
    }

    /// The password. Default: the URL's, or none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.options.login.password = Some(password.into());
        self
    }

    /// The number of the database. Default: the URL's, or 0. A cluster has only 0. At most 2,147,483,647; most servers have 16.
    pub const fn database(mut self, number: u32) -> Self {
        self.options.login.database = Some(number);
        self
    }

    /// What all keys begin with, at most 1024 bytes. Default: `gsession:`. Applications that share a server need different prefixes.
    /// In a cluster, a part in braces (`{…}`) puts all sessions on one node.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.options.prefix = Some(prefix.into());
        self
    }

    /// How long connecting may take, with the login. Default: 1 second. After a failure, a thread leaves the server alone for
    /// 20 milliseconds, doubled with each failure up to a second. At least a millisecond; [`Duration::MAX`] waits for ever.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// How long an answer may take; with blocking use, each part of an answer. Default: 1 second. At least a millisecond; [`Duration::MAX`] waits for ever.
    pub const fn response_timeout(mut self, timeout: Duration) -> Self {
        self.options.response_timeout = timeout;
        self
    }

    /// A connection that has received nothing for longer than this is tested with a `PING` before it is used, unless others are
    /// waiting for an answer on it. Default: 1 second. [`Duration::ZERO`]: before every such use; [`Duration::MAX`]: never.
    ///
    /// A load balancer or firewall may drop an idle connection without notice (AWS after 350 seconds, Azure after 4 minutes);
    /// what is sent over it is lost. If there is no answer within half the response timeout, at most half a second, a new
    /// connection replaces it and serves the request. If the new one cannot be made in time either, the server is slow, and the
    /// request uses the old one, within the response timeout.
    ///
    /// Sentinels are asked every second. Their connections are tested after 10 seconds, or after this time if it is longer than
    /// that, or shorter than a second.
    pub const fn probe_after(mut self, idle: Duration) -> Self {
        self.options.probe_after = idle;
        self
    }

    /// Makes every change wait until this many replicas have it (`WAIT`), for at most `timeout`. If they don't confirm in time, the
    /// change fails, although it may be stored. Default: 0. At most 1000 replicas, and from a millisecond to an hour. Redis
    /// replicates after it has answered, so without this a failover can lose the last changes, logouts among them; with it, only
    /// a failover to a replica that did not confirm can.
    pub const fn wait_for_replicas(mut self, count: u32, timeout: Duration) -> Self {
        self.options.replicas = if count == 0 { None } else { Some(Replicas { count, timeout }) };
        self
    }

    /// How long, plus the timeouts, the end of a session may go unnoticed by those who wait for it
    /// ([`ended`](crate::AsyncSession#method.ended)) while the connection over which the servers report it is cut off or silent. Default: 5 seconds. At
    /// least a millisecond. The [module](super) says what waiting costs.
    pub const fn watch_interval(mut self, interval: Duration) -> Self {
        self.options.watch_interval = interval;
        self
    }

    /// The largest session that is read and stored. Default: [`Limits::default`]. It should be no less than the manager's.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// The certificates (PEM) of the CAs that signed the servers' certificates. Default: those that the system trusts. See
    /// [`RedisTls::root_certificate`].
    #[cfg(feature = "redis-tls")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.options.tls = self.options.tls.root_certificate(pem);
        self
    }

    /// The certificate and key (PEM) to show to servers that ask for them. Default: none. See [`RedisTls::client_certificate`].
    #[cfg(feature = "redis-tls")]
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.options.tls = self.options.tls.client_certificate(certificate, key);
        self
    }

    /// Accepts any certificate. Default: off. **Anyone in between can read and change everything then**: see
    /// [`RedisTls::danger_accept_invalid_certificates`].
    #[cfg(feature = "redis-tls")]
    pub fn danger_accept_invalid_certificates(mut self) -> Self {
        self.options.tls = self.options.tls.danger_accept_invalid_certificates();
        self
    }

    /// The TLS settings for the Sentinels, if their URLs begin with `rediss://`. Default: those for the servers.
    #[cfg(feature = "redis-tls")]
    pub fn sentinel_tls(mut self, tls: RedisTls) -> Self {
        self.options.sentinel_tls = Some(tls);
        self
    }

    /// Whether to use TLS for the servers that the Sentinels name. Default: if the first Sentinel's URL begins with `rediss://`.
    ///
    /// ```
    /// use gsession::RedisStorage;
    ///
    /// # fn storage(ca: &str) -> Result<RedisStorage, gsession::StorageError> {
    /// // Sentinels without TLS, servers with it, signed by a CA of your own.
    /// RedisStorage::sentinel(["redis://10.0.0.1:26379"], "main").server_tls(true).root_certificate(ca).build()
    /// # }
    /// ```
    #[cfg(feature = "redis-tls")]
    pub const fn server_tls(mut self, tls: bool) -> Self {
        self.options.server_tls = Some(tls);
        self
    }
}

impl<L: Layout> RedisBuilder<L> {
    /// Checks the settings and makes the storage, without connecting.
    ///
    /// # Errors
    ///
    /// [`StorageError`] of the kind [`Setup`](crate::StorageErrorKind::Setup) if a URL is malformed or a setting cannot work.
    pub fn build(self) -> Result<Redis<L>, StorageError> {
        let options = self.options;
        let target = options.target().map_err(InvalidSetting::into_error)?;
        let settings = Settings {
            connect_timeout: options.connect_timeout,
            // Waiting for replicas comes on top of answering.
            response_timeout: options
                .response_timeout
                .saturating_add(options.replicas.map_or(Duration::ZERO, |replicas| replicas.timeout)),
            probe_after: options.probe_after,
            near_cache: options.near_cache,
            keeps_sessions: true,
            replicas: options.replicas,
            #[cfg(feature = "redis-tls")]
            tls: options.tls,
        };
        let topology = Topology::new(target, &settings).map_err(|error| {
            InvalidSetting::Url(error.detail().unwrap_or("it cannot be used").to_owned()).into_error()
        })?;
        let topology = Arc::new(topology);
        let layout = Arc::new(L::new(LayoutSettings {
            prefix: options.prefix,
            limits: options.limits,
            codec: options.codec,
            has_near_cache: options.near_cache.is_some(),
        })?);
        let near_cache = options.near_cache.map(|near_cache| (near_cache, Arc::new(OwnWrites::new())));
        let own_writes = near_cache.as_ref().map(|(_, own_writes)| Arc::clone(own_writes));
        let blocking = Servers::new(Arc::clone(&topology), &settings, Connections::blocking());
        let names = Arc::clone(&layout);
        let reports = Reports::new(
            Arc::clone(&topology),
            &settings,
            own_writes.clone(),
            move |key| names.name(key),
            options.watch_interval,
        );
        let asynchronous = Servers::new(topology, &settings, Connections::asynchronous(near_cache));
        Ok(Redis::new(layout, blocking, asynchronous, own_writes, reports))
    }
}

impl<L: Native> RedisBuilder<L> {
    /// Keeps sessions that were read in the process, so that reading them again asks no server. The servers report changes. Async use
    /// only. Default: off. [`NearCache::trust_for`] describes what this means for a logout elsewhere.
    pub const fn near_cache(mut self, cache: NearCache) -> Self {
        self.options.near_cache = Some(cache);
        self
    }
}

impl RedisBuilder<Strings> {
    /// How records become bytes, for example encrypted ones. Default: [`BincodeCodec`](crate::BincodeCodec). With another
    /// codec every change rewrites the session, so that a write without a read costs two round trips instead of one.
    pub fn codec(mut self, codec: impl Codec + 'static) -> Self {
        self.options.codec = Some(Arc::new(codec));
        self
    }

    /// Keeps sessions exactly as GoFrame's `StorageRedis` does, so that a GoFrame service can share them: see the guide in
    /// [`coming_from_goframe`](crate::coming_from_goframe).
    ///
    /// The default key prefix is empty. The raw ids are the keys: anyone who can read the server can take over sessions, and
    /// clients choose keys, within what the manager's generator accepts ([`GoFrameIds`](crate::GoFrameIds): 32 characters of
    /// `0-9a-z`). Give the sessions a prefix or a database of their own. There are no principals, no absolute lifetimes, no codec
    /// and no near cache. Between requests of this storage nothing is lost, but GoFrame itself overwrites what others have
    /// changed meanwhile.
    pub fn goframe(self) -> RedisBuilder<GoStrings> {
        RedisBuilder { options: self.options, layout: PhantomData }
    }
}

impl RedisBuilder<Hashes> {
    /// Keeps sessions exactly as GoFrame's `StorageRedisHashTable` does. Everything else is as for strings: see
    /// [`goframe`](RedisBuilder::<Strings>::goframe) there.
    pub fn goframe(self) -> RedisBuilder<GoHashes> {
        RedisBuilder { options: self.options, layout: PhantomData }
    }
}

impl<L> fmt::Debug for RedisBuilder<L> {
    /// Without the URLs and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBuilder").field("prefix", &self.options.prefix).finish_non_exhaustive()
    }
}
