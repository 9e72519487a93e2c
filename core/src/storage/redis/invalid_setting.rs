//! What can be wrong with the settings of a Redis storage.

use std::fmt;

use crate::storage::{StorageError, StorageErrorKind};

/// More than any server has.
pub(super) const MOST_REPLICAS: u32 = 1000;
/// Servers count their databases in an `int`.
pub(super) const LAST_DATABASE: i64 = i32::MAX as i64;
/// The prefix is part of every key, and is sent with every command.
pub(super) const LONGEST_PREFIX: usize = 1024;

/// A setting that cannot work, or two that contradict each other.
#[derive(thiserror::Error)]
pub(crate) enum InvalidSetting {
    #[error(
        "the URL is not one of a Redis server: {0}; it looks like redis://user:password@host:port/database, where \
         characters such as / ? # @ % in the password are percent-encoded, unless `password` is given it"
    )]
    Url(String),
    #[error("the URL has a #, which means nothing to a Redis server; in a password it is written %23")]
    Fragment,
    #[cfg(not(feature = "redis-tls"))]
    #[error(
        "the URL asks for TLS, which this build cannot speak: turn on the feature `redis-tls` of gsession \
         (`gsession = {{ version = \"…\", features = [\"redis-tls\"] }}`)"
    )]
    NoTls,
    #[cfg(feature = "redis-tls")]
    #[error(
        "the URL ends in #insecure, which accepts every certificate; to say so, call \
         `danger_accept_invalid_certificates` on the builder, or set `root_certificate`"
    )]
    Insecure,
    #[cfg(feature = "redis-tls")]
    #[error("`{0}` is set, but no URL asks for TLS (rediss://)")]
    TlsUnused(&'static str),
    #[cfg(feature = "redis-tls")]
    #[error("`{0}` is for storages that Sentinels lead to")]
    NoSentinels(&'static str),
    #[cfg(feature = "redis-tls")]
    #[error("`danger_accept_invalid_certificates` makes `root_certificate` meaningless: set one of them")]
    RootAndAll,
    #[cfg(feature = "redis-tls")]
    #[error("`{0}` holds no certificate in PEM")]
    NoCertificate(&'static str),
    #[cfg(feature = "redis-tls")]
    #[error("`client_certificate` holds no private key in PEM")]
    NoKey,
    #[error("no server was named")]
    NoServer,
    #[error("a cluster has only database 0")]
    DatabaseOfCluster,
    #[error("`database`: numbers go from 0 to {LAST_DATABASE}")]
    Database,
    /// The layout cannot do what a setting asks for.
    #[error("{0}")]
    Layout(&'static str),
    #[error("`{0}`: with less than a millisecond nothing would ever be done in time")]
    TooShort(&'static str),
    #[error("`wait_for_replicas`: at most {MOST_REPLICAS} replicas, and at most an hour")]
    Replicas,
    #[error("`key_prefix` has more than {LONGEST_PREFIX} bytes")]
    Prefix,
    #[error("all servers must be reached over TCP, with or without TLS")]
    Socket,
}

impl InvalidSetting {
    pub(crate) fn into_error(self) -> StorageError {
        StorageError::new(StorageErrorKind::Setup, "setting up a Redis storage").with_source(self)
    }
}

impl fmt::Debug for InvalidSetting {
    /// As `Display`: `main` prints the error it returns with `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
