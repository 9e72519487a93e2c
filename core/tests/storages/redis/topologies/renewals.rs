//! Renewals across the nodes of a cluster, overtaken by a logout or come to a stop half-way.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use gsession::{
    Changes, Record, Storage as _, StoreKey,
    record::{Commit, Entries},
    storage::{Access, Created, Lookup, Moved, Removed},
};
use gsession_test_servers::{Cluster, RedisServer, resp::Reply};

use super::{NOW, every_key_has_an_expiry, on_cluster};

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

/// An entry in the index.
struct Entry {
    set: Vec<u8>,
    score: String,
}

impl Entry {
    fn node<'a>(cluster: &'a Cluster, set: &[u8]) -> &'a RedisServer {
        &cluster.nodes[cluster.node_of(cluster.slot_of(set)).unwrap()]
    }

    fn of(cluster: &Cluster, key: &StoreKey) -> Self {
        let sets = cluster.keys("*:of:*").into_iter();
        sets.map(|set| (Self::node(cluster, &set).command(&[b"ZSCORE", &set[..], key.as_bytes()]), set))
            .find(|(score, _)| matches!(score, Reply::Bytes(_)))
            .map(|(score, set)| Self { set, score: score.text() })
            .unwrap()
    }

    /// Only the last step of a renewal removes it.
    fn put(&self, cluster: &Cluster, key: &StoreKey) {
        Self::node(cluster, &self.set).command(&[b"ZADD", &self.set[..], self.score.as_bytes(), key.as_bytes()]);
    }
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
            let entry = Entry::of(&cluster, &to);
            entry.put(&cluster, &from);
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
