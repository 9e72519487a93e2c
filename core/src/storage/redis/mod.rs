#![doc = include_str!("../../docs/redis.md")]
#![allow(private_bounds, reason = "users cannot add layouts")]
// A storage is its servers, an optional near cache, and a layout: each has a folder or file here, and `storage.rs` combines them.
// Files import only from those below them in this table, so that each can be read without the ones above.
//
// builder/          the constructors, and the settings
// check             whether the servers can be used
// storage/          `Redis`, and its `Storage` and `AsyncStorage`
// goframe/          layouts: GoFrame's formats
// native/           layouts: gsession's own
// reports/          hearing which sessions change, for those who wait for their ends
// cluster_move      moving a session between the nodes of a cluster
// layout            what a layout is
// servers/          which server has a key, and what to do when it refuses
// connection/       blocking and async connections to one server
// near_cache        sessions kept in the process
// errors/           why something failed
// tls               the TLS settings
// invalid_setting   what can be wrong with the settings

mod builder;
mod check;
mod cluster_move;
mod connection;
mod errors;
#[cfg(any(feature = "import-actix-session", feature = "import-tower-sessions"))]
mod foreign;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod goframe;
mod invalid_setting;
mod layout;
mod native;
mod near_cache;
mod reports;
mod servers;
mod storage;
#[cfg(feature = "redis-tls")]
mod tls;

pub use builder::RedisBuilder;
#[cfg(any(feature = "import-actix-session", feature = "import-tower-sessions"))]
pub(crate) use foreign::Foreign;
pub use goframe::{GoHashes, GoStrings};
pub use native::{Hashes, Strings};
pub use near_cache::NearCache;
pub use storage::Redis;
#[cfg(feature = "redis-tls")]
pub use tls::RedisTls;

/// Keeps a session as a string, on one server, behind Sentinels or in a cluster: see the [module](self). Clones share it.
///
/// ```
/// use gsession::{AsyncManager, RedisStorage};
///
/// let storage = RedisStorage::builder("redis://127.0.0.1:6379/0").build()?; // does not connect yet
/// let manager = AsyncManager::new(storage);
/// # let _ = manager;
/// # Ok::<(), gsession::StorageError>(())
/// ```
pub type RedisStorage = Redis<Strings>;

/// Keeps a session as a hash with a field for each entry, on one server, behind Sentinels or in a cluster: see the [module](self).
/// Clones share it.
///
/// ```
/// use gsession::{Manager, RedisHashStorage};
///
/// let storage = RedisHashStorage::builder("redis://127.0.0.1:6379/0").build()?; // does not connect yet
/// let manager = Manager::new(storage); // or an `AsyncManager`
/// # let _ = manager;
/// # Ok::<(), gsession::StorageError>(())
/// ```
pub type RedisHashStorage = Redis<Hashes>;
