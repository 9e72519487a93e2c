//! The index of principals on Redis: what happens between its two keys, and what becomes of entries that are wrong.

use std::{num::NonZeroUsize, time::Duration};

use gsession::{
    Changes, RedisHashStorage, RedisStorage, Storage, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Lookup, Moved, Removed, Touched},
};
use gsession_test_servers::RedisServer;

use crate::support::{IDLE, NOW, key, record};

/// A server, and a storage of each layout that uses it alone.
fn each(mut run: impl FnMut(&RedisServer, &dyn Storage)) {
    for is_hash in [false, true] {
        let server = RedisServer::start();
        if is_hash {
            run(&server, &RedisHashStorage::builder(&server.url()).build().unwrap());
        } else {
            run(&server, &RedisStorage::builder(&server.url()).build().unwrap());
        }
    }
}

fn log_in(storage: &dyn Storage, key: &StoreKey, principal: &str) {
    let mut record = record(&[("a", "1")]);
    record.principal = Some(principal.into());
    assert_eq!(storage.create(key, &record, NOW).unwrap(), Created::Done);
}

fn listed(storage: &dyn Storage, principal: &str, now: Timestamp) -> Vec<StoreKey> {
    let mut keys: Vec<_> = storage.find(principal, now).unwrap().iter().map(|found| found.key).collect();
    keys.sort_by_key(ToString::to_string);
    keys
}

fn sets(server: &RedisServer) -> Vec<Vec<u8>> {
    server.keys("gsession:of:*")
}

/// How many entries there are.
fn entries(server: &RedisServer) -> i64 {
    let sets = sets(server).into_iter().filter(|set| set.len() > "gsession:of:0".len());
    sets.map(|set| server.command(&[b"ZCARD".as_slice(), &set]).int()).sum()
}

fn active(now: Timestamp) -> Access {
    Access::active(now, IDLE, Duration::ZERO)
}

/// What a request does after it has read the session, or without that.
fn renewal(storage: &dyn Storage, base: Option<&StoreKey>) -> Commit {
    let mut commit = Commit::new(Changes::default(), active(NOW));
    if let Some(key) = base {
        let Lookup::Found(snapshot) = storage.load(key, &active(NOW)).unwrap() else { panic!("a session") };
        commit.base = Some(snapshot);
    }
    commit
}

fn set_principal(storage: &dyn Storage, key: &StoreKey, principal: Option<&str>) {
    let mut changes = Changes::default();
    changes.set_principal(principal.map(Into::into));
    assert!(matches!(storage.commit(key, &Commit::new(changes, active(NOW))).unwrap(), Committed::Done { .. }));
}

#[test]
fn sessions_from_before_the_index_are_noted_by_the_first_listing() {
    each(|server, storage| {
        for number in 1..=20 {
            log_in(storage, &key(number), if number % 2 == 0 { "ada" } else { "bob" });
        }
        storage.create(&key(99), &record(&[("a", "1")]), NOW).unwrap();
        sets(server).iter().for_each(|set| drop(server.command(&[b"DEL".as_slice(), set])));
        assert_eq!(listed(storage, "ada", NOW), (1..=10).map(|half| key(2 * half)).collect::<Vec<_>>());
        assert_eq!((sets(server).len(), entries(server)), (2, 20), "everybody's are noted, and nobody's are not");
        assert_eq!(server.command(&["EXISTS", "gsession:indexed"]).int(), 1);
    });
}

#[test]
fn a_renewal_lists_the_session_under_its_new_key_alone() {
    each(|server, storage| {
        for has_read in [true, false] {
            log_in(storage, &key(1), "ada");
            let commit = renewal(storage, has_read.then_some(&key(1)));
            assert!(matches!(storage.move_to(&key(1), &key(2), &commit).unwrap(), Moved::Done { .. }));
            assert_eq!(listed(storage, "ada", NOW), [key(2)], "has read: {has_read}");
            assert_eq!(entries(server), 1, "has read: {has_read}");
            assert_eq!(storage.remove(&key(2)).unwrap(), Removed::Done);
            assert_eq!(sets(server), [b""; 0], "has read: {has_read}");
            server.command(&["DEL", &format!("gsession:{}", key(1))]);
        }
    });
}

