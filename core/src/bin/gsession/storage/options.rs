//! What the command line and the environment say of a storage.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Id, ValueEnum};
use gsession::Limits;

#[derive(Args)]
#[command(next_help_heading = "Storage")]
pub(crate) struct StorageOptions {
    /// Where the sessions are: `file:PATH`, `sqlite:PATH`, `postgres://[user@]host[:port]/database`,
    /// `redis://[user@]host[:port][/database]`, `rediss://…` for TLS, or `unix:///path/to/socket`.
    ///
    /// For Redis Sentinels or a cluster, give it once for each server, or several in the environment variable, with spaces in between. A
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

    /// What the names of the tables begin with [default: `gsession_`].
    #[arg(long, global = true, env = "GSESSION_TABLE_PREFIX", value_name = "PREFIX")]
    pub(crate) table_prefix: Option<String>,

    /// The schema of the tables in Postgres [default: the first of the user's `search_path`].
    #[arg(long, global = true, hide_short_help = true, env = "GSESSION_SCHEMA", value_name = "NAME")]
    pub(crate) schema: Option<String>,

    /// The user to log in to the server as, if the URL does not say.
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME", env = "GSESSION_USERNAME")]
    pub(crate) username: Option<String>,

    /// A file whose first line is the password for the server, if the URL has none. The environment variable GSESSION_PASSWORD can hold it
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

    /// How long connecting to a server may take, and how long each answer; in a folder, how long another process may hold a lock.
    #[arg(long, global = true, hide_short_help = true, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) timeout: u64,

    /// The environment variable with the password.
    #[arg(skip = PASSWORD)]
    pub(super) password_variable: &'static str,

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
pub(super) const LIMITS: fn() -> Limits = || {
    let limits = Limits::default().max_entries(usize::MAX).max_key_bytes(usize::MAX).max_value_bytes(usize::MAX);
    limits.max_record_bytes(usize::MAX).max_depth(usize::MAX).max_principal_bytes(usize::MAX)
};

impl StorageOptions {
    pub(super) const fn timeout(&self) -> Duration {
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
