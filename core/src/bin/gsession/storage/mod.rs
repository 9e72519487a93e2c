//! The storage that the command line names.

mod destination;
mod folder;
mod login;
mod redis;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Id, ValueEnum, error::ErrorKind};
use gsession::{AnyStorage, Limits};

pub(crate) use self::destination::Destination;
use crate::failure::{Failure, usage};

#[derive(Args)]
#[command(next_help_heading = "Storage")]
pub(crate) struct StorageOptions {
    /// Where the sessions are: `file:PATH`, `redis://[user@]host[:port][/database]`, `rediss://…` for TLS, or `unix:///path/to/socket`.
    ///
    /// For Sentinels or a cluster, give it once for each server, or several in the environment variable, with spaces in between. A
    /// command line is visible to every user of the machine, so do not write a password into it: use the environment variable, or
    /// GSESSION_PASSWORD, or --password-file.
    #[arg(long, global = true, value_name = "URL", env = "GSESSION_STORAGE", hide_env_values = true)]
    pub(crate) storage: Vec<String>,

    /// The format of the sessions in Redis [default: strings].
    #[arg(long, global = true, value_enum, env = "GSESSION_LAYOUT")]
    pub(crate) layout: Option<Layout>,

    /// What the keys in Redis begin with [default: `gsession:`, or nothing in GoFrame's formats].
    #[arg(long, global = true, env = "GSESSION_PREFIX")]
    pub(crate) prefix: Option<String>,

    /// The servers are Sentinels: the name of the service that they watch.
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME", conflicts_with = "cluster")]
    pub(crate) sentinel: Option<String>,

    /// The servers belong to a cluster.
    #[arg(long, global = true)]
    pub(crate) cluster: bool,

    /// The user to log in to Redis as, if the URL does not say.
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME", env = "GSESSION_USERNAME")]
    pub(crate) username: Option<String>,

    /// A file whose first line is the password for Redis, if the URL has none. The environment variable GSESSION_PASSWORD can hold it
    /// instead.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) password_file: Option<PathBuf>,

    /// The number of the database in Redis, if the URL does not say.
    #[arg(long, global = true, hide_short_help = true, value_name = "NUMBER")]
    pub(crate) database: Option<u32>,

    /// A file with the certificates of the CAs that vouch for the servers, in PEM [default: those that the system trusts].
    #[arg(long, global = true, hide_short_help = true, value_name = "PATH")]
    pub(crate) root_certificate: Option<PathBuf>,

    /// A file with the certificate to show to the servers, in PEM.
    #[arg(long, global = true, hide_short_help = true, value_name = "PATH", requires = "client_key")]
    pub(crate) client_certificate: Option<PathBuf>,

    /// A file with the key of that certificate, in PEM.
    #[arg(long, global = true, hide_short_help = true, value_name = "PATH", requires = "client_certificate")]
    pub(crate) client_key: Option<PathBuf>,

    /// Whether the servers that the Sentinels name speak TLS [default: as the first Sentinel].
    #[arg(long, global = true, hide_short_help = true, value_name = "BOOL")]
    pub(crate) server_tls: Option<bool>,

    /// How long connecting to Redis may take, and how long each answer; in a folder, how long another process may hold a lock.
    #[arg(long, global = true, hide_short_help = true, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    /// The environment variable with the password.
    #[arg(skip = PASSWORD)]
    password_variable: &'static str,

    /// What was typed, and did not come from the environment.
    #[arg(skip)]
    pub(crate) typed: Vec<Id>,
}

/// The formats of sessions in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// One string for each session: `RedisStorage`.
    Strings,
    /// One hash for each session: `RedisHashStorage`.
    #[value(alias = "hash")]
    Hashes,
    /// GoFrame's `StorageRedis`.
    GoframeStrings,
    /// GoFrame's `StorageRedisHashTable`.
    #[value(alias = "goframe-hash")]
    GoframeHashes,
}

/// The password, if nothing else says it.
const PASSWORD: &str = "GSESSION_PASSWORD";

/// The most that can be, so that no session is unreadable here that is readable to its service.
const LIMITS: fn() -> Limits = || {
    let limits = Limits::default().max_entries(usize::MAX).max_key_bytes(usize::MAX).max_value_bytes(usize::MAX);
    limits.max_record_bytes(usize::MAX).max_depth(usize::MAX).max_principal_bytes(usize::MAX)
};

/// The options that mean nothing to a folder.
const OF_REDIS: [&str; 11] = [
    "layout",
    "prefix",
    "sentinel",
    "cluster",
    "username",
    "password_file",
    "database",
    "root_certificate",
    "client_certificate",
    "client_key",
    "server_tls",
];

impl StorageOptions {
    /// Opens the storage. Nothing is created, and Redis is not asked yet.
    pub(crate) fn open(&self) -> Result<AnyStorage, Failure> {
        let urls = self.urls();
        let wrong = |message: &str| Err(Failure::Usage(usage(ErrorKind::InvalidValue, message)));
        match urls.as_slice() {
            [] => Err(usage(
                ErrorKind::MissingRequiredArgument,
                "no storage is named: add --storage file:PATH or --storage redis://…, or set GSESSION_STORAGE",
            )
            .into()),
            [url] if folder::is_url(url) => {
                if let Some(option) = self.first_of_redis() {
                    return wrong(&format!("--{} is for Redis, and the storage is a folder", option.replace('_', "-")));
                }
                folder::open(url, self.timeout())
            }
            urls if urls.iter().all(|url| redis::is_url(url)) => self.open_redis(urls),
            _ => wrong(
                "a storage URL begins with file:, redis://, rediss:// or unix://; several must all be those of Redis servers",
            ),
        }
    }

    /// The URLs; those of servers may share one text.
    fn urls(&self) -> Vec<&str> {
        let parts = |text: &'_ str| text.split_whitespace().count() > 1 && !folder::is_url(text.trim_start());
        let split = |text| -> Vec<&str> { if parts(text) { text.split_whitespace().collect() } else { vec![text] } };
        self.storage.iter().filter(|text| !text.trim().is_empty()).flat_map(|text| split(text)).collect()
    }

    /// An option that means nothing to a folder. The environment may hold it for another storage; there it is ignored.
    fn first_of_redis(&self) -> Option<&'static str> {
        OF_REDIS.into_iter().find(|name| self.typed.iter().any(|id| id.as_str() == *name))
    }

    const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

impl std::fmt::Debug for StorageOptions {
    /// Without the URLs, which may hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StorageOptions")
            .field("layout", &self.layout)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
