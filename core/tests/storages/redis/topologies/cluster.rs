//! A cluster: which servers are one, slots that move, primaries that die.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gsession::{
    ClientInfo, Manager, RedisHashStorage, RedisStorage, Saved, SessionId, Storage as _, StorageErrorKind, StoreKey,
};
use gsession_test_servers::{Cluster, RedisServer, wait};

use super::{NEVER, SOON, eventually, every_key_has_an_expiry, log_in, on_cluster, user};

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
