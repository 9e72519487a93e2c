//! The settings of a Redis storage.

mod check;
mod place;

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

#[cfg(feature = "redis-tls")]
use super::tls::RedisTls;
use super::{
    HashLayout, NearCache, RedisStorage, StringLayout,
    goframe::{GoFrame, GoHashes, GoStrings},
    invalid_setting::InvalidSetting,
    layout::Plain,
    native::{Hashes, Native, Strings},
    server::{AsyncDialer, Replicas, Servers, Settings},
    shell::Shell,
};
use crate::{Codec, Limits, StorageError, StorageErrorKind};
use place::{Login, Place};

/// Settings of a [`RedisStorage`] or a [`RedisHashStorage`](super::RedisHashStorage). Nothing is connected to before the
/// storage is used; [`check`](RedisStorage::check) does it at once.
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
pub struct RedisBuilder<S> {
    place: Place,
    login: Login,
    prefix: Option<String>,
    goframe: bool,
    connect_timeout: Duration,
    response_timeout: Duration,
    probe_after: Duration,
    near_cache: Option<NearCache>,
    replicas: Option<Replicas>,
    limits: Limits,
    codec: Option<Arc<dyn Codec>>,
    #[cfg(feature = "redis-tls")]
    tls: RedisTls,
    #[cfg(feature = "redis-tls")]
    sentinel_tls: Option<RedisTls>,
    #[cfg(feature = "redis-tls")]
    server_tls: Option<bool>,
    storage: PhantomData<fn() -> S>,
}

/// A storage that a builder makes.
pub(super) trait Built: Sized {
    type Layout: MadeFrom;

    fn from_shell(shell: Shell<Self::Layout>) -> Self;
}

/// A layout that is made from a builder's settings.
pub(super) trait MadeFrom: Plain + Sized {
    fn own(prefix: &str, limits: Limits, codec: Option<Arc<dyn Codec>>) -> Result<Self, StorageError>;

    fn goframe(prefix: &str, limits: Limits) -> Self;
}

impl MadeFrom for StringLayout {
    fn own(prefix: &str, limits: Limits, codec: Option<Arc<dyn Codec>>) -> Result<Self, StorageError> {
        Ok(Self::Own(Native::new(prefix, limits, Strings::new(codec))?))
    }

    fn goframe(prefix: &str, limits: Limits) -> Self {
        Self::GoFrame(GoFrame::new(prefix, limits, GoStrings))
    }
}

impl MadeFrom for HashLayout {
    fn own(prefix: &str, limits: Limits, _no_codec: Option<Arc<dyn Codec>>) -> Result<Self, StorageError> {
        Ok(Self::Own(Native::new(prefix, limits, Hashes)?))
    }

    fn goframe(prefix: &str, limits: Limits) -> Self {
        Self::GoFrame(GoFrame::new(prefix, limits, GoHashes))
    }
}

impl<S> RedisBuilder<S> {
    fn new(place: Place) -> Self {
        Self {
            place,
            login: Login::default(),
            prefix: None,
            goframe: false,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            probe_after: Duration::from_secs(1),
            near_cache: None,
            replicas: None,
            limits: Limits::default(),
            codec: None,
            #[cfg(feature = "redis-tls")]
            tls: RedisTls::default(),
            #[cfg(feature = "redis-tls")]
            sentinel_tls: None,
            #[cfg(feature = "redis-tls")]
            server_tls: None,
            storage: PhantomData,
        }
    }

    pub(super) fn single(url: &str) -> Self {
        Self::new(Place::Single(url.to_owned()))
    }

    pub(super) fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> Self {
        Self::new(Place::Cluster(urls.into_iter().map(Into::into).collect()))
    }

    pub(super) fn sentinel<U: Into<String>>(urls: impl IntoIterator<Item = U>, service: &str) -> Self {
        Self::new(Place::Sentinel(urls.into_iter().map(Into::into).collect(), service.to_owned()))
    }

    /// The user (Redis ACL) to log in as. Default: the URL's, or none. With Sentinels, the URLs say how to log into the
    /// Sentinels, and this and the next two settings how to log into the servers.
    pub fn username(mut self, name: impl Into<String>) -> Self {
        self.login.username = Some(name.into());
        self
    }

