//! What is wrong with the settings of a Redis storage, and within which bounds they work.

use std::{fmt, time::Duration};

use super::server::Replicas;

/// Less than a server needs in the same room.
const SHORTEST: Duration = Duration::from_millis(1);
/// Nobody waits longer for a change to be confirmed, and the server would have to.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// More than any server has.
const MOST_REPLICAS: u32 = 1000;
/// The server counts its databases in an `int`.
const LAST_DATABASE: i64 = i32::MAX as i64;
/// The prefix is part of every key, and is sent with every command.
const LONGEST_PREFIX: usize = 1024;

/// A setting that cannot work, or two that contradict each other.
#[derive(thiserror::Error)]
pub(super) enum InvalidSetting {
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
    #[error("GoFrame's format cannot be cached near, and has a codec of its own")]
    GoFrame,
    #[error("`{0}`: with less than a millisecond nothing would ever be done in time")]
    TooShort(&'static str),
    #[error("`wait_for_replicas`: at most {MOST_REPLICAS} replicas, and at most an hour")]
    Replicas,
    #[error("`key_prefix` has more than {LONGEST_PREFIX} bytes")]
    Prefix,
    #[error("all servers must be reached over TCP, with or without TLS")]
    Socket,
}

impl fmt::Debug for InvalidSetting {
    /// The text: `main` prints the error that it returns with `Debug`, and that is where you look for the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(super) fn check_timeout(name: &'static str, timeout: Duration) -> Result<(), InvalidSetting> {
    if timeout < SHORTEST { Err(InvalidSetting::TooShort(name)) } else { Ok(()) }
}

pub(super) fn check_replicas(replicas: Replicas) -> Result<(), InvalidSetting> {
    // The server takes 0 milliseconds as for ever.
    check_timeout("wait_for_replicas", replicas.timeout)?;
    if replicas.count > MOST_REPLICAS || replicas.timeout > LONGEST_WAIT {
        return Err(InvalidSetting::Replicas);
    }
    Ok(())
}

pub(super) fn check_database(number: i64) -> Result<(), InvalidSetting> {
    if (0..=LAST_DATABASE).contains(&number) { Ok(()) } else { Err(InvalidSetting::Database) }
}

pub(super) fn check_prefix(prefix: &str) -> Result<(), InvalidSetting> {
    if prefix.len() > LONGEST_PREFIX { Err(InvalidSetting::Prefix) } else { Ok(()) }
}
