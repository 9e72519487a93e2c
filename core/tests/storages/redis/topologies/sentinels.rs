//! Sentinels name the primary: failovers, primaries that were replaced, Sentinels that err or are gone.

use std::{
    thread,
    time::{Duration, Instant},
};

use gsession::{
    AsyncManager, ClientInfo, Delivery, Error, Manager, RedisHashStorage, RedisStorage, Saved, SessionId,
    StorageErrorKind, StoreKey, storage::redis::NearCache,
};
use gsession_test_servers::{RedisServer, Sentinels, resp::Reply};

use super::{NEVER, SOON, eventually, log_in, user};

#[test]
fn sentinels_name_the_primary_and_a_failover_needs_no_new_storage() {
    let mut sentinels = Sentinels::start();
    let strings = RedisStorage::sentinel(sentinels.urls(), sentinels.service());
    let hashes = RedisHashStorage::sentinel(sentinels.urls(), sentinels.service());
    let strings = strings.connect_timeout(SOON).response_timeout(SOON).build().unwrap();
    let hashes = hashes.connect_timeout(SOON).response_timeout(SOON).build().unwrap();
    strings.check().unwrap();
    hashes.check().unwrap();
    let managers = [Manager::new(strings.clone()), Manager::new(hashes)];
    let ids: Vec<SessionId> = managers.iter().map(|manager| log_in(manager).unwrap()).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let asynchronous = AsyncManager::new(strings);
    let read = |id: &SessionId| {
        let session = asynchronous.begin(Some(id.as_str()), ClientInfo::default);
        runtime.block_on(async { session.get::<String>("user").await })
    };
    assert_eq!(read(&ids[0]).unwrap().as_deref(), Some("ada"));
    // So that the failover loses nothing that is compared below.
    let primary = sentinels.primary();
    assert_eq!(sentinels.servers[primary].command(&["WAIT", "2", "5000"]).int(), 2);

    sentinels.fail_over();
    for (manager, id) in managers.iter().zip(&ids) {
        assert_eq!(eventually(|| user(manager, id)).as_deref(), Some("ada"));
        let id = eventually(|| log_in(manager));
        assert_eq!(user(manager, &id).unwrap().as_deref(), Some("ada"));
    }
    assert_eq!(eventually(|| read(&ids[0])).as_deref(), Some("ada"));
}

#[test]
fn a_sentinel_that_missed_a_failover_is_not_believed() {
    let mut sentinels = Sentinels::start();
    for attempt in 0..5 {
        sentinels.sentinels[0].kill();
        let old = sentinels.kill_primary();
        let new = sentinels.wait_for_failover(old);
        // Both are back and know nothing: the Sentinel names the old primary, which takes itself for one.
        sentinels.servers[old].start_again();
        sentinels.sentinels[0].start_again();
        let misleads = || {
            let takes_itself_for_one = sentinels.servers[old].command(&["ROLE"]).list()[0].text() == "master";
            takes_itself_for_one && sentinels.named_by(0) == Some(old)
        };
        let misled = misleads();
        let strings = RedisStorage::sentinel(sentinels.urls(), sentinels.service()).key_prefix(format!("s{attempt}:"));
        let hashes = RedisHashStorage::sentinel(sentinels.urls(), sentinels.service());
        let hashes = hashes.key_prefix(format!("h{attempt}:"));
        for manager in [Manager::new(strings.build().unwrap()), Manager::new(hashes.build().unwrap())] {
            log_in(&manager).unwrap();
        }
        for prefix in ["s", "h"] {
            let keys = sentinels.servers[new].keys(&format!("{prefix}{attempt}:*"));
            assert_eq!(keys.len(), 1, "{prefix}: a session is not where the other Sentinels say");
        }
        if misled && misleads() {
            return;
        }
        sentinels.wait_until_settled();
    }
    panic!("the Sentinel has always heard of the failover too soon");
}

