//! Opens the storage that the command line selects.

use gsession::{
    AnyStorage, AsyncStorage as _, FileStorage, MemoryStorage, PostgresStorage, RedisHashStorage, RedisStorage,
    SqliteStorage, StorageError,
    storage::{
        redis::NearCache,
        sealed::{KeyRing, Sealed, SealingKey, SealingKeyError},
    },
};

use crate::cli::{Cli, Kind};

/// Where the sessions are, for the profile page.
#[derive(Debug, Clone)]
pub struct StorageInfo {
    /// In words.
    pub name: String,
    /// Whether they survive a restart of the demo.
    pub survives_restart: bool,
}

/// Why there is no storage.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder for the sessions, or the server, cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no key to seal the sessions with.
    #[error(transparent)]
    Key(#[from] SealingKeyError),
}

/// Opens the storage, sealed if there is a key, and says where it is.
///
/// # Errors
///
/// [`OpenError`].
pub async fn open(cli: &Cli) -> Result<(AnyStorage, StorageInfo), OpenError> {
    let Some(path) = &cli.seal_with else { return Ok(opened(cli).await?) };
    let keys = KeyRing::new(SealingKey::from_file(path)?);
    let (storage, info) = opened(cli).await?;
    let storage = AnyStorage::new(Sealed::new(storage, keys));
    Ok((storage, StorageInfo { name: format!("{}, encrypted", info.name), ..info }))
}

async fn opened(cli: &Cli) -> Result<(AnyStorage, StorageInfo), StorageError> {
    Ok(match cli.storage {
        Kind::File => {
            let storage = FileStorage::open(&cli.session_dir)?;
            let name = format!("a file in {}", cli.session_dir.display());
            (AnyStorage::new(storage), StorageInfo { name, survives_restart: true })
        }
        Kind::Memory => {
            let name = "the memory of this process".to_owned();
            (AnyStorage::new(MemoryStorage::new()), StorageInfo { name, survives_restart: false })
        }
        Kind::Redis => {
            let mut builder = RedisStorage::builder(&cli.redis_url());
            if cli.near_cache {
                builder = builder.near_cache(NearCache::default());
            }
            let storage = builder.build()?;
            storage.check()?;
            (AnyStorage::new(storage), redis_info("string", cli))
        }
        Kind::RedisHash => {
            let mut builder = RedisHashStorage::builder(&cli.redis_url());
            if cli.near_cache {
                builder = builder.near_cache(NearCache::default());
            }
            let storage = builder.build()?;
            storage.check()?;
            (AnyStorage::new(storage), redis_info("hash", cli))
        }
        Kind::Sqlite => {
            let storage = SqliteStorage::open(cli.sqlite_file()).await?;
            let name = format!("a row in the SQLite file {}", cli.sqlite_file().display());
            (AnyStorage::new(storage), StorageInfo { name, survives_restart: true })
        }
        Kind::Postgres => {
            let url = cli.postgres_url();
            let storage = PostgresStorage::builder(&url).migrate_on_start(cli.migrate).build()?;
            storage.check().await?;
            let name = format!("a row in Postgres at {}", server_of(&url, POSTGRES));
            (AnyStorage::new(storage), StorageInfo { name, survives_restart: true })
        }
    })
}

/// The server, without credentials, and how it is used.
fn redis_info(form: &str, cli: &Cli) -> StorageInfo {
    let server = server_of(&cli.redis_url(), REDIS);
    let near = if cli.near_cache { "on" } else { "off" };
    StorageInfo { name: format!("a {form} in Redis at {server}, near cache {near}"), survives_restart: true }
}

/// The port and the database that a URL of Redis means if it names none.
const REDIS: (u16, &str) = (6379, "0");
/// The same of Postgres, where the database is called as the user then.
const POSTGRES: (u16, &str) = (5432, "");

/// Host, port and database of a URL that a storage was opened with. The rest is left out because it may have a password: before
/// the host or, for a socket, in the query.
fn server_of(url: &str, (usual_port, usual_database): (u16, &str)) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (rest, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    if scheme.ends_with("unix") {
        let database = query.split(['?', '&', '#']).find_map(|part| part.strip_prefix("db=")).unwrap_or("0");
        return format!("/{path}, database {database}");
    }
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    // The last group of an IPv6 address ends with a bracket.
    let has_port = server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if has_port { String::new() } else { format!(":{usual_port}") };
    let database = Some(path.trim_matches('/')).filter(|database| !database.is_empty()).unwrap_or(usual_database);
    format!("{}{port}/{database}", server.trim_end_matches(':'))
}

#[cfg(test)]
mod tests {
    use super::{POSTGRES, REDIS, server_of};

    #[test]
    fn a_server_is_shown_without_its_credentials() {
        for (url, server) in [
            ("redis://127.0.0.1", "127.0.0.1:6379/0"),
            ("redis://cache.example:/", "cache.example:6379/0"),
            ("redis://:secret@127.0.0.1:7000/3", "127.0.0.1:7000/3"),
            ("redis://user:se@secret@cache.example:7000?protocol=resp3", "cache.example:7000/0"),
            ("redis://user:secret@[::1]/2", "[::1]:6379/2"),
            ("redis://[::1]:7000", "[::1]:7000/0"),
            ("unix:///run/redis.sock", "/run/redis.sock, database 0"),
            ("redis+unix:///run/redis.sock?user=me&pass=secret&db=2", "/run/redis.sock, database 2"),
            ("unix://:secret@localhost/run/redis.sock?pass=secret", "/run/redis.sock, database 0"),
        ] {
            assert_eq!(server_of(url, REDIS), server, "{url}");
        }
        for (url, server) in [
            ("postgres://127.0.0.1/shop", "127.0.0.1:5432/shop"),
            ("postgresql://ada:se@secret@db.example:7000/shop?sslmode=require", "db.example:7000/shop"),
            ("postgres://ada@db.example?password=secret", "db.example:5432/"),
        ] {
            assert_eq!(server_of(url, POSTGRES), server, "{url}");
        }
    }
}
