//! Sentinel and Cluster: failovers, moving slots, renewals across nodes, TLS, replicas that have to confirm.

mod cluster;
mod one_server;
mod renewals;
mod sentinels;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use gsession::{ClientInfo, Delivery, Error, Manager, RedisHashStorage, RedisStorage, SessionId, Storage, Timestamp};
use gsession_test_servers::Cluster;

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
