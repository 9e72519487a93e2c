//! Whether a storage can be used, asked again and again while it is running.

use std::{sync::Arc, time::Instant};

use gsession::{AsyncStorage, RedisHashStorage, RedisStorage, Storage, StorageErrorKind, storage::redis::NearCache};
use gsession_test_servers::{Cluster, RedisServer};

use super::{ALL, Driven, Face, NO_HANG, now, quick, refusals::MAY_NOT_SET, runtime, texts, timed};

fn until_ready(storage: &dyn Storage) {
    let start = Instant::now();
    while let Err(error) = timed(|| storage.check()) {
        assert!(start.elapsed() < NO_HANG, "{}", texts(&error));
    }
}

#[test]
fn a_check_follows_the_server_through_an_outage() {
    for which in ALL {
        let mut server = RedisServer::builder().set("requirepass", "secret").start();
        let face = Face::at(which, &server.url().replace("redis://", "redis://:secret@"));
        face.warm_up();
        let storage = Arc::clone(&face.storage);
        for _ in 0..3 {
            storage.check().unwrap();
        }
        let before = server.keys("*").len();
        storage.check().unwrap();
        assert_eq!(server.keys("*").len(), before, "{face:?}: a check has left something");
        server.freeze();
        let error = timed(|| storage.check()).unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Timeout, "{face:?}: {}", texts(&error));
        assert!(timed(|| storage.count(now())).is_err());
        server.thaw();
        until_ready(&*storage);
        server.kill();
        for _ in 0..3 {
            let error = timed(|| storage.check()).unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Unavailable, "{face:?}: {}", texts(&error));
            assert!(!texts(&error).contains("secret"), "{}", texts(&error));
            assert!(timed(|| storage.count(now())).is_err());
        }
        server.start_again();
        until_ready(&*storage);
        // It has no room for sessions any more.
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        assert_eq!(storage.check().unwrap_err().kind(), StorageErrorKind::Full);
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        storage.check().unwrap();
    }
}

/// An async check finds what a blocking one finds.
#[test]
fn an_async_check_finds_that_nothing_can_be_written() {
    let server = RedisServer::start();
    let waiting = |storage: Box<dyn AsyncStorage>| Driven::over(&runtime(), storage);
    let url = server.url();
    let storages = [
        waiting(Box::new(quick(RedisStorage::builder(&url)).build().unwrap())),
        waiting(Box::new(quick(RedisHashStorage::builder(&url)).build().unwrap())),
        waiting(Box::new(quick(RedisStorage::builder(&url)).near_cache(NearCache::default()).build().unwrap())),
        waiting(Box::new(quick(RedisStorage::builder(&url)).goframe().build().unwrap())),
        waiting(Box::new(quick(RedisHashStorage::builder(&url)).goframe().build().unwrap())),
    ];
    for storage in &storages {
        for _ in 0..3 {
            storage.check().unwrap();
        }
    }
    server.command(&["ACL", "SETUSER", "default", "-set"]);
    for storage in &storages {
        let error = storage.check().unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Setup, "{}", texts(&error));
        assert!(MAY_NOT_SET.iter().any(|part| texts(&error).contains(part)), "{}", texts(&error));
    }
    server.command(&["ACL", "SETUSER", "default", "+set"]);
    for storage in &storages {
        storage.check().unwrap();
        assert_eq!(storage.count(now()).unwrap(), 0);
    }
    assert!(server.keys("*").is_empty(), "something was left behind");
}

/// One primary of three is enough to make logins fail, a third of them.
#[test]
fn an_async_check_asks_every_primary_of_a_cluster() {
    let cluster = Cluster::start();
    let storage = Driven::over(&runtime(), Box::new(quick(RedisStorage::cluster(cluster.urls())).build().unwrap()));
    storage.check().unwrap();
    for node in &cluster.nodes[..3] {
        node.command(&["ACL", "SETUSER", "default", "-set"]);
        assert!(texts(&storage.check().unwrap_err()).contains(&node.port().to_string()));
        node.command(&["ACL", "SETUSER", "default", "+set"]);
        node.freeze();
        let error = timed(|| storage.check()).unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Timeout, "{}", texts(&error));
        // A number without that node's sessions would be wrong.
        assert!(timed(|| storage.count(now())).is_err());
        node.thaw();
        until_ready(&storage);
    }
    assert!(cluster.keys("*").is_empty());
}
