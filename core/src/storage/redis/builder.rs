//! The settings of a Redis storage.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use super::{
    HashLayout, NearCache, RedisStorage, StringLayout,
    goframe::{GoFrame, GoHashes, GoStrings},
    layout::Plain,
    native::{Hashes, Native, Strings},
    server::{Address, AsyncDialer, Replicas, Servers, Settings, Target},
    shell::Shell,
};
use crate::{Codec, Limits, StorageError, StorageErrorKind};

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
    username: Option<String>,
    password: Option<String>,
    database: Option<i64>,
    prefix: Option<String>,
    goframe: bool,
    connect_timeout: Duration,
    response_timeout: Duration,
    near_cache: Option<NearCache>,
    replicas: Option<Replicas>,
    limits: Limits,
    codec: Option<Arc<dyn Codec>>,
    #[cfg(feature = "redis-tls")]
    root_certificate: Option<Vec<u8>>,
    #[cfg(feature = "redis-tls")]
    client_certificate: Option<redis::ClientTlsConfig>,
    storage: PhantomData<fn() -> S>,
}

/// Where the servers are, as it was said.
enum Place {
    Single(String),
    Cluster(Vec<String>),
    Sentinel(Vec<String>, String),
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

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("the URL is not one of a Redis server: {0}")]
    Url(String),
    #[error("the URL asks for TLS, which the feature `redis-tls` of gsession provides")]
    NoTls,
    #[error("no server was named")]
    NoServer,
    #[error("a cluster has only database 0")]
    DatabaseOfCluster,
    #[error("GoFrame's format cannot be cached near, and has a codec of its own")]
    GoFrame,
    #[error("a timeout of zero lets nothing happen")]
    ZeroTimeout,
    #[error("all servers must be reached over TCP, with or without TLS")]
    Socket,
}

impl<S> RedisBuilder<S> {
    fn new(place: Place) -> Self {
        Self {
            place,
            username: None,
            password: None,
            database: None,
            prefix: None,
            goframe: false,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            near_cache: None,
            replicas: None,
            limits: Limits::default(),
            codec: None,
            #[cfg(feature = "redis-tls")]
            root_certificate: None,
            #[cfg(feature = "redis-tls")]
            client_certificate: None,
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
        self.username = Some(name.into());
        self
    }

    /// The password. Default: the URL's, or none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The number of the database. Default: the URL's, or 0. A cluster has only 0.
    pub const fn database(mut self, number: u32) -> Self {
        self.database = Some(number as i64);
        self
    }

    /// What all keys begin with. Default: `gsession:`, and nothing in GoFrame's format. Applications that share a server must
    /// not share it.
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
    /// 20 milliseconds, doubled with each failure up to a second.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an answer may take. Default: 1 second. On the blocking face, how long each part of an answer may take.
    pub const fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Keeps sessions that were read in the process, so that reading them again asks no server; the servers tell when they
    /// change. Async use only. Default: off. See [`NearCache::trust_for`] for what that means for a logout elsewhere.
    pub const fn near_cache(mut self, cache: NearCache) -> Self {
        self.near_cache = Some(cache);
        self
    }

    /// Lets every change wait until so many replicas have it (`WAIT`), at most for `timeout`; otherwise it fails, although it
    /// may well be stored. Default: 0. Redis replicates after it has answered, so without this a failover can lose the last
    /// changes, logouts among them; with it, only a failover to a replica that was not among the confirming ones.
    pub const fn wait_for_replicas(mut self, count: u32, timeout: Duration) -> Self {
        self.replicas = if count == 0 { None } else { Some(Replicas { count, timeout }) };
        self
    }

    /// The largest session that is read and stored. Default: [`Limits::default`]. It should be no less than the manager's.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The certificate (PEM) that the servers' certificates are signed with. Default: those the system trusts.
    #[cfg(feature = "redis-tls")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificate = Some(pem.into());
        self
    }

    /// The certificate and key (PEM) to show to servers that ask for them. Default: none.
    #[cfg(feature = "redis-tls")]
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.client_certificate =
            Some(redis::ClientTlsConfig { client_cert: certificate.into(), client_key: key.into() });
        self
    }

    fn target(&self) -> Result<Target, Wrong> {
        let address = |url: &String| {
            let is_tls = url.starts_with("rediss:") || url.starts_with("valkeys:");
            if is_tls && !cfg!(feature = "redis-tls") {
                return Err(Wrong::NoTls);
            }
            let malformed =
                |error: redis::RedisError| Wrong::Url(error.detail().unwrap_or("it cannot be read").to_owned());
            let address = Address::parse(url).map_err(malformed)?;
            if address.database() < 0 {
                return Err(Wrong::Url("the number of a database is not negative".to_owned()));
            }
            Ok(address)
        };
        let log_in = |mut address: Address| {
            address.log_in(self.username.as_deref(), self.password.as_deref(), self.database);
            address
        };
        let all = |urls: &[String]| {
            let addresses = urls.iter().map(address).collect::<Result<Vec<_>, _>>()?;
            if addresses.is_empty() {
                return Err(Wrong::NoServer);
            }
            if addresses.iter().any(|address| address.host().is_none()) {
                return Err(Wrong::Socket);
            }
            Ok(addresses)
        };
        Ok(match &self.place {
            Place::Single(url) => Target::Single(log_in(address(url)?)),
            Place::Cluster(urls) => {
                let addresses: Vec<Address> = all(urls)?.into_iter().map(log_in).collect();
                if addresses.iter().any(|address| address.database() != 0) {
                    return Err(Wrong::DatabaseOfCluster);
                }
                Target::Cluster(addresses)
            }
            Place::Sentinel(urls, service) => {
                let sentinels = all(urls)?;
                let like = sentinels.first().ok_or(Wrong::NoServer)?.without_login();
                let sentinels = sentinels.into_iter().map(Address::with_database_0).collect();
                Target::Sentinel { sentinels, service: service.as_str().into(), like: log_in(like) }
            }
        })
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
        let wrong =
            |wrong: Wrong| StorageError::new(StorageErrorKind::Setup, "setting up a Redis storage").with_source(wrong);
        if self.connect_timeout.is_zero() || self.response_timeout.is_zero() {
            return Err(wrong(Wrong::ZeroTimeout));
        }
        if self.goframe && (self.near_cache.is_some() || self.codec.is_some()) {
            return Err(wrong(Wrong::GoFrame));
        }
        let target = self.target().map_err(wrong)?;
        let settings = Settings {
            connect_timeout: self.connect_timeout,
            // Waiting for replicas comes on top of answering.
            response_timeout: self
                .response_timeout
                .saturating_add(self.replicas.map_or(Duration::ZERO, |replicas| replicas.timeout)),
            near_cache: self.near_cache,
            replicas: self.replicas,
            #[cfg(feature = "redis-tls")]
            certificates: (self.root_certificate.is_some() || self.client_certificate.is_some()).then_some(
                redis::TlsCertificates { client_tls: self.client_certificate, root_cert: self.root_certificate },
            ),
        };
        let url =
            |error: redis::RedisError| wrong(Wrong::Url(error.detail().unwrap_or("it cannot be used").to_owned()));
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
