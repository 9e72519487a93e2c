//! Sentinels and clusters: the session moves to another server.

use gsession::{RedisHashStorage, RedisStorage};
use gsession_test_servers::{Cluster, Sentinels};

use super::{AsyncManager, INTERVAL, SOON, ends, log_out, until, visitor};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_the_new_primary_reports() {
    let mut sentinels = Sentinels::start();
    let strings = || {
        let builder = RedisStorage::sentinel(sentinels.urls(), sentinels.service()).key_prefix("s:");
        builder.connect_timeout(SOON).response_timeout(SOON).watch_interval(INTERVAL).build().unwrap()
    };
    let hashes = || {
        let builder = RedisHashStorage::sentinel(sentinels.urls(), sentinels.service()).key_prefix("h:");
        builder.connect_timeout(SOON).response_timeout(SOON).watch_interval(INTERVAL).build().unwrap()
    };
    let pairs = [
        (AsyncManager::new(strings()), AsyncManager::new(strings())),
        (AsyncManager::new(hashes()), AsyncManager::new(hashes())),
    ];
    let mut waiting = Vec::new();
    for (here, there) in pairs {
        let (id, session) = visitor(&here).await;
        waiting.push((there, id, tokio::spawn(session.ended())));
    }
    let primary = sentinels.primary();
    assert_eq!(sentinels.servers[primary].command(&["WAIT", "2", "5000"]).int(), 2);
    tokio::task::block_in_place(|| sentinels.fail_over());
    for (there, id, waiting) in waiting {
        assert!(!waiting.is_finished(), "a failover ends no session");
        let mut gone = false;
        while !gone {
            let request = super::open(&there, &id);
            request.destroy();
            gone = request.close().await.is_ok();
        }
        ends("failover", waiting).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_slot_moves_is_watched_where_it_is() {
    let cluster = Cluster::start();
    let strings = || {
        let builder = RedisStorage::cluster(cluster.urls()).key_prefix("s:");
        builder.watch_interval(INTERVAL).build().unwrap()
    };
    let hashes = || {
        let builder = RedisHashStorage::cluster(cluster.urls()).key_prefix("h:");
        builder.watch_interval(INTERVAL).build().unwrap()
    };
    let pairs = [
        ("s:*", AsyncManager::new(strings()), AsyncManager::new(strings())),
        ("h:*", AsyncManager::new(hashes()), AsyncManager::new(hashes())),
    ];
    for (pattern, here, there) in pairs {
        let (id, session) = visitor(&here).await;
        let waiting = tokio::spawn(session.ended());
        let name = cluster.keys(pattern).into_iter().next().unwrap();
        let slot = cluster.slot_of(&name);
        let from = cluster.node_of(slot).unwrap();
        let to = cluster.primaries().into_iter().find(|node| *node != from).unwrap();
        until("it is watched", || super::calls(&cluster.nodes[from], "exists") > 0).await;
        tokio::task::block_in_place(|| {
            cluster.begin_migration(slot, from, to);
            cluster.move_keys(slot, from, to);
            cluster.finish_migration(slot, to);
        });
        assert!(!waiting.is_finished(), "{pattern}: a move ends no session");
        until("it is watched at its new place", || super::calls(&cluster.nodes[to], "exists") > 0).await;
        assert!(!waiting.is_finished(), "{pattern}: a move ends no session");
        log_out(&there, &id).await;
        ends(pattern, waiting).await;
        cluster.nodes[from].command(&["CONFIG", "RESETSTAT"]);
        cluster.nodes[to].command(&["CONFIG", "RESETSTAT"]);
    }
}
