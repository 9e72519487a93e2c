//! The storage that the command line asks for.

use gsession::{
    AnyStorage, FileStorage, MemoryStorage, RedisHashStorage, RedisStorage, StorageError, storage::redis::NearCache,
};

use crate::cli::{Cli, Kind};

/// Where the sessions are, for the profile page.
#[derive(Debug, Clone)]
pub struct Place {
    /// In words.
    pub name: String,
    /// Whether they are still there when the server has been restarted.
    pub survives_restart: bool,
}

/// Opens the storage, and says where it is.
///
/// # Errors
///
/// When the folder for the sessions, or the Redis server, cannot be used.
pub fn open(cli: &Cli) -> Result<(AnyStorage, Place), StorageError> {
    Ok(match cli.storage {
        Kind::File => {
            let storage = FileStorage::open(&cli.session_dir)?;
            let name = format!("a file in {}", cli.session_dir.display());
            (AnyStorage::new(storage), Place { name, survives_restart: true })
        }
        Kind::Memory => {
            let name = "the memory of this process".to_owned();
            (AnyStorage::new(MemoryStorage::new()), Place { name, survives_restart: false })
        }
        Kind::Redis => {
            let mut builder = RedisStorage::builder(&cli.redis_url());
            if cli.near_cache {
                builder = builder.near_cache(NearCache::default());
            }
            let storage = builder.build()?;
            storage.check()?;
            (AnyStorage::new(storage), redis_place("string", cli))
        }
        Kind::RedisHash => {
            let mut builder = RedisHashStorage::builder(&cli.redis_url());
            if cli.near_cache {
                builder = builder.near_cache(NearCache::default());
            }
            let storage = builder.build()?;
            storage.check()?;
            (AnyStorage::new(storage), redis_place("hash", cli))
        }
    })
}

/// The server without the login, and how it is used.
fn redis_place(form: &str, cli: &Cli) -> Place {
    let url = cli.redis_url();
    let (_, server) = url.split_once("://").unwrap_or(("", &url));
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    let near = if cli.near_cache { ", with a near cache in this process" } else { "" };
    Place { name: format!("a {form} in Redis at {server}{near}"), survives_restart: true }
}