/// A connection that broke while nobody used it does not lead to the server at the same address that was the primary once.
#[test]
fn an_old_primary_that_is_started_again_is_not_taken_for_one() {
    let mut sentinels = Sentinels::start();
    let strings = || RedisStorage::sentinel(sentinels.urls(), sentinels.service());
    let hashes = || RedisHashStorage::sentinel(sentinels.urls(), sentinels.service());
    let managers = [Manager::new(strings().build().unwrap()), Manager::new(hashes().build().unwrap())];
    let asynchronous = [AsyncManager::new(strings().build().unwrap()), AsyncManager::new(hashes().build().unwrap())];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let log_in_async = |manager: &AsyncManager| {
        let session = manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        let saved = runtime.block_on(session.save());
        session.abandon();
        saved
    };
    managers.iter().for_each(|manager| drop(log_in(manager).unwrap()));
    asynchronous.iter().for_each(|manager| assert_eq!(log_in_async(manager).unwrap(), Saved::Created));

    let old = sentinels.kill_primary();
    let new = sentinels.wait_for_failover(old);
    // Nobody tells the old primary that it is none any more.
    sentinels.forget_replicas();
    sentinels.servers[old].start_again();
    assert_eq!(sentinels.servers[old].command(&["ROLE"]).list()[0].text(), "master");
    sentinels.servers[new].flush();
    for manager in &managers {
        eventually(|| log_in(manager));
    }
    for manager in &asynchronous {
        assert_eq!(eventually(|| log_in_async(manager)), Saved::Created);
    }
    assert_eq!(sentinels.servers[old].keys("*").len(), 0, "sessions at a server that will forget them");
    assert_eq!(sentinels.servers[new].keys("gsession:*").len(), 4);
}

/// A server that is started again at the address of the primary is not taken for it before the Sentinels have confirmed it, even
/// if they were asked a moment ago.
#[test]
fn a_new_connection_is_confirmed() {
    let sentinels = Sentinels::start();
    let (mut old, new) = (RedisServer::start(), RedisServer::start());
    sentinels.watch(&old);
    let strings = || RedisStorage::sentinel(sentinels.urls(), sentinels.service());
    let blocking = Manager::new(strings().build().unwrap());
    let near = strings().near_cache(NearCache::default()).build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let near = AsyncManager::new(near);
    let log_in_near = || {
        let session = near.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        match runtime.block_on(session.close())?.delivery {
            Delivery::Send { id, .. } => Ok(id),
            _ => panic!("a new session has an id"),
        }
    };
    let read_near = |id: &SessionId| {
        let session = near.begin(Some(id.as_str()), ClientInfo::default);
        runtime.block_on(session.get::<String>("user"))
    };
    log_in(&blocking).unwrap();
    let id = log_in_near().unwrap();
    assert_eq!(read_near(&id).unwrap().as_deref(), Some("ada"));
    // The new server has the session, the old one forgets it.
    let name = format!("gsession:{}", StoreKey::of(&id));
    let Reply::Bytes(value) = old.command(&["DUMP", &name]) else { panic!("the session is stored") };
    new.command(&[b"RESTORE", name.as_bytes(), b"60000", &value]);
    old.kill();
    old.start_again();
    sentinels.watch(&new);
    assert_eq!(eventually(|| read_near(&id)).as_deref(), Some("ada"), "a server that has forgotten it was asked");
    eventually(|| log_in(&blocking));
    eventually(log_in_near);
    assert_eq!((old.keys("*").len(), new.keys("gsession:*").len()), (0, 3));
}

#[test]
fn a_replica_that_the_sentinels_name_is_no_primary() {
    let sentinels = Sentinels::start();
    let replica = sentinels.replicas()[0];
    sentinels.watch(&sentinels.servers[replica]);
    let strings = RedisStorage::sentinel(sentinels.urls(), sentinels.service());
    let manager = Manager::new(strings.connect_timeout(SOON).response_timeout(SOON).build().unwrap());
    let Err(Error::Storage(error)) = log_in(&manager) else { panic!("a replica takes no sessions") };
    assert_eq!(error.kind(), StorageErrorKind::Unavailable);
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("no primary"), "{error:?}");
}

