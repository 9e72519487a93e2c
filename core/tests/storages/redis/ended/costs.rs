//! What waiting costs.

use std::time::Duration;

use gsession::{RedisHashStorage, RedisStorage};
use gsession_test_servers::RedisServer;

use super::{AsyncManager, INTERVAL, PATIENCE, calls, ends, until, visitor, watching};

/// All commands so far, but for those of the test.
fn commands(server: &RedisServer) -> u64 {
    let stats = server.command(&["INFO", "stats"]).text();
    let total = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:")).unwrap();
    total.trim().parse::<u64>().unwrap() - calls(server, "info") - calls(server, "client|list")
}

#[tokio::test]
async fn a_thousand_who_wait_share_one_connection_and_send_nothing_while_nothing_happens() {
    const MANY: usize = 1000;
    // Longer than the test: no PING.
    let never = Duration::from_secs(60 * 60);
    let strings = |url: &str| AsyncManager::new(RedisStorage::builder(url).watch_interval(never).build().unwrap());
    let hashes = |url: &str| AsyncManager::new(RedisHashStorage::builder(url).watch_interval(never).build().unwrap());
    for make in [&strings as &dyn Fn(&str) -> AsyncManager, &hashes] {
        let server = RedisServer::start();
        let manager = make(&server.url());
        let mut sessions = Vec::new();
        for _ in 0..MANY {
            sessions.push(visitor(&manager).await.1);
        }
        // Scripts ask, too.
        let asked = calls(&server, "exists");
        let keys: Vec<_> = sessions.iter().map(|session| session.key().unwrap()).collect();
        let mut waiting: Vec<_> = sessions.iter().map(|session| tokio::spawn(session.ended())).collect();
        until("all are watched", || calls(&server, "exists") == asked + MANY as u64).await;
        assert_eq!(watching(&server).len(), 1);
        // Each looks once more when its key is watched. Then it is quiet.
        let mut quiet = commands(&server);
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = commands(&server);
            if now == std::mem::replace(&mut quiet, now) {
                break;
            }
        }
        assert!(waiting.iter().all(|one| !one.is_finished()));
        assert_eq!(calls(&server, "exists"), asked + MANY as u64);
        // One ends: only that is read, and no other.
        assert!(make(&server.url()).destroy(keys[500]).await.unwrap());
        ends("one of many", waiting.swap_remove(500)).await;
        assert!(waiting.iter().all(|one| !one.is_finished()));
        assert!(commands(&server) - quiet < 20, "those who wait for others were not woken");
        drop(waiting);
    }
}

#[tokio::test]
async fn whoever_gives_up_leaves_nothing_behind() {
    let strings = |url: &str| AsyncManager::new(RedisStorage::builder(url).watch_interval(INTERVAL).build().unwrap());
    let hashes =
        |url: &str| AsyncManager::new(RedisHashStorage::builder(url).watch_interval(INTERVAL).build().unwrap());
    for make in [&strings as &dyn Fn(&str) -> AsyncManager, &hashes] {
        let server = RedisServer::start();
        let manager = make(&server.url());
        for _ in 0..3 {
            let mut waiting = Vec::new();
            let before = calls(&server, "exists");
            for _ in 0..20 {
                let (_, session) = visitor(&manager).await;
                waiting.push(tokio::spawn(session.ended()));
            }
            // Scripts ask, too, so that alone does not say that anything is watched.
            let is_watched = || calls(&server, "exists") >= before + 20 && !watching(&server).is_empty();
            until("all are watched", is_watched).await;
            assert_eq!(watching(&server).len(), 1);
            for one in &waiting {
                one.abort();
            }
            for one in waiting {
                assert!(tokio::time::timeout(PATIENCE, one).await.unwrap().unwrap_err().is_cancelled());
            }
            until("the connection is closed", || watching(&server).is_empty()).await;
        }
        // A storage that is dropped takes its connection with it, even if somebody still holds a watch.
        let (_, session) = visitor(&manager).await;
        let waiting = tokio::spawn(session.ended());
        until("it is watched", || watching(&server).len() == 1).await;
        waiting.abort();
        drop((manager, session));
        until("the connection is closed", || watching(&server).is_empty()).await;
    }
}