    /// The password. Default: the URL's, or none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.login.password = Some(password.into());
        self
    }

    /// The number of the database. Default: the URL's, or 0. A cluster has only 0. At most 2,147,483,647; most servers have 16.
    pub const fn database(mut self, number: u32) -> Self {
        self.login.database = Some(number);
        self
    }

    /// What all keys begin with, at most 1024 bytes. Default: `gsession:`, and nothing in GoFrame's format. Applications that share
    /// a server must not share it. In a cluster, a part in braces (`{…}`) puts all sessions on one node.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Keeps sessions exactly as GoFrame's `StorageRedis` and `StorageRedisHashTable` do, so that a GoFrame service can share
    /// them: see the guide in [`coming_from_goframe`](crate::coming_from_goframe). Default: off.
    ///
    /// The raw ids are the keys: anybody who can read the server can take over sessions, and clients choose keys, within what the
    /// manager's generator accepts ([`GoFrameIds`](crate::GoFrameIds): 32 characters of `0-9a-z`). Give the sessions a prefix or a
    /// database of their own. There are no principals, no absolute lifetimes and no near cache. Between requests of this storage
    /// nothing is lost, but GoFrame itself overwrites what others have changed meanwhile.
    pub const fn goframe(mut self) -> Self {
        self.goframe = true;
        self
    }

    /// How long connecting may take, with the login. Default: 1 second. After a failure, a thread leaves the server alone for
    /// 20 milliseconds, doubled with each failure up to a second. At least a millisecond; with [`Duration::MAX`] it waits for ever.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an answer may take. Default: 1 second. On the blocking face, how long each part of an answer may take. At least a
    /// millisecond; with [`Duration::MAX`] it waits for ever.
    pub const fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// A connection that nothing was heard on for longer than this is tried out (`PING`) before it is used, unless others wait for
    /// an answer on it. Default: 1 second. [`Duration::ZERO`]: before every such use; [`Duration::MAX`]: never.
    ///
    /// A load balancer or firewall may forget an idle connection without telling anybody (AWS after 350 seconds, Azure after
    /// 4 minutes): what is sent over it then vanishes. If there is no answer within half the response timeout, at most half a
    /// second, a new connection takes its place, and the request is served over that one. If the new one is not answered in time
    /// either, the server is slow, and the request waits over the old one within the response timeout.
    ///
    /// Sentinels are asked every second, and their connections are tried out after 10 seconds, or this, if it is longer, or shorter
    /// than a second.
    pub const fn probe_after(mut self, idle: Duration) -> Self {
        self.probe_after = idle;
        self
    }

    /// Keeps sessions that were read in the process, so that reading them again asks no server; the servers tell when they
    /// change. Async use only. Default: off. See [`NearCache::trust_for`] for what that means for a logout elsewhere.
    pub const fn near_cache(mut self, cache: NearCache) -> Self {
        self.near_cache = Some(cache);
        self
    }

    /// Lets every change wait until so many replicas have it (`WAIT`), at most for `timeout`; otherwise it fails,
    /// although it may well be stored. Default: 0. At most 1000 replicas, and from a millisecond to an hour. Redis
    /// replicates after it has answered, so without this a failover can lose the last changes, logouts among them;
    /// with it, only a failover to a replica that was not among the confirming ones.
    pub const fn wait_for_replicas(mut self, count: u32, timeout: Duration) -> Self {
        self.replicas = if count == 0 { None } else { Some(Replicas { count, timeout }) };
        self
    }

    /// The largest session that is read and stored. Default: [`Limits::default`]. It should be no less than the manager's.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The certificates (PEM) of the CAs that have signed the servers' certificates. Default: those that the system trusts. See
    /// [`RedisTls::root_certificate`].
    #[cfg(feature = "redis-tls")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls = self.tls.root_certificate(pem);
        self
    }

    /// The certificate and key (PEM) to show to servers that ask for them. Default: none. See [`RedisTls::client_certificate`].
    #[cfg(feature = "redis-tls")]
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.tls = self.tls.client_certificate(certificate, key);
        self
    }

    /// Accepts whatever certificate a server shows. Default: off. **Anyone in between can read and change everything then**: see
    /// [`RedisTls::danger_accept_invalid_certificates`].
    #[cfg(feature = "redis-tls")]
    pub fn danger_accept_invalid_certificates(mut self) -> Self {
        self.tls = self.tls.danger_accept_invalid_certificates();
        self
    }

    /// How TLS is spoken to the Sentinels, if their URLs begin with `rediss://`. Default: as to the servers, with their
    /// certificates.
    #[cfg(feature = "redis-tls")]
    pub fn sentinel_tls(mut self, tls: RedisTls) -> Self {
        self.sentinel_tls = Some(tls);
        self
    }

    /// Whether the servers that the Sentinels name are reached over TLS. Default: if the first Sentinel's URL begins with
    /// `rediss://`.
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
        self.server_tls = Some(tls);
        self
    }
}

#[allow(private_bounds, reason = "which storages there are is not for users to add to")]
impl<S: Built> RedisBuilder<S> {
    /// Checks the settings and makes the storage, without connecting.
    ///
    /// # Errors
    ///
    /// [`StorageError`] of the kind [`Setup`](StorageErrorKind::Setup) if a URL is malformed or a setting cannot work.
    pub fn build(self) -> Result<S, StorageError> {
        let invalid = |setting: InvalidSetting| {
            StorageError::new(StorageErrorKind::Setup, "setting up a Redis storage").with_source(setting)
        };
        let target = self.check().map_err(invalid)?;
        let settings = Settings {
            connect_timeout: self.connect_timeout,
            // Waiting for replicas comes on top of answering.
            response_timeout: self
                .response_timeout
                .saturating_add(self.replicas.map_or(Duration::ZERO, |replicas| replicas.timeout)),
            probe_after: self.probe_after,
            near_cache: self.near_cache,
            replicas: self.replicas,
            #[cfg(feature = "redis-tls")]
            tls: self.tls,
        };
        let url = |error: redis::RedisError| {
            invalid(InvalidSetting::Url(error.detail().unwrap_or("it cannot be used").to_owned()))
        };
        let servers = Servers::new(target, settings).map_err(url)?;
        let layout = if self.goframe {
            S::Layout::goframe(self.prefix.as_deref().unwrap_or_default(), self.limits)
        } else {
            S::Layout::own(self.prefix.as_deref().unwrap_or("gsession:"), self.limits, self.codec)?
        };
        Ok(S::from_shell(Shell::new(servers, AsyncDialer::new(self.near_cache), layout)))
    }
}

impl RedisBuilder<RedisStorage> {
    /// How records become bytes, for example encrypted ones. Default: [`BincodeCodec`](crate::BincodeCodec). With another
    /// codec every change rewrites the session, so that a write without a read costs two round trips instead of one.
    pub fn codec(mut self, codec: impl Codec + 'static) -> Self {
        self.codec = Some(Arc::new(codec));
        self
    }
}

impl<S> fmt::Debug for RedisBuilder<S> {
    /// Without the URLs and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
