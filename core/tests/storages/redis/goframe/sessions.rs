//! What sessions do, in GoFrame's formats, too: overlap, are renewed, end; and what these formats have no place for.

use std::{num::NonZeroUsize, time::Duration};

use gsession::{
    Changes, ClientInfo, Entries, Error, GoFrameIds, IdGenerator as _, KeyScheme, Login, Manager, Record,
    RedisHashStorage, RedisStorage, Saved, SessionId, Storage, StorageError, StorageErrorKind, Timestamp,
    record::{Commit, Lifespan},
    storage::{Access, Committed, Created, Lookup},
};
use gsession_test_servers::{Cluster, RedisServer};

use super::{each, logged_in, logged_out, open};

#[test]
fn overlapping_requests_lose_nothing_and_logout_is_final() {
    each(|_, manager| {
        let id = logged_in(&manager);
        let (one, other) = (open(&manager, id.as_str()), open(&manager, id.as_str()));
        assert!(one.contains_key("user").unwrap() && other.contains_key("user").unwrap());
        one.set("a", &1).unwrap();
        other.set("b", &2).unwrap();
        assert_eq!((one.save().unwrap(), other.save().unwrap()), (Saved::Committed, Saved::Committed));
        one.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
        other.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
        let read = open(&manager, id.as_str());
        let numbers = ["a", "b", "n"].map(|key| read.get::<u32>(key).unwrap().unwrap());
        assert_eq!(numbers, [1, 2, 2]);

        // What one has met in an update, it does not overwrite afterwards.
        one.set("c", &3).unwrap();
        assert_eq!(one.save().unwrap(), Saved::Committed);
        assert_eq!(open(&manager, id.as_str()).len().unwrap(), 5);

        let slow = open(&manager, id.as_str());
        assert!(slow.contains_key("user").unwrap());
        slow.set("late", &1).unwrap();
        let leaving = open(&manager, id.as_str());
        leaving.destroy();
        assert_eq!(leaving.save().unwrap(), Saved::Destroyed);
        assert_eq!(slow.save().unwrap(), Saved::Gone);
        assert!(open(&manager, id.as_str()).is_empty().unwrap());
    });
}

#[test]
fn a_renewal_moves_the_session_and_a_logout_with_the_old_id_ends_it() {
    each(|server, manager| {
        let id = logged_in(&manager);
        let session = open(&manager, id.as_str());
        session.renew().unwrap();
        session.set("role", "admin").unwrap();
        assert_eq!(session.save().unwrap(), Saved::Renewed);
        let new = session.id().unwrap();
        assert_ne!(new, id);
        assert_eq!(open(&manager, new.as_str()).get::<String>("role").unwrap().as_deref(), Some("admin"));
        // GoFrame finds nothing under the old id.
        assert_eq!(server.command(&["EXISTS", id.as_str()]).int(), 0);
        assert!(open(&manager, id.as_str()).is_empty().unwrap());
        let leaving = open(&manager, id.as_str());
        leaving.destroy();
        assert_eq!(leaving.save().unwrap(), Saved::Destroyed);
        assert!(open(&manager, new.as_str()).is_empty().unwrap());
        for key in server.keys("*") {
            assert!(server.command(&[b"PTTL", &key[..]]).int() > 0, "a key without an expiry");
        }
    });
}

#[test]
fn renewals_cross_the_nodes_of_a_cluster() {
    let cluster = Cluster::start();
    let managers = [
        Manager::new(RedisStorage::cluster(cluster.urls()).goframe().build().unwrap()),
        Manager::new(RedisHashStorage::cluster(cluster.urls()).goframe().build().unwrap()),
    ];
    for manager in managers {
        for _ in 0..10 {
            let id = logged_in(&manager);
            let session = open(&manager, id.as_str());
            session.set("x", &1).unwrap();
            session.renew().unwrap();
            assert_eq!(session.save().unwrap(), Saved::Renewed);
            let new = session.id().unwrap();
            let read = open(&manager, new.as_str());
            assert_eq!((read.get("x").unwrap(), read.get("n").unwrap()), (Some(1), Some(0)));
            let old = open(&manager, id.as_str());
            old.destroy();
            assert_eq!(old.save().unwrap(), Saved::Destroyed);
            assert!(open(&manager, new.as_str()).is_empty().unwrap());
        }
    }
    for key in cluster.keys("*") {
        let node = cluster.node_of(cluster.slot_of(&key)).unwrap();
        assert!(cluster.nodes[node].command(&[b"PTTL", &key[..]]).int() > 0, "a key without an expiry");
    }
}

