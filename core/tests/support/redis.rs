//! Redis servers for tests: one for each test program, or one cluster, on which every storage has keys of its own.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use gsession::{
    RedisHashStorage, RedisStorage,
    storage::redis::{GoHashes, GoStrings, NearCache, Redis, RedisBuilder},
};
use gsession_test_servers::{Cluster, RedisServer};

fn server() -> &'static RedisServer {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(RedisServer::start)
}

/// Where the one server is.
pub(crate) fn url() -> String {
    server().url()
}

/// Where the nodes of the cluster are.
pub(crate) fn cluster_urls() -> Vec<String> {
    cluster().urls()
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// A prefix for keys that no other storage of this test program has.
pub(crate) fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test{}:", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn apart<S>(builder: RedisBuilder<S>) -> RedisBuilder<S> {
    builder.key_prefix(prefix())
}

pub(crate) fn strings() -> RedisStorage {
    strings_at(&prefix())
}

pub(crate) fn strings_at(prefix: &str) -> RedisStorage {
    RedisStorage::builder(&server().url()).key_prefix(prefix).build().unwrap()
}

pub(crate) fn hashes() -> RedisHashStorage {
    hashes_at(&prefix())
}

pub(crate) fn hashes_at(prefix: &str) -> RedisHashStorage {
    RedisHashStorage::builder(&server().url()).key_prefix(prefix).build().unwrap()
}

pub(crate) fn goframe_strings() -> Redis<GoStrings> {
    goframe_strings_at(&prefix())
}

pub(crate) fn goframe_strings_at(prefix: &str) -> Redis<GoStrings> {
    RedisStorage::builder(&server().url()).goframe().key_prefix(prefix).build().unwrap()
}

pub(crate) fn goframe_hashes() -> Redis<GoHashes> {
    goframe_hashes_at(&prefix())
}

pub(crate) fn goframe_hashes_at(prefix: &str) -> Redis<GoHashes> {
    RedisHashStorage::builder(&server().url()).goframe().key_prefix(prefix).build().unwrap()
}

pub(crate) fn near_strings() -> RedisStorage {
    apart(RedisStorage::builder(&server().url())).near_cache(NearCache::default()).build().unwrap()
}

pub(crate) fn near_hashes() -> RedisHashStorage {
    apart(RedisHashStorage::builder(&server().url())).near_cache(NearCache::default()).build().unwrap()
}

pub(crate) fn clustered_strings() -> RedisStorage {
    clustered_strings_at(&prefix())
}

pub(crate) fn clustered_strings_at(prefix: &str) -> RedisStorage {
    RedisStorage::cluster(cluster().urls()).key_prefix(prefix).build().unwrap()
}

pub(crate) fn clustered_hashes() -> RedisHashStorage {
    clustered_hashes_at(&prefix())
}

pub(crate) fn clustered_hashes_at(prefix: &str) -> RedisHashStorage {
    RedisHashStorage::cluster(cluster().urls()).key_prefix(prefix).build().unwrap()
}