/// An entry that got lost on its way was written late, when its session had been renewed very often. A client that renews during the
/// listing is given up at some point; what came before is followed to its end.
#[test]
fn a_stale_entry_leads_through_any_number_of_earlier_renewals() {
    const RENEWALS: u32 = 1_200;
    each(|server, storage| {
        let key_of = |number: u32| {
            let mut bytes = [0x5a; 32];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            StoreKey::from_bytes(bytes)
        };
        log_in(storage, &key_of(0), "ada");
        for number in 0..RENEWALS {
            let moved = storage.move_to(&key_of(number), &key_of(number + 1), &renewal(storage, None)).unwrap();
            assert!(matches!(moved, Moved::Done { .. }));
        }
        let [set] = &sets(server)[..] else { panic!("one principal") };
        let scores = server.command(&[b"ZRANGE".as_slice(), set, b"0", b"-1", b"WITHSCORES"]);
        let score = scores.list()[1].text();
        server.command(&[b"DEL".as_slice(), set]);
        server.command(&[b"ZADD".as_slice(), set, score.as_bytes(), key_of(0).as_bytes()]);
        let later = NOW + Duration::from_millis(1);
        assert_eq!(listed(storage, "ada", later), [key_of(RENEWALS)]);
        assert_eq!(storage.remove(&key_of(RENEWALS)).unwrap(), Removed::Done);
        assert_eq!(listed(storage, "ada", later), []);
    });
}

/// The request that renews has read the session before another one set its principal, or changed it.
#[test]
fn a_renewal_notes_the_principal_that_the_session_has_by_then() {
    each(|_, storage| {
        for before in [None, Some("bob")] {
            storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
            set_principal(storage, &key(1), before);
            let commit = renewal(storage, Some(&key(1)));
            set_principal(storage, &key(1), Some("ada"));
            assert!(matches!(storage.move_to(&key(1), &key(2), &commit).unwrap(), Moved::Done { .. }));
            assert_eq!(listed(storage, "ada", NOW), [key(2)], "{before:?}");
            assert_eq!(listed(storage, "bob", NOW), [], "{before:?}");
            storage.remove(&key(2)).unwrap();
            // The tombstone.
            storage.sweep(NOW + Duration::from_secs(7200)).unwrap();
        }
    });
}

/// The process died between noting the session and storing it; or it is about to store it.
#[test]
fn an_entry_without_a_session_goes_when_nobody_can_still_store_the_session() {
    each(|server, storage| {
        log_in(storage, &key(1), "ada");
        log_in(storage, &key(2), "ada");
        server.command(&["DEL", &format!("gsession:{}", key(2))]);
        assert_eq!(listed(storage, "ada", NOW), [key(1)]);
        assert_eq!(listed(storage, "ada", NOW + Duration::from_secs(59 * 60)), [key(1)]);
        assert_eq!(entries(server), 2, "it may be stored at any moment");
        assert_eq!(listed(storage, "ada", NOW + Duration::from_secs(62 * 60)), [key(1)]);
        assert_eq!(entries(server), 1, "stale");
        // Stale entries go by themselves as well, when the next one comes or with the last.
        let later = NOW + IDLE * 4;
        let mut record = record(&[]);
        (record.created_at, record.last_seen) = (later, later);
        record.principal = Some("ada".into());
        storage.create(&key(3), &record, later).unwrap();
        assert_eq!(entries(server), 1, "the new one");
        for set in sets(server) {
            let left = server.command(&[b"PTTL".as_slice(), &set]).int();
            assert!((1..=(IDLE * 4).as_millis() as i64).contains(&left), "{left} ms");
        }
    });
}