/// Not silently an ordinary session.
#[test]
fn a_remembered_login_is_an_error_and_changes_nothing() {
    let server = RedisServer::start();
    let storages: [Box<dyn Storage>; 2] = [
        Box::new(RedisStorage::builder(&server.url()).goframe().key_prefix("s").build().unwrap()),
        Box::new(RedisHashStorage::builder(&server.url()).goframe().key_prefix("h").build().unwrap()),
    ];
    let (now, hour) = (Timestamp::from_millis(1_750_000_000_000), Duration::from_secs(3600));
    let [key, to] = ["k", "t"].map(|id| {
        let id = format!("{id:0<32}");
        KeyScheme::RawIds.key_of(&SessionId::custom(&id).unwrap())
    });
    for storage in storages {
        let mut record = Record::new(now, hour, None);
        record.entries = Entries::pack([("a", "1")]).unwrap();
        assert_eq!(storage.create(&key, &record, now).unwrap(), Created::Done);
        let mut login = Changes::default();
        login.set("n", "1");
        login.set_lifespan(Lifespan::Own { idle_timeout: hour, until: now + hour });
        let login = Commit::new(login, Access::active(now, hour, Duration::ZERO));
        record.is_remembered = true;
        for refused in [
            storage.commit(&key, &login).map(drop),
            storage.move_to(&key, &to, &login).map(drop),
            storage.create(&to, &record, now).map(drop),
        ] {
            assert_eq!(refused.unwrap_err().kind(), StorageErrorKind::Unsupported);
        }
        let Lookup::Found(snapshot) = storage.load(&key, &Access::passive(now)).unwrap() else { panic!("it is there") };
        let kept: Vec<_> = snapshot.record.entries.iter().map(|(key, json)| (key, json.trim())).collect();
        assert_eq!(kept, [("a", "1")]);
        // One that is not remembered is what all are.
        let mut login = Changes::default();
        login.set("n", "1");
        login.set_lifespan(Lifespan::Managers);
        let login = Commit::new(login, Access::active(now, hour, Duration::ZERO));
        assert!(matches!(storage.commit(&key, &login).unwrap(), Committed::Done { is_remembered: false, .. }));
    }
}

#[test]
fn what_goframes_format_has_no_place_for_is_an_error() {
    each(|server, manager| {
        let session = manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        session.set_principal("ada").unwrap();
        let Err(Error::Storage(error)) = session.save() else { panic!("it cannot be stored") };
        assert_eq!(error.kind(), StorageErrorKind::Unsupported);
        session.abandon();
        // Nor can it list sessions, of a user or with a tag.
        let unsupported = |error: StorageError| assert_eq!(error.kind(), StorageErrorKind::Unsupported);
        unsupported(manager.sessions_of("ada").unwrap_err());
        unsupported(manager.sessions_page("ada", None, NonZeroUsize::MIN).unwrap_err());
        let Err(Error::Storage(error)) = session.log_in(Login::new("ada").tag("sid")) else {
            panic!("no place for it")
        };
        unsupported(error);
        assert!(!session.is_dirty() && server.keys("*").is_empty());
        unsupported(manager.sessions_tagged("sid").unwrap_err());
        unsupported(manager.destroy_all_tagged("sid").unwrap_err());

        let storage = RedisStorage::builder(&server.url()).goframe().build().unwrap();
        let lifetime = Duration::from_secs(60);
        let bounded = Manager::builder(storage).absolute_lifetime(lifetime).build().unwrap();
        let session = bounded.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        assert!(matches!(session.save(), Err(Error::Storage(error)) if error.kind() == StorageErrorKind::Unsupported));
        session.abandon();
        // An id that cannot be a key reaches no server.
        assert!(!manager.accepts(&"a".repeat(33)) && !manager.accepts("custom_session_id"));
        assert!(open(&manager, &"a".repeat(40)).is_empty().unwrap());
    });
    assert!(GoFrameIds.generate(&ClientInfo::default()).is_ok());
}

