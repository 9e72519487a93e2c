//! Redis servers for tests: one for each test program, or one cluster, on which every storage has keys of its own.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use gsession::{
    RedisHashStorage, RedisStorage,
    storage::redis::{NearCache, RedisBuilder},
};
use gsession_test_servers::{Cluster, RedisServer};

fn server() -> &'static RedisServer {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(RedisServer::start)
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// Keys that no other storage of this test program has.
fn apart<S>(builder: RedisBuilder<S>) -> RedisBuilder<S> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    builder.key_prefix(format!("test{}:", NEXT.fetch_add(1, Ordering::Relaxed)))
}

pub(crate) fn strings() -> RedisStorage {
    apart(RedisStorage::builder(&server().url())).build().unwrap()
}

pub(crate) fn hashes() -> RedisHashStorage {
    apart(RedisHashStorage::builder(&server().url())).build().unwrap()
}

pub(crate) fn near_strings() -> RedisStorage {
    apart(RedisStorage::builder(&server().url())).near_cache(NearCache::default()).build().unwrap()
}

pub(crate) fn near_hashes() -> RedisHashStorage {
    apart(RedisHashStorage::builder(&server().url())).near_cache(NearCache::default()).build().unwrap()
}

pub(crate) fn clustered_strings() -> RedisStorage {
    apart(RedisStorage::cluster(cluster().urls())).build().unwrap()
}

pub(crate) fn clustered_hashes() -> RedisHashStorage {
    apart(RedisHashStorage::cluster(cluster().urls())).build().unwrap()
}
