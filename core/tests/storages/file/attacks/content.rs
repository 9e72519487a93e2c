//! Files that are not what they seem: damaged, of a later version, hostile.

use std::fs::{self, File};

use gsession::{
    ClientInfo, Delivery, Manager, Saved, SessionId, Storage, StoreKey,
    storage::{Created, Moved},
};
use sha2::{Digest as _, Sha256};

use super::{Ground, age};
use crate::support::{IDLE, NOW, commit_at, key, quiet_file, record, setting, stored};

/// A session file of version 1 or a later one with these bytes as its record, and a right checksum.
fn framed(version: u8, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = [b"GSES".as_slice(), &[version, kind, 0, 0]].concat();
    bytes.extend_from_slice(&u64::try_from(IDLE.as_millis()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&0_u64.to_le_bytes());
    let sum = Sha256::new().chain_update(&bytes).chain_update(content).finalize();
    bytes.extend_from_slice(&sum[..8]);
    bytes.extend_from_slice(content);
    bytes
}

/// A record's head: created and last seen at the epoch, idle for ever, no deadline, nobody's.
const HEAD: &[u8] = b"\x01\x00\x00\xfd\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00";

fn with_value(json: &[u8]) -> Vec<u8> {
    let len = u16::try_from(json.len()).unwrap().to_le_bytes();
    framed(1, 1, &[HEAD, b"\x01\x01a\xfb", &len, json].concat())
}

/// A file with these bytes is no session; nothing panics; the client's next write stands under a fresh id.
fn counts_as_no_session(what: &str, bytes: &[u8]) {
    let ground = Ground::new();
    let storage = quiet_file(&ground.sessions());
    let manager = Manager::new(storage.clone());
    let id = SessionId::from_random([3; 32]);
    let place = ground.place(&StoreKey::of(&id));
    for blind in [false, true] {
        fs::write(&place, bytes).unwrap();
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        if !blind {
            assert_eq!(session.get::<String>("user").unwrap(), None, "{what}");
            assert!(session.is_empty().unwrap());
        }
        session.set("user", "ada").unwrap();
        let closed = session.close().unwrap();
        assert_eq!(closed.saved, Saved::Created, "{what}");
        let Delivery::Send { id: new, .. } = closed.delivery else { panic!("{what}: a new session has an id") };
        assert_ne!(new, id);
        let next = manager.begin(Some(new.as_str()), ClientInfo::default);
        assert_eq!(next.get::<String>("user").unwrap().as_deref(), Some("ada"));
        assert_eq!(fs::read(&place).unwrap(), bytes, "{what}: it was changed");
        assert!(manager.sessions_of("ada").unwrap().is_empty());
        Storage::sweep(&storage, NOW).unwrap();
        assert_eq!(fs::read(&place).unwrap(), bytes, "{what}: it was swept");
        // A logout is final: a later version, or a process with larger limits, might read what this one cannot. What is no
        // session of any version stays.
        let logout = manager.begin(Some(id.as_str()), ClientInfo::default);
        logout.destroy();
        let _ = logout.close().unwrap();
        assert_eq!(place.exists(), !bytes.starts_with(b"GSES"), "{what}: after a logout");
    }
}

#[test]
fn what_is_damaged_counts_as_no_session() {
    let good = with_value(b"\"ada\"");
    assert_is_read(&good);
    counts_as_no_session("nothing", b"");
    counts_as_no_session("a byte", b"G");
    counts_as_no_session("garbage", &[0xa5; 5_000]);
    counts_as_no_session("zeros", &[0; 5_000]);
    for len in [4, 5, 6, 8, 31, 32, 33, good.len() - 1] {
        counts_as_no_session(&format!("cut at {len}"), &good[..len]);
    }
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    counts_as_no_session("a flipped bit", &flipped);
    counts_as_no_session("more than there was", &[&good, b"x".as_slice()].concat());
}

/// Under the key of the application's own choice (`set_id`), the next write works where nobody can read what is there, and
/// only there (S11, S6).
fn gives_way(what: &str, bytes: &[u8], is_free: bool) {
    let ground = Ground::new();
    let storage = ground.storage();
    let id = SessionId::from_random([3; 32]);
    let wanted = StoreKey::of(&id);
    storage.create(&key(3), &record(&[("a", "1")]), NOW).unwrap();
    fs::write(ground.place(&wanted), bytes).unwrap();
    // As long ago as now, so that nothing has expired.
    age(&ground.file(&wanted), NOW.to_system_time().unwrap());
    let moved = storage.move_to(&key(3), &wanted, &commit_at(setting("b", "2"), NOW)).unwrap();
    assert_eq!(matches!(moved, Moved::Done { .. }), is_free, "{what}: a renewal was answered {moved:?}");
    fs::write(ground.place(&wanted), bytes).unwrap();
    age(&ground.file(&wanted), NOW.to_system_time().unwrap());
    if !is_free {
        assert_eq!(storage.create(&wanted, &record(&[("a", "1")]), NOW).unwrap(), Created::Exists, "{what}");
        assert_eq!(fs::read(ground.file(&wanted)).unwrap(), bytes, "{what}: it was changed");
        return;
    }
    let manager = Manager::builder(ground.storage()).clock(gsession::ManualClock::new(NOW)).build().unwrap();
    let session = manager.begin(None, ClientInfo::default);
    session.set_id(id.clone()).unwrap();
    session.set("user", "ada").unwrap();
    assert_eq!(session.save().unwrap(), Saved::Created, "{what}");
    let next = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(next.get::<String>("user").unwrap().as_deref(), Some("ada"), "{what}");
}

#[test]
fn what_nobody_can_read_gives_way_to_a_session() {
    let good = with_value(b"\"ada\"");
    for len in [8, 31, 32, 33, good.len() - 1] {
        gives_way(&format!("cut at {len}"), &good[..len], true);
    }
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    gives_way("a flipped bit", &flipped, true);
    gives_way("more than there was", &[&good, b"x".as_slice()].concat(), true);
    gives_way("a tombstone cut short", &framed(1, 2, b"")[..30], true);
    // What a power failure leaves of a file that never reached the disk.
    gives_way("nothing", b"", true);
    gives_way("zeros", &[0; 5_000], true);
}

#[test]
fn what_somebody_may_read_never_gives_way_to_a_session() {
    gives_way("a living session", &with_value(b"\"ada\""), false);
    gives_way("a tombstone", &framed(1, 2, &[&[7; 32][..], &NOW.as_millis().to_le_bytes()].concat()), false);
    gives_way("a later file", &framed(3, 1, HEAD), false);
    gives_way("an encrypted file", &framed(1, 3, HEAD), false);
    gives_way("a record of another codec", &framed(1, 1, b"of another codec"), false);
    gives_way("over the limits of this process", &with_value(&[vec![b'['; 200], vec![b']'; 200]].concat()), false);
    gives_way("larger than this process reads", &[framed(1, 1, HEAD), vec![1; 2 << 20]].concat(), false);
    gives_way("garbage", &[0xa5; 5_000], false);
    gives_way("a text", b"#!/bin/sh\necho a text that somebody needs\n", false);
}

/// The frame of this test is the storage's: what it refuses, it refuses for what is in it.
fn assert_is_read(good: &[u8]) {
    let ground = Ground::new();
    let storage = ground.storage();
    fs::write(ground.place(&key(1)), good).unwrap();
    let expected = vec![("a".to_owned(), "\"ada\"".to_owned())];
    assert_eq!(stored(&*storage, &key(1), NOW), Some(expected));
}

#[test]
fn what_a_later_version_wrote_counts_as_no_session() {
    counts_as_no_session("a later file", &framed(3, 1, HEAD));
    counts_as_no_session("an encrypted file", &framed(1, 3, HEAD));
    counts_as_no_session("a kind that is none", &framed(1, 0, HEAD));
    counts_as_no_session("a later record", &framed(1, 1, &[b"\x02", &HEAD[1..], b"\x00"].concat()));
}

#[test]
fn what_announces_more_than_it_has_counts_as_no_session() {
    let with = |tail: &[u8]| framed(1, 1, &[HEAD, tail].concat());
    counts_as_no_session("4 billion entries", &with(b"\xfc\xff\xff\xff\xff"));
    counts_as_no_session("an endless key", &with(b"\x01\xfd\xff\xff\xff\xff\xff\xff\xff\x7f"));
    counts_as_no_session("an endless value", &with(b"\x01\x01a\xfd\xff\xff\xff\xff\xff\xff\xff\xff"));
    counts_as_no_session("a tombstone without a key", &framed(1, 2, b"short"));
    counts_as_no_session("a text that is none", &with(b"\x01\x01\xff\x011"));
}

#[test]
fn what_is_nested_too_deeply_counts_as_no_session() {
    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    counts_as_no_session("nesting", &with_value(&deep));
}

/// A file far over the limit is not read at all: this one would fill every memory.
#[test]
fn what_is_too_large_counts_as_no_session() {
    let ground = Ground::new();
    let storage = quiet_file(&ground.sessions());
    let manager = Manager::new(storage);
    let id = SessionId::from_random([3; 32]);
    let place = ground.place(&StoreKey::of(&id));
    fs::write(&place, with_value(b"\"ada\"")).unwrap();
    File::options().write(true).open(&place).unwrap().set_len(1 << 40).unwrap();
    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(session.get::<String>("a").unwrap(), None);
    session.set("a", "new").unwrap();
    assert_eq!(session.close().unwrap().saved, Saved::Created);
    assert!(manager.sessions_of("ada").unwrap().is_empty());
    assert_eq!(fs::metadata(&place).unwrap().len(), 1 << 40);
}

/// A value that is not JSON spoils itself, not the session.
#[test]
fn a_value_that_is_not_json_is_absent_and_can_be_replaced() {
    let ground = Ground::new();
    let manager = Manager::new(quiet_file(&ground.sessions()));
    let id = SessionId::from_random([3; 32]);
    fs::write(ground.place(&StoreKey::of(&id)), with_value(b"{oops")).unwrap();
    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(session.get::<String>("a").unwrap(), None);
    session.set("a", "good").unwrap();
    assert_eq!(session.close().unwrap().saved, Saved::Committed);
    let next = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(next.get::<String>("a").unwrap().as_deref(), Some("good"));
}
