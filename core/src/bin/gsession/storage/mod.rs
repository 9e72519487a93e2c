//! The storage that the command line names.

mod destination;
mod folder;
mod kind;
mod login;
mod path;
mod postgres_login;
mod redis;
mod sealing;
mod tables;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Id, ValueEnum, error::ErrorKind};
use gsession::{AnyStorage, Limits};

use self::kind::Kind;
pub(crate) use self::{destination::Destination, sealing::SealingOptions, tables::Tables};
use crate::failure::{Failure, usage};

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

impl StorageOptions {
    /// Opens the storage. Nothing is created, and no server is asked yet.
    pub(crate) fn open(&self) -> Result<AnyStorage, Failure> {
        let urls = self.urls();
        match (self.kind(&urls)?, urls.as_slice()) {
            (Kind::Folder, [url]) => folder::open(url, self.timeout()),
            (Kind::Postgres, [url]) => Ok(self.open_postgres(url)?.into_storage()),
            (Kind::Sqlite, [url]) => Ok(self.open_sqlite(url, false)?.into_storage()),
            (Kind::Redis, urls) => self.open_redis(urls),
            _ => Err(mixed()),
        }
    }

    /// The storage at a URL that stands for `--storage`. The environment may name another one.
    pub(crate) fn or_at(mut self, url: Option<String>) -> Result<Self, Failure> {
        let Some(url) = url else { return Ok(self) };
        if self.typed.iter().any(|id| id.as_str() == "storage") {
            let message = "the storage is named twice: as URL and with --storage";
            return Err(usage(ErrorKind::ArgumentConflict, message).into());
        }
        self.storage = vec![url];
        Ok(self)
    }

    /// The storage, if it has tables. A file of SQLite that is not there yet may be made.
    pub(crate) fn tables(&self) -> Result<Tables, Failure> {
        let urls = self.urls();
        match (self.kind(&urls)?, urls.as_slice()) {
            (Kind::Postgres, [url]) => self.open_postgres(url),
            (Kind::Sqlite, [url]) => self.open_sqlite(url, true),
            _ => {
                let message = "only storages in Postgres and in SQLite have tables: postgres://… or sqlite:PATH";
                Err(usage(ErrorKind::InvalidValue, message).into())
            }
        }
    }

    /// The kind that all URLs are of; several can only be those of Redis servers. The options fit it.
    fn kind(&self, urls: &[&str]) -> Result<Kind, Failure> {
        let [first, others @ ..] = urls else {
            return Err(usage(
                ErrorKind::MissingRequiredArgument,
                "no storage is named: add --storage file:PATH, --storage redis://…, --storage postgres://… or --storage sqlite:PATH, \
                 or set GSESSION_STORAGE",
            )
            .into());
        };
        let kind = Kind::of(first).ok_or_else(mixed)?;
        if !others.is_empty() && (kind != Kind::Redis || others.iter().any(|url| Kind::of(url) != Some(kind))) {
            return Err(mixed());
        }
        self.refuse_others(kind)?;
        Ok(kind)
    }

    /// The URLs; those of servers may share one text.
    fn urls(&self) -> Vec<&str> {
        let is_path = |text: &str| Kind::of(text.trim_start()).is_some_and(Kind::is_path);
        let split = |text: &'_ str| text.split_whitespace().count() > 1 && !is_path(text);
        let texts = self.storage.iter().filter(|text| !text.trim().is_empty());
        texts
            .flat_map(|text| if split(text) { text.split_whitespace().collect() } else { vec![text.as_str()] })
            .collect()
    }

    const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

fn mixed() -> Failure {
    let message = "a storage URL begins with file:, sqlite:, postgres://, redis://, rediss:// or unix://; several must all be those \
                   of Redis servers";
    usage(ErrorKind::InvalidValue, message).into()
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
