//! One server: its replicas, its version, its users, TLS.

use std::{thread, time::Duration};

use gsession::{
    AsyncManager, ClientInfo, Error, Manager, RedisHashStorage, RedisStorage, Saved, StorageErrorKind, StoreKey,
    storage::redis::NearCache,
};
use gsession_test_servers::{RedisServer, wait};

use super::{SOON, log_in, user};

#[test]
fn replicas_that_have_to_confirm() {
    let primary = RedisServer::start();
    let replica = RedisServer::builder().set("replicaof", &format!("127.0.0.1 {}", primary.port())).start();
    wait::until("the replica being in sync", || {
        primary.command(&["INFO", "replication"]).text().contains("state=online").then_some(())
    });
    let patient = Duration::from_secs(5);
    let storage = RedisStorage::builder(&primary.url()).wait_for_replicas(1, patient).build().unwrap();
    let manager = Manager::new(storage);
    let id = log_in(&manager).unwrap();
    // It is on the replica when the login has been answered.
    let name = format!("gsession:{}", StoreKey::of(&id));
    assert_eq!(replica.command(&["EXISTS", &name]).int(), 1);
    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    session.destroy();
    assert_eq!(session.save().unwrap(), Saved::Destroyed);
    assert_eq!(replica.command(&["EXISTS", &name]).int(), 0);
    // One that is not there cannot confirm.
    let storage = RedisHashStorage::builder(&primary.url()).wait_for_replicas(2, Duration::from_millis(100));
    let manager = Manager::new(storage.build().unwrap());
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    let Err(Error::Storage(error)) = session.save() else { panic!("nobody has confirmed") };
    assert_eq!(error.kind(), StorageErrorKind::Timeout);
    session.abandon();
    // Reading waits for nobody.
    assert_eq!(user(&manager, &id).unwrap(), None);
}

/// A server from before RESP3: the error says what is needed.
#[test]
fn a_server_that_is_too_old() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                // As Redis 5 answers to each of the commands that a connection begins with.
                while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                    let answer = b"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n";
                    for _ in 0..3 {
                        let _ = stream.write_all(answer);
                    }
                }
            });
        }
    });
    let error = RedisStorage::builder(&url).connect_timeout(SOON).response_timeout(SOON).build().unwrap().check();
    let error = error.unwrap_err();
    let text = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.kind() == StorageErrorKind::Setup && text.contains("6.0"), "{text}");
}

/// The rights that the documentation names are enough, for everything.
#[test]
fn a_user_with_few_rights() {
    let server = RedisServer::start();
    let rights = ["+@read", "+@write", "+@scripting", "+@connection", "+info"];
    let mut command = vec!["ACL", "SETUSER", "sessions", "on", ">secret", "~gsession:*"];
    command.extend(rights);
    server.command(&command);
    let builder = || RedisStorage::builder(&server.url()).username("sessions").password("secret");
    let storage = builder().wait_for_replicas(0, SOON).build().unwrap();
    storage.check().unwrap();
    let manager = Manager::new(storage.clone());
    let id = log_in(&manager).unwrap();
    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    session.set_principal("ada").unwrap();
    session.renew().unwrap();
    assert_eq!(session.save().unwrap(), Saved::Renewed);
    assert_eq!(manager.sessions_of("ada").unwrap().len(), 1);
    assert_eq!(manager.destroy_all_of("ada", None).unwrap(), 1);
    let _ = manager.sweep().unwrap();
    let near = AsyncManager::new(builder().near_cache(NearCache::default()).build().unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        assert!(near.begin(Some(id.as_str()), ClientInfo::default).is_empty().await.unwrap());
    });
}

#[cfg(feature = "redis-tls")]
#[test]
fn over_tls() {
    let server = RedisServer::builder().tls().start();
    let soon = Duration::from_secs(2);
    let builder = || RedisStorage::builder(&server.url()).connect_timeout(soon).response_timeout(soon);
    let trusting = builder().root_certificate(server.ca().unwrap()).build().unwrap();
    trusting.check().unwrap();
    let id = log_in(&Manager::new(trusting.clone())).unwrap();
    let manager = AsyncManager::new(trusting);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let read =
        runtime.block_on(async { manager.begin(Some(id.as_str()), ClientInfo::default).get::<String>("user").await });
    assert_eq!(read.unwrap().as_deref(), Some("ada"));
    // A certificate that nobody vouches for is refused, and so is a server that does not speak TLS, or only TLS.
    let distrusting = builder().build().unwrap();
    assert_eq!(distrusting.check().unwrap_err().kind(), StorageErrorKind::Unavailable);
    assert!(runtime.block_on(async {
        let session = AsyncManager::new(distrusting).begin(None, ClientInfo::default);
        session.set("user", "eve").unwrap();
        let failed = session.save().await.is_err();
        session.abandon();
        failed
    }));
    let plain = RedisServer::start();
    let over_plain =
        RedisStorage::builder(&plain.url().replace("redis:", "rediss:")).connect_timeout(soon).build().unwrap();
    assert!(over_plain.check().is_err());
    let without =
        RedisStorage::builder(&server.url().replace("rediss:", "redis:")).connect_timeout(soon).build().unwrap();
    assert!(without.check().is_err());
}

#[cfg(not(feature = "redis-tls"))]
#[test]
fn without_the_feature_tls_is_an_error() {
    assert_eq!(RedisStorage::builder("rediss://127.0.0.1").build().unwrap_err().kind(), StorageErrorKind::Setup);
}
