#![doc = include_str!("../../docs/redis.md")]

mod builder;
mod check;
mod either;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod goframe;
mod invalid_setting;
mod layout;
mod native;
mod near;
mod recent;
mod server;
mod shell;
#[cfg(feature = "redis-tls")]
mod tls;
mod wire;

use std::{fmt, sync::Arc};

pub use builder::RedisBuilder;
pub use near::NearCache;
#[cfg(feature = "redis-tls")]
pub use tls::RedisTls;

use super::{
    Access, AsyncStorage, Committed, Created, Found, Lookup, Moved, Removed, Storage, StorageError, StorageFuture,
    Swept, Touched, Trace,
};
use crate::{KeyScheme, Record, StoreKey, Timestamp, record::Commit};
use either::Either;
use goframe::{GoFrame, GoHashes, GoStrings};
use native::{Hashes, Native, Strings};
use shell::{Shell, at_once};

type StringLayout = Either<Native<Strings>, GoFrame<GoStrings>>;
type HashLayout = Either<Native<Hashes>, GoFrame<GoHashes>>;

/// One string a session, on one server, behind Sentinels or in a cluster: see the [module](self). Clones share it.
///
/// ```
/// use gsession::{AsyncManager, RedisStorage};
///
/// let storage = RedisStorage::builder("redis://127.0.0.1:6379/0").build()?; // nothing is connected to yet
/// let manager = AsyncManager::new(storage);
/// # let _ = manager;
/// # Ok::<(), gsession::StorageError>(())
/// ```
#[derive(Clone)]
pub struct RedisStorage(Arc<Shell<StringLayout>>);

/// One hash a session, one field an entry, on one server, behind Sentinels or in a cluster: see the [module](self). Clones
/// share it.
///
/// ```
/// use gsession::{Manager, RedisHashStorage};
///
/// let storage = RedisHashStorage::builder("redis://127.0.0.1:6379/0").build()?; // nothing is connected to yet
/// let manager = Manager::new(storage); // or an `AsyncManager`
/// # let _ = manager;
/// # Ok::<(), gsession::StorageError>(())
/// ```
#[derive(Clone)]
pub struct RedisHashStorage(Arc<Shell<HashLayout>>);

/// Writes the constructors and the two faces of a storage.
macro_rules! storage {
    ($type:ident, $layout:ty) => {
        impl $type {
            /// A storage with the default settings on the server at `url`, which is connected to once to see whether it can be
            /// used. Blocks, no longer than the timeouts allow.
            ///
            /// `redis://[user[:password]@]host[:port][/database]`; `rediss://` for TLS (feature `redis-tls`), `unix://` for a
            /// socket.
            ///
            /// # Errors
            ///
            /// [`StorageError`] if the URL is malformed, or the server cannot be reached, is too old or refuses the login.
            pub fn open(url: &str) -> Result<Self, StorageError> {
                let storage = Self::builder(url).build()?;
                storage.check()?;
                Ok(storage)
            }

            /// A storage with other settings on the server at `url`.
            pub fn builder(url: &str) -> RedisBuilder<Self> {
                RedisBuilder::single(url)
            }

            /// A storage on a cluster of which the servers at `urls` are a part.
            pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> RedisBuilder<Self> {
                RedisBuilder::cluster(urls)
            }

            /// A storage on the primary of `service`, which the Sentinels at `urls` name.
            pub fn sentinel<U: Into<String>>(urls: impl IntoIterator<Item = U>, service: &str) -> RedisBuilder<Self> {
                RedisBuilder::sentinel(urls, service)
            }

            /// Connects to the servers and looks whether they can be used, so that what is set up wrongly shows at the start.
            /// It also writes under the key prefix, with an expiry, and removes that again. Blocks, no longer than the timeouts
            /// allow.
            ///
            /// # Errors
            ///
            /// [`StorageError`] if a server cannot be reached, is too old, refuses the login, or is not what the storage was
            /// told it is: a replica, or a node of a cluster; or if nothing can be written there, because the user may not do it
            /// under this prefix, say, or the server is full; or if the server cannot tell the near cache what changes. Its
            /// source names the reason.
            pub fn check(&self) -> Result<(), StorageError> {
                at_once(self.0.check())
            }
        }

        impl builder::Built for $type {
            type Layout = $layout;

            fn from_shell(shell: Shell<$layout>) -> Self {
                Self(Arc::new(shell))
            }
        }

        impl fmt::Debug for $type {
            /// With the servers' addresses, without logins.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($type)).field(&self.0.servers).finish()
            }
        }

        impl Storage for $type {
            fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
                at_once(self.0.load(&self.0.blocking(), key, None, access))
            }

            fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
                at_once(self.0.load(&self.0.blocking(), key, Some(names), access))
            }

            fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
                at_once(self.0.create(&self.0.blocking(), key, record, now))
            }

            fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
                at_once(self.0.commit(&self.0.blocking(), key, commit))
            }

            fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
                at_once(self.0.touch(&self.0.blocking(), key, access))
            }

            fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
                at_once(self.0.move_to(&self.0.blocking(), from, to, commit))
            }

            fn trace(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Trace>, StorageError> {
                at_once(self.0.trace(&self.0.blocking(), key, now))
            }

            fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
                at_once(self.0.remove(&self.0.blocking(), key))
            }

            fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
                at_once(self.0.find(&self.0.blocking(), principal, now))
            }

            fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
                at_once(self.0.sweep(&self.0.blocking(), now))
            }

            fn key_scheme(&self) -> KeyScheme {
                self.0.key_scheme()
            }
        }

        impl AsyncStorage for $type {
            fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
                Box::pin(async move { self.0.load_near(key, None, access).await })
            }

            fn fetch<'a>(
                &'a self,
                key: &'a StoreKey,
                names: &'a [&'a str],
                access: &'a Access,
            ) -> StorageFuture<'a, Lookup> {
                Box::pin(async move { self.0.load_near(key, Some(names), access).await })
            }

            fn create<'a>(
                &'a self,
                key: &'a StoreKey,
                record: &'a Record,
                now: Timestamp,
            ) -> StorageFuture<'a, Created> {
                Box::pin(async move { self.0.create(&self.0.waiting(), key, record, now).await })
            }

            fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
                Box::pin(async move { self.0.commit(&self.0.waiting(), key, commit).await })
            }

            fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
                Box::pin(async move { self.0.touch(&self.0.waiting(), key, access).await })
            }

            fn move_to<'a>(
                &'a self,
                from: &'a StoreKey,
                to: &'a StoreKey,
                commit: &'a Commit,
            ) -> StorageFuture<'a, Moved> {
                Box::pin(async move { self.0.move_to(&self.0.waiting(), from, to, commit).await })
            }

            fn trace<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Trace>> {
                Box::pin(async move { self.0.trace(&self.0.waiting(), key, now).await })
            }

            fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
                Box::pin(async move { self.0.remove(&self.0.waiting(), key).await })
            }

            fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
                Box::pin(async move { self.0.find(&self.0.waiting(), principal, now).await })
            }

            fn sweep(&self, now: Timestamp) -> StorageFuture<'_, Swept> {
                Box::pin(async move { self.0.sweep(&self.0.waiting(), now).await })
            }

            fn key_scheme(&self) -> KeyScheme {
                self.0.key_scheme()
            }
        }
    };
}

storage!(RedisStorage, StringLayout);
storage!(RedisHashStorage, HashLayout);