#[test]
fn without_any_sentinel_connections_that_stand_go_on() {
    let mut sentinels = Sentinels::start();
    let strings = RedisStorage::sentinel(sentinels.urls(), sentinels.service());
    let storage = strings.connect_timeout(SOON).response_timeout(SOON).build().unwrap();
    let manager = Manager::new(storage.clone());
    let asynchronous = AsyncManager::new(storage);
    let read_async = |id: SessionId| {
        let session = asynchronous.begin(Some(id.as_str()), ClientInfo::default);
        async move { session.get::<String>("user").await }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let id = log_in(&manager).unwrap();
    assert_eq!(runtime.block_on(read_async(id.clone())).unwrap().as_deref(), Some("ada"));
    sentinels.sentinels.iter_mut().for_each(RedisServer::kill);
    // Whether they were asked a moment ago or not, and also when a new connection was wanted in vain: another thread's.
    for _ in 0..2 {
        let failed = thread::scope(|scope| {
            let other = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(read_async(id.clone()))
            });
            other.join().unwrap()
        });
        let Err(Error::Storage(error)) = failed else { panic!("nobody has said who is the primary") };
        assert_eq!(error.kind(), StorageErrorKind::Unavailable);
        assert_eq!(user(&manager, &id).unwrap().as_deref(), Some("ada"));
        assert_eq!(runtime.block_on(read_async(id.clone())).unwrap().as_deref(), Some("ada"));
        thread::sleep(Duration::from_millis(1100));
    }
}

/// Two primaries: the one that the Sentinels name is heard of although the other one lives and answers.
#[test]
fn a_primary_that_was_replaced_while_it_lives_is_left() {
    let sentinels = Sentinels::start();
    let storage = RedisStorage::sentinel(sentinels.urls(), sentinels.service()).build().unwrap();
    let manager = Manager::new(storage.clone());
    let asynchronous = AsyncManager::new(storage);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let log_in_async = || {
        let session = asynchronous.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        runtime.block_on(session.close()).map(drop)
    };
    log_in(&manager).unwrap();
    log_in_async().unwrap();
    let (old, new) = sentinels.replace_primary();
    let holds = |at: usize| sentinels.servers[at].keys("gsession:*").len();
    sentinels.servers[new].flush();
    let deadline = Instant::now() + NEVER;
    while holds(new) == 0 {
        assert!(Instant::now() < deadline, "it goes on storing where it is forgotten");
        log_in(&manager).unwrap();
    }
    // What it has heard holds for both faces.
    let at_old = holds(old);
    log_in(&manager).unwrap();
    log_in_async().unwrap();
    assert_eq!((holds(old), holds(new)), (at_old, 3));
}

/// Who was idle while the primary was replaced, and has a connection that stands, asks first.
#[test]
fn a_primary_that_was_thawed_too_late_takes_no_logout() {
    let sentinels = Sentinels::start();
    let manager = Manager::new(RedisStorage::sentinel(sentinels.urls(), sentinels.service()).build().unwrap());
    let id = log_in(&manager).unwrap();
    let primary = sentinels.primary();
    assert_eq!(sentinels.servers[primary].command(&["WAIT", "2", "5000"]).int(), 2);
    let (old, new) = sentinels.replace_primary();
    let holds = |at: usize| sentinels.servers[at].keys("gsession:*").len();
    assert_eq!((holds(old), holds(new)), (1, 1));
    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    session.destroy();
    assert_eq!(eventually(|| session.save()), Saved::Destroyed);
    assert_eq!((holds(old), holds(new)), (1, 0), "the session lives on");
}

#[test]
fn a_service_that_no_sentinel_knows_is_named_as_such() {
    let sentinel = RedisServer::start();
    for (urls, service) in [(vec![sentinel.url()], "nothing"), (vec!["redis://127.0.0.1:1".to_owned()], "nobody")] {
        let storage =
            RedisStorage::sentinel(urls, service).connect_timeout(SOON).response_timeout(SOON).build().unwrap();
        let start = Instant::now();
        let error = storage.check().unwrap_err();
        assert!(start.elapsed() < NEVER);
        assert_eq!(error.kind(), StorageErrorKind::Unavailable, "{error}");
    }
}