#[test]
fn reading_extends_a_session() {
    each(|server, manager| {
        let id = logged_in(&manager);
        server.command(&["EXPIRE", id.as_str(), "1000"]);
        assert!(open(&manager, id.as_str()).contains_key("user").unwrap());
        assert_eq!(server.command(&["TTL", id.as_str()]).int(), 86_400);
    });
}

/// A hundred years stand for ever: more than that Redis does not count.
#[test]
fn a_lifetime_without_an_end_is_a_very_long_one() {
    const FOREVER: i64 = 3_155_760_000;
    let server = RedisServer::start();
    let endless = |storage: Box<dyn Storage>| Manager::builder(storage).idle_timeout(Duration::MAX).build().unwrap();
    for manager in [
        endless(Box::new(RedisStorage::builder(&server.url()).goframe().build().unwrap())),
        endless(Box::new(RedisHashStorage::builder(&server.url()).goframe().build().unwrap())),
    ] {
        let lives = |id: &SessionId| {
            let left = server.command(&["TTL", id.as_str()]).int();
            assert!((FOREVER - 60..=FOREVER).contains(&left), "{left}");
        };
        let id = logged_in(&manager);
        lives(&id);
        server.command(&["EXPIRE", id.as_str(), "1000"]);
        assert_eq!(open(&manager, id.as_str()).get("n").unwrap(), Some(0));
        lives(&id);
        let session = open(&manager, id.as_str());
        session.set("x", &1).unwrap();
        assert_eq!(session.save().unwrap(), Saved::Committed);
        lives(&id);
        session.renew().unwrap();
        assert_eq!(session.save().unwrap(), Saved::Renewed);
        let id = session.id().unwrap();
        lives(&id);
        assert_eq!(open(&manager, id.as_str()).get("x").unwrap(), Some(1));
        logged_out(&manager, id.as_str());
    }
}

/// GoFrame marks nothing as a session: what looks like one counts.
#[test]
fn what_looks_like_a_session_counts() {
    let server = RedisServer::start();
    for (is_hash, prefix) in [(false, ""), (true, ""), (false, "app:"), (true, "{app}:")] {
        server.flush();
        let manager = if is_hash { super::hashes(&server, prefix) } else { super::strings(&server, prefix) };
        assert_eq!(manager.count().unwrap(), 0);
        let ids: Vec<_> = (0..3).map(|_| logged_in(&manager)).collect();
        assert_eq!(manager.count().unwrap(), 3, "{is_hash} {prefix}");
        let renewed = open(&manager, ids[0].as_str());
        renewed.renew().unwrap();
        assert_eq!(renewed.save().unwrap(), Saved::Renewed);
        logged_out(&manager, ids[1].as_str());
        // Of another application, or of another kind.
        server.command(&["SET", &format!("{prefix}counter"), "17"]);
        server.command(&["HSET", &format!("{prefix}a-name-that-is-too-long-to-be-an-id-of-a-session"), "a", "1"]);
        server.command(&["RPUSH", &format!("{prefix}queue"), "{}"]);
        server.command(&["SET", "elsewhere:of-another-application-not-here", "{}"]);
        assert_eq!(manager.count().unwrap(), 2, "{is_hash} {prefix}");
        if !is_hash {
            server.command(&["SET", &format!("{prefix}{}", super::KEY), "null", "EX", "60"]);
            assert_eq!(manager.count().unwrap(), 3, "GoFrame takes it for an empty session");
        }
        manager.check().unwrap();
    }
}