#[test]
fn a_page_removes_the_stale_entries_that_it_has_looked_at() {
    each(|server, storage| {
        for number in 1..=4 {
            log_in(storage, &key(number), "ada");
        }
        for number in [1, 4] {
            server.command(&["DEL", &format!("gsession:{}", key(number))]);
        }
        for (minutes, left) in [(59, 4), (62, 3)] {
            let now = NOW + Duration::from_secs(minutes * 60);
            let page = storage.find_page("ada", None, NonZeroUsize::MIN, now).unwrap();
            assert_eq!(page.iter().map(|found| found.key).collect::<Vec<_>>(), [key(2)]);
            assert_eq!(entries(server), left);
        }
    });
}

/// A failover may lose the entry and keep the session, on another node.
#[test]
fn activity_brings_back_an_entry_that_was_lost() {
    type Use = fn(&dyn Storage, Access);
    let uses: [(&str, Use); 4] = [
        ("read", |storage, access| drop(storage.load(&key(1), &access).unwrap())),
        ("read of one entry", |storage, access| drop(storage.fetch(&key(1), &["a"], &access).unwrap())),
        ("touch", |storage, access| assert!(matches!(storage.touch(&key(1), &access).unwrap(), Touched::Done(_)))),
        ("blind write", |storage, access| {
            let mut changes = Changes::default();
            changes.set("b", "2");
            assert!(matches!(storage.commit(&key(1), &Commit::new(changes, access)).unwrap(), Committed::Done { .. }));
        }),
    ];
    each(|server, storage| {
        for (what, use_it) in uses {
            server.command(&["FLUSHALL"]);
            log_in(storage, &key(1), "ada");
            assert_eq!(listed(storage, "ada", NOW), [key(1)]);
            use_it(storage, active(NOW + IDLE / 4));
            sets(server).iter().for_each(|set| drop(server.command(&[b"DEL".as_slice(), set])));
            use_it(storage, active(NOW + IDLE / 4 + Duration::from_millis(1)));
            assert_eq!(sets(server), [b""; 0], "{what}: that would cost every touch a command");
            use_it(storage, active(NOW + IDLE / 4 * 3));
            assert_eq!(listed(storage, "ada", NOW + IDLE / 4 * 3), [key(1)], "{what}");
        }
    });
}

#[test]
fn an_entry_outlasts_its_session_however_long_that_is_used() {
    each(|_, storage| {
        log_in(storage, &key(1), "ada");
        let mut now = NOW;
        for _ in 0..20 {
            now = now + IDLE / 3 * 2;
            assert!(matches!(storage.load(&key(1), &active(now)).unwrap(), Lookup::Found(_)));
            assert_eq!(listed(storage, "ada", now), [key(1)]);
        }
    });
}

/// Two principals with one tag, which nobody can bring about for a given one.
#[test]
fn a_session_of_another_principal_in_the_set_is_not_listed() {
    each(|server, storage| {
        log_in(storage, &key(1), "ada");
        let [set] = &sets(server)[..] else { panic!("one set") };
        log_in(storage, &key(2), "bob");
        let score = server.command(&[b"ZSCORE".as_slice(), set, key(1).as_bytes()]).text();
        server.command(&[b"ZADD".as_slice(), set, score.as_bytes(), key(2).as_bytes()]);
        server.command(&[b"ZADD".as_slice(), set, score.as_bytes(), b"something else"]);
        assert_eq!(listed(storage, "ada", NOW), [key(1)]);
        assert_eq!(listed(storage, "bob", NOW), [key(2)]);
    });
}

#[test]
fn a_sweep_removes_entries_that_count_no_more_and_no_others() {
    each(|server, storage| {
        log_in(storage, &key(1), "ada");
        log_in(storage, &key(2), "bob");
        server.command(&["SET", "gsession:of:0", "something else", "PX", "60000"]);
        storage.sweep(NOW + IDLE * 2).unwrap();
        assert_eq!(entries(server), 2, "they still count");
        storage.sweep(NOW + IDLE * 4).unwrap();
        assert_eq!(sets(server), [b"gsession:of:0"]);
    });
}
