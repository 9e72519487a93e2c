//! Sentinel and Cluster: failovers, moving slots, renewals across nodes, TLS, replicas that have to confirm.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use gsession::{
    AsyncManager, Changes, ClientInfo, Delivery, Error, Manager, Record, RedisHashStorage, RedisStorage, Saved,
    SessionId, Storage, StorageErrorKind, StoreKey, Timestamp,
    record::{Commit, Entries},
    storage::{Access, Created, Lookup, Moved, Removed},
};
use gsession_test_servers::{Cluster, RedisServer, Sentinels, resp::Reply, wait};

const SOON: Duration = Duration::from_millis(500);
const NEVER: Duration = Duration::from_secs(40);
const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);

fn log_in(manager: &Manager) -> Result<SessionId, Error> {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada")?;
    let closed = session.close();
    if closed.is_err() {
        session.abandon();
    }
    let Delivery::Send { id, .. } = closed?.delivery else { panic!("a new session has an id") };
    Ok(id)
}

fn user(manager: &Manager, id: &SessionId) -> Result<Option<String>, Error> {
    manager.begin(Some(id.as_str()), ClientInfo::default).get("user")
}

#[track_caller]
fn eventually<T>(mut operation: impl FnMut() -> Result<T, Error>) -> T {
    let deadline = Instant::now() + NEVER;
    loop {
        match operation() {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < deadline, "no service again: {error}"),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn every_key_has_an_expiry(cluster: &Cluster) {
    for key in cluster.keys("*") {
        let node = cluster.node_of(cluster.slot_of(&key)).unwrap();
        assert!(cluster.nodes[node].command(&[b"PTTL", &key[..]]).int() > 0, "a key without an expiry");
    }
}

fn on_cluster(cluster: &Cluster) -> [Arc<dyn Storage>; 2] {
    let strings = RedisStorage::cluster(cluster.urls()).connect_timeout(SOON).response_timeout(SOON);
    let hashes = RedisHashStorage::cluster(cluster.urls()).connect_timeout(SOON).response_timeout(SOON);
    [Arc::new(strings.key_prefix("s:").build().unwrap()), Arc::new(hashes.key_prefix("h:").build().unwrap())]
}

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
    let near = strings().near_cache(gsession::storage::redis::NearCache::default()).build().unwrap();
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

#[test]
fn a_node_of_a_cluster_is_no_single_server_and_the_other_way_round() {
    let cluster = Cluster::start();
    let error = RedisStorage::open(&cluster.nodes[0].url()).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    RedisStorage::cluster(cluster.urls()).build().unwrap().check().unwrap();
    // One node is enough to find the others.
    RedisHashStorage::cluster([cluster.nodes[4].url()]).build().unwrap().check().unwrap();
    let server = RedisServer::start();
    let storage = RedisStorage::cluster([server.url()]).connect_timeout(SOON).response_timeout(SOON).build().unwrap();
    assert!(storage.check().is_err());
    assert!(log_in(&Manager::new(storage)).is_err());
}

#[test]
fn sessions_live_on_all_nodes_and_are_renewed_across_them() {
    let cluster = Cluster::start();
    for storage in on_cluster(&cluster) {
        let manager = Manager::new(Arc::clone(&storage));
        let mut ids: Vec<SessionId> = (0..30).map(|_| log_in(&manager).unwrap()).collect();
        for id in &mut ids {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            session.renew().unwrap();
            session.set("role", "admin").unwrap();
            assert_eq!(session.save().unwrap(), Saved::Renewed);
            assert_eq!(user(&manager, id).unwrap(), None, "the old id lives");
            *id = session.id().unwrap();
            assert_eq!(user(&manager, id).unwrap().as_deref(), Some("ada"));
        }
        let later = manager.now() + Duration::from_secs(3600);
        assert_eq!(storage.sweep(later).unwrap().kept, 30);
        every_key_has_an_expiry(&cluster);
        for id in ids {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            session.destroy();
            assert_eq!(session.save().unwrap(), Saved::Destroyed);
        }
        assert_eq!(storage.sweep(later).unwrap().kept, 0);
    }
    assert!(
        (0..3)
            .all(|node| { cluster.nodes[node].command(&["INFO", "commandstats"]).text().contains("cmdstat_evalsha") })
    );
}

/// A renewal, a logout and a change of one session at the same time, across nodes: never two living sessions, and none after
/// the logout was acknowledged.
#[test]
fn a_logout_during_a_renewal_across_nodes_ends_both() {
    let cluster = Cluster::start();
    let access = Access::active(NOW, Duration::from_secs(3600), Duration::ZERO);
    let key = |number: u32, side: u8| {
        let mut bytes = [side; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        StoreKey::from_bytes(bytes)
    };
    for storage in on_cluster(&cluster) {
        for round in 0..200 {
            let (from, one, two) = (key(round, 1), key(round, 2), key(round, 3));
            let mut record = Record::new(NOW, Duration::from_secs(3600), None);
            record.entries = Entries::pack([("user", "\"ada\"")]).unwrap();
            assert_eq!(storage.create(&from, &record, NOW).unwrap(), Created::Done, "round {round}");
            let start = Barrier::new(4);
            let ended = AtomicBool::new(false);
            let won = AtomicU32::new(0);
            thread::scope(|scope| {
                for to in [one, two] {
                    let (storage, start, won) = (&storage, &start, &won);
                    scope.spawn(move || {
                        start.wait();
                        if matches!(
                            storage.move_to(&from, &to, &Commit::new(Changes::default(), access)).unwrap(),
                            Moved::Done { .. }
                        ) {
                            won.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                }
                scope.spawn(|| {
                    start.wait();
                    let mut changes = Changes::default();
                    changes.set("x", "1");
                    let _ = storage.commit(&from, &Commit::new(changes, access)).unwrap();
                });
                scope.spawn(|| {
                    start.wait();
                    if round % 3 == 0 {
                        return;
                    }
                    let mut key = from;
                    loop {
                        match storage.remove(&key).unwrap() {
                            Removed::Renewed(next) => key = next,
                            Removed::Done => break ended.store(true, Ordering::SeqCst),
                            // What was on its way had not arrived, or never will: it was ended on its way.
                            Removed::Absent => break ended.store(true, Ordering::SeqCst),
                        }
                    }
                });
            });
            let lives = |key: &StoreKey| matches!(storage.load(key, &Access::passive(NOW)).unwrap(), Lookup::Found(_));
            let living = [from, one, two].iter().filter(|key| lives(key)).count();
            let expected = usize::from(!ended.load(Ordering::SeqCst));
            assert_eq!(living, expected, "round {round}");
            assert!(won.load(Ordering::SeqCst) <= 1, "round {round}: two renewals have won");
        }
    }
    every_key_has_an_expiry(&cluster);
}

/// Sessions whose renewal has come to a stop half-way: the old key leads on, and nobody has made the new one a session yet.
#[test]
fn a_listing_brings_renewals_to_their_end() {
    let cluster = Cluster::start();
    let commit = Commit::new(Changes::default(), Access::active(NOW, Duration::from_secs(3600), Duration::ZERO));
    let mut number = 0_u8;
    for storage in on_cluster(&cluster) {
        let mut expected = Vec::new();
        for user in ["ada", "ada", "ada", "ada", "bob", "bob"] {
            let [from, to] = [1, 2].map(|side| StoreKey::from_bytes([[number, side]; 16].concat().try_into().unwrap()));
            number += 1;
            let mut record = Record::new(NOW, Duration::from_secs(3600), None);
            record.principal = Some(user.into());
            assert_eq!(storage.create(&from, &record, NOW).unwrap(), Created::Done);
            assert!(matches!(storage.move_to(&from, &to, &commit).unwrap(), Moved::Done { .. }));
            let name = cluster.keys("*").into_iter().find(|name| name.ends_with(to.to_string().as_bytes())).unwrap();
            let node = &cluster.nodes[cluster.node_of(cluster.slot_of(&name)).unwrap()];
            if node.command(&[b"TYPE", &name[..]]).text() == "string" {
                node.command(&[b"SETRANGE", &name[..], b"1", b"P"]);
            } else {
                let Reply::Bytes(mut head) = node.command(&[b"HGET", &name[..], b"m"]) else { panic!("a header") };
                head[1] = b'P';
                node.command(&[b"HSET", &name[..], b"m", &head]);
            }
            assert!(matches!(storage.load(&to, &Access::passive(NOW)).unwrap(), Lookup::Absent), "nobody sees it yet");
            if user == "ada" {
                expected.push(to);
            }
        }
        let mut listed: Vec<StoreKey> = storage.find("ada", NOW).unwrap().iter().map(|found| found.key).collect();
        listed.sort_by_key(ToString::to_string);
        expected.sort_by_key(ToString::to_string);
        assert_eq!(listed, expected);
        for key in expected {
            assert!(matches!(storage.load(&key, &Access::passive(NOW)).unwrap(), Lookup::Found(_)));
            assert_eq!(storage.remove(&key).unwrap(), Removed::Done);
        }
        assert!(storage.find("ada", NOW).unwrap().is_empty());
    }
}

/// What a cluster announces for its nodes may be "the host that you have asked", in three ways.
#[test]
fn nodes_that_are_announced_without_a_host() {
    let cluster = Cluster::start();
    for kind in ["unknown-endpoint", "hostname", "ip"] {
        for node in &cluster.nodes {
            node.command(&["CONFIG", "SET", "cluster-preferred-endpoint-type", kind]);
        }
        for storage in on_cluster(&cluster) {
            let manager = Manager::new(Arc::clone(&storage));
            let ids: Vec<SessionId> = (0..20).map(|_| log_in(&manager).unwrap()).collect();
            for id in &ids {
                assert_eq!(user(&manager, id).unwrap().as_deref(), Some("ada"), "{kind}");
            }
            // A redirection says it as well.
            let digits = StoreKey::of(&ids[0]).to_string();
            let name = cluster.keys("*").into_iter().find(|name| name.ends_with(digits.as_bytes())).unwrap();
            let slot = cluster.slot_of(&name);
            let from = cluster.node_of(slot).unwrap();
            let to = (from + 1) % 3;
            cluster.begin_migration(slot, from, to);
            cluster.move_keys(slot, from, to);
            assert_eq!(user(&manager, &ids[0]).unwrap().as_deref(), Some("ada"), "{kind}: ASK");
            cluster.finish_migration(slot, to);
            assert_eq!(user(&manager, &ids[0]).unwrap().as_deref(), Some("ada"), "{kind}: MOVED");
            wait::until("the nodes agreeing on the slot", || (cluster.node_of(slot) == Some(to)).then_some(()));
        }
        RedisStorage::cluster([cluster.nodes[5].url()]).build().unwrap().check().unwrap();
    }
}

#[test]
fn a_slot_that_moves_loses_nothing() {
    let cluster = Cluster::start();
    for storage in on_cluster(&cluster) {
        let manager = Manager::new(Arc::clone(&storage));
        let id = log_in(&manager).unwrap();
        let digits = StoreKey::of(&id).to_string();
        let name = cluster.keys("*").into_iter().find(|name| name.ends_with(digits.as_bytes())).unwrap();
        let slot = cluster.slot_of(&name);
        let change = |n: u32| {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            session.set("n", &n).unwrap();
            assert_eq!(session.save().unwrap(), Saved::Committed);
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            assert_eq!(session.get::<u32>("n").unwrap(), Some(n));
        };
        for round in 0..3 {
            let from = cluster.node_of(slot).unwrap();
            let to = (from + 1) % 3;
            change(10 * round);
            cluster.begin_migration(slot, from, to);
            change(10 * round + 1);
            cluster.move_keys(slot, from, to);
            change(10 * round + 2);
            cluster.finish_migration(slot, to);
            change(10 * round + 3);
            wait::until("the nodes agreeing on the slot", || (cluster.node_of(slot) == Some(to)).then_some(()));
        }
        // A session is made, renewed and ended while its slot moves.
        let from = cluster.node_of(slot).unwrap();
        let to = (from + 1) % 3;
        cluster.begin_migration(slot, from, to);
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        session.renew().unwrap();
        assert_eq!(session.save().unwrap(), Saved::Renewed);
        cluster.move_keys(slot, from, to);
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        session.destroy();
        assert_eq!(session.save().unwrap(), Saved::Destroyed);
        cluster.finish_migration(slot, to);
        assert_eq!(storage.sweep(manager.now() + Duration::from_secs(3600)).unwrap().kept, 0);
    }
    every_key_has_an_expiry(&cluster);
}

#[test]
fn a_primary_that_dies_is_replaced_and_a_cluster_that_is_down_is_an_error() {
    let mut cluster = Cluster::start();
    let storages = on_cluster(&cluster);
    let managers = storages.clone().map(Manager::new);
    let mut ids = Vec::new();
    for manager in &managers {
        ids.push((0..20).map(|_| log_in(manager).unwrap()).collect::<Vec<_>>());
    }
    for node in 0..3 {
        assert!(cluster.nodes[node].command(&["WAIT", "1", "5000"]).int() >= 1);
    }
    cluster.fail_over(0);
    for (manager, ids) in managers.iter().zip(&ids) {
        for id in ids {
            assert_eq!(eventually(|| user(manager, id)).as_deref(), Some("ada"));
        }
        eventually(|| log_in(manager));
    }
    // The rest of the primaries: nobody is left to decide on a successor.
    for node in [1, 2] {
        cluster.nodes[node].kill();
    }
    for manager in &managers {
        let start = Instant::now();
        let failed = (0..6).filter(|_| log_in(manager).is_err()).count();
        assert!(failed > 0, "a cluster without most of its primaries still takes everything");
        assert!(start.elapsed() < 4 * NEVER);
    }
}

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
    let near = AsyncManager::new(builder().near_cache(gsession::storage::redis::NearCache::default()).build().unwrap());
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
