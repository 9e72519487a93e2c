//! The command line.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{CommandFactory as _, Parser, ValueEnum, error::ErrorKind};

/// A login/logout web app with sessions that survive restarts.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// Where sessions are stored.
    #[arg(long, value_enum, default_value_t = Kind::File)]
    pub storage: Kind,

    /// The address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// The folder of the file storage. Its mode is set so that only you can access it.
    #[arg(long, value_name = "FOLDER", default_value = "gsession-demo-sessions")]
    pub session_dir: PathBuf,

    /// The server of the Redis storages, as redis://[user[:password]@]host[:port][/database]. Default: the environment
    /// variable REDIS_URL, which keeps a password out of the list of processes, or else redis://127.0.0.1:6379/0.
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,

    /// Cache the sessions that this process has read. Redis notifies it when they change.
    #[arg(long)]
    pub near_cache: bool,

    /// The file of the SQLite storage, which is made if there is none. Default: gsession-demo.db.
    #[arg(long, value_name = "FILE")]
    sqlite_file: Option<PathBuf>,

    /// The database of the Postgres storage, as postgres://[user[:password]@]host[:port]/database. Default: the environment variable
    /// DATABASE_URL, which keeps a password out of the list of processes, or else postgres://127.0.0.1:5432/postgres.
    #[arg(long, value_name = "URL")]
    postgres_url: Option<String>,

    /// Make the tables of the Postgres storage first, or bring them to this version. The user must be allowed to create tables.
    #[arg(long)]
    pub migrate: bool,

    /// Encrypt the sessions with the key in this file. One is made by: (umask 077; openssl rand -hex 32 > KEYFILE)
    #[arg(long, value_name = "KEYFILE")]
    pub seal_with: Option<PathBuf>,

    /// A session ends when it has not been used for this long.
    #[arg(long, value_name = "SECONDS", default_value_t = 24 * 60 * 60, value_parser = clap::value_parser!(u64).range(1..))]
    idle_timeout: u64,

    /// A session ends this long after it began, however much it is used; 0 for never.
    #[arg(long, value_name = "SECONDS", default_value_t = 7 * 24 * 60 * 60)]
    absolute_lifetime: u64,

    /// The number of worker threads.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = parse_workers)]
    pub workers: usize,
}

/// The storages to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// One private file per session. Survives a restart.
    File,
    /// In this process. Sessions end with it.
    Memory,
    /// One string per session in Redis, shared by any number of instances.
    Redis,
    /// One hash per session in Redis, with one field per entry. For large sessions of which a request uses little.
    RedisHash,
    /// One row per session in a file of SQLite. Survives a restart.
    Sqlite,
    /// One row per session in Postgres, shared by any number of instances.
    Postgres,
}

impl Kind {
    const fn is_redis(self) -> bool {
        matches!(self, Self::Redis | Self::RedisHash)
    }
}

impl Cli {
    /// The command line of this process. If it is invalid, explains why and exits with status 2.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::parse().checked().unwrap_or_else(|error| error.exit())
    }

    fn checked(self) -> Result<Self, clap::Error> {
        let (redis, postgres) =
            ("the Redis storages: add --storage redis or --storage redis-hash", "Postgres: add --storage postgres");
        let options = [
            ("--redis-url", self.redis_url.is_some(), self.storage.is_redis(), redis),
            ("--near-cache", self.near_cache, self.storage.is_redis(), redis),
            ("--sqlite-file", self.sqlite_file.is_some(), self.storage == Kind::Sqlite, "SQLite: add --storage sqlite"),
            ("--postgres-url", self.postgres_url.is_some(), self.storage == Kind::Postgres, postgres),
            ("--migrate", self.migrate, self.storage == Kind::Postgres, postgres),
        ];
        match options.iter().find(|(_, is_given, is_meant, _)| *is_given && !is_meant) {
            Some((option, _, _, storage)) => {
                let text = format!("{option} is for {storage}");
                Err(Self::command().error(ErrorKind::ArgumentConflict, text))
            }
            None => Ok(self),
        }
    }

    /// Where the Redis server is.
    #[must_use]
    pub fn redis_url(&self) -> String {
        url(self.redis_url.as_ref(), "REDIS_URL", "redis://127.0.0.1:6379/0")
    }

    /// Where the Postgres database is.
    #[must_use]
    pub fn postgres_url(&self) -> String {
        url(self.postgres_url.as_ref(), "DATABASE_URL", "postgres://127.0.0.1:5432/postgres")
    }

    /// The file of SQLite.
    #[must_use]
    pub fn sqlite_file(&self) -> &Path {
        self.sqlite_file.as_deref().unwrap_or(Path::new("gsession-demo.db"))
    }

    /// How long an unused session lives.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout)
    }

    /// How long a session lives at most, if there is a limit.
    #[must_use]
    pub fn absolute_lifetime(&self) -> Option<Duration> {
        (self.absolute_lifetime > 0).then(|| Duration::from_secs(self.absolute_lifetime))
    }
}

/// The URL that was given, or is in the environment, or is usual.
fn url(given: Option<&String>, variable: &str, usual: &str) -> String {
    // A URL that is not UTF-8 is used too. It is refused later, whereas ignoring it would lead to another server.
    let from_environment = || {
        let url = std::env::var_os(variable).filter(|url| !url.is_empty())?;
        Some(url.to_string_lossy().into_owned())
    };
    given.cloned().or_else(from_environment).unwrap_or_else(|| usual.to_owned())
}

fn parse_workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(workers @ 1..=256) => Ok(workers),
        _ => Err("a number from 1 to 256".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn bad_values_are_refused() {
        for arguments in [["--storage", "disk"], ["--listen", "here"], ["--idle-timeout", "0"], ["--workers", "0"]] {
            let error = Cli::try_parse_from(["gsession-demo"].into_iter().chain(arguments)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }

    #[test]
    fn options_of_a_storage_need_that_storage() {
        let parsed =
            |arguments: &[&str]| Cli::try_parse_from(["gsession-demo"].iter().chain(arguments)).and_then(Cli::checked);
        for arguments in [
            &["--near-cache"][..],
            &["--storage", "memory", "--redis-url", "redis://127.0.0.1"],
            &["--storage", "postgres", "--redis-url", "redis://127.0.0.1"],
            &["--storage", "redis", "--postgres-url", "postgres://127.0.0.1"],
            &["--storage", "sqlite", "--migrate"],
            &["--storage", "file", "--sqlite-file", "a.db"],
        ] {
            assert_eq!(parsed(arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
        let cli = parsed(&["--storage", "redis-hash", "--redis-url", "redis://10.0.0.1/3", "--near-cache"]).unwrap();
        assert_eq!(
            (cli.storage, cli.redis_url().as_str(), cli.near_cache),
            (Kind::RedisHash, "redis://10.0.0.1/3", true)
        );
    }
}
