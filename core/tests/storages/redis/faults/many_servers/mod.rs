//! Clusters and Sentinels.

mod failovers;
mod lost_steps;
mod moves;
mod slots;

use super::*;

/// All storages and faces on a cluster, with keys that begin with `prefix`.
fn on_cluster(cluster: &Cluster, prefix: &str) -> Vec<Face> {
    let face = |which: (Form, Side)| {
        let (urls, prefix) = (cluster.urls(), format!("{prefix}{which:?}:"));
        face!(which, Redis => quick(Redis::cluster(urls)).key_prefix(prefix)).unwrap()
    };
    ALL.into_iter().map(face).collect()
}

fn on_sentinels(sentinels: &Sentinels, service: &str) -> Vec<Face> {
    let face = |which: (Form, Side)| {
        let (urls, prefix) = (sentinels.urls(), format!("{which:?}:"));
        face!(which, Redis => quick(Redis::sentinel(urls, service)).key_prefix(prefix)).unwrap()
    };
    ALL.into_iter().map(face).collect()
}

/// No key is without an expiry on those of the servers that live and are no replicas.
#[track_caller]
fn assert_all_expire_on(servers: &[RedisServer]) {
    for server in servers {
        let role = Client::connect(server.port(), NO_HANG).and_then(|mut client| client.command(&["ROLE"]));
        if role.is_ok_and(|role| role.list()[0].text() == "master") {
            assert_all_expire(server);
        }
    }
}

fn redis_name(face: &Face, key: &StoreKey) -> Vec<u8> {
    format!("{:?}:{key}", (face.form, face.side)).into_bytes()
}

fn some_id() -> SessionId {
    HashedIds::new().generate(&ClientInfo::default()).unwrap()
}

fn living(face: &Face, keys: &[StoreKey]) -> usize {
    keys.iter().filter(|key| support::found(&*face.storage, key, now()).is_some()).count()
}

/// A logout.
fn remove_through(face: &Face, key: StoreKey) -> Result<(), StorageError> {
    let mut next = key;
    while let Removed::Renewed(to) = face.storage.remove(&next)? {
        next = to;
    }
    Ok(())
}

/// A session with the entry a = 1.
fn put(face: &Face, key: &StoreKey) {
    let mut record = Record::new(now(), support::IDLE, None);
    record.entries = support::entries(&[("a", "1")]);
    assert_eq!(face.storage.create(key, &record, now()).unwrap(), Created::Done);
}

fn setting_b() -> Commit {
    support::commit_at(support::setting("b", "2"), now())
}
