//! The memory storage stays within its bounds, and gives up the right sessions (R21).
#![cfg(all(feature = "file", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use gsession::{
    Changes, ClientInfo, Delivery, Error, Manager, ManualClock, MemoryStorage, Record, Saved, Storage,
    StorageErrorKind, StoreKey, Timestamp,
    storage::{Access, Committed, Created, Lookup, Moved, Removed, TOMBSTONE_LIFETIME},
};
use support::{IDLE, NOW, active, commit_at, entries, found, key, setting, wait_until};

const MINUTE: Duration = Duration::from_secs(60);
/// Tombstones that a session leaves at most in a minute.
const TOMBSTONES: usize = 16;

fn bounded(sessions: usize) -> MemoryStorage {
    MemoryStorage::builder().max_sessions(sessions).sweep_interval(Duration::MAX).build()
}

fn bounded_in_bytes(bytes: usize) -> MemoryStorage {
    MemoryStorage::builder().max_bytes(bytes).sweep_interval(Duration::MAX).build()
}

fn anonymous(now: Timestamp) -> Record {
    let mut record = Record::new(now, IDLE, None);
    record.entries = entries(&[("seen", "1")]);
    record
}

fn of(principal: &str) -> Record {
    let mut record = anonymous(NOW);
    record.principal = Some(principal.into());
    record
}

/// The same, but it ends soon.
fn short(mut record: Record) -> Record {
    record.idle_timeout = MINUTE;
    record
}

fn create(storage: &MemoryStorage, key: &StoreKey, record: &Record, now: Timestamp) -> Result<(), StorageErrorKind> {
    match Storage::create(storage, key, record, now) {
        Ok(created) => {
            assert_eq!(created, Created::Done);
            Ok(())
        }
        Err(error) => Err(error.kind()),
    }
}

fn numbered(number: u32) -> StoreKey {
    let mut bytes = [0x5a; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes[31] = number.to_le_bytes()[0];
    StoreKey::from_bytes(bytes)
}

/// Keys of one shard, which is chosen by the last byte.
fn neighbour(number: u8) -> StoreKey {
    let mut bytes = [0x5a; 32];
    (bytes[0], bytes[31]) = (number, 7);
    StoreKey::from_bytes(bytes)
}

fn lives(storage: &MemoryStorage, key: &StoreKey, now: Timestamp) -> bool {
    found(storage, key, now).is_some()
}

fn big(len: usize) -> Changes {
    setting("big", &format!("\"{}\"", "x".repeat(len)))
}

#[test]
fn the_number_of_sessions_is_bounded() {
    let storage = bounded(100);
    for number in 0..1_000 {
        create(&storage, &numbered(number), &anonymous(NOW), NOW).unwrap();
        assert!(storage.len() <= 100);
        assert!(lives(&storage, &numbered(number), NOW), "the new one is there");
    }
    assert_eq!(storage.len(), 100);
    assert_eq!((0..1_000).filter(|&number| lives(&storage, &numbered(number), NOW)).count(), 100);
}

#[test]
fn the_bytes_are_bounded_when_sessions_are_created() {
    let storage = bounded_in_bytes(100_000);
    let mut record = anonymous(NOW);
    record.entries = entries(&[("text", &format!("\"{}\"", "x".repeat(1_000)))]);
    for number in 0..1_000 {
        create(&storage, &numbered(number), &record, NOW).unwrap();
        assert!(storage.bytes() <= 100_000);
        assert!(lives(&storage, &numbered(number), NOW));
    }
    // Most of it is used.
    assert!(storage.bytes() > 80_000 && storage.len() > 60, "{storage:?}");
}

#[test]
fn the_bytes_are_bounded_when_sessions_grow() {
    let storage = bounded_in_bytes(100_000);
    for number in 0..20 {
        create(&storage, &numbered(number), &anonymous(NOW), NOW).unwrap();
    }
    for number in 0..20 {
        let commit = commit_at(big(20_000), NOW);
        if let Committed::Done { .. } = Storage::commit(&storage, &numbered(number), &commit).unwrap() {
            assert!(lives(&storage, &numbered(number), NOW), "answered as stored, and given up at once");
        }
        assert!(storage.bytes() <= 100_000, "{storage:?}");
    }
}

/// Sessions of principals are never given up, so their growth must be refused.
#[test]
fn the_bytes_are_bounded_when_sessions_of_principals_grow() {
    let storage = bounded_in_bytes(100_000);
    for number in 0..20 {
        create(&storage, &numbered(number), &of("ada"), NOW).unwrap();
    }
    let mut refused = 0;
    for number in 0..20 {
        match Storage::commit(&storage, &numbered(number), &commit_at(big(20_000), NOW)) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), StorageErrorKind::Full);
                let left = found(&storage, &numbered(number), NOW).expect("it is as it was").record;
                assert_eq!(left, of("ada"));
                refused += 1;
            }
        }
        assert!(storage.bytes() <= 100_000, "{storage:?}");
    }
    assert!(refused >= 15, "{refused}");
}

/// What a commit answers as stored is there for the next load, also if there was hardly room for it.
#[test]
fn a_session_that_grows_over_the_bound_is_kept_or_refused() {
    let storage = bounded_in_bytes(10_000);
    create(&storage, &key(1), &anonymous(NOW), NOW).unwrap();
    match Storage::commit(&storage, &key(1), &commit_at(big(20_000), NOW)) {
        Ok(Committed::Done { .. }) => assert!(lives(&storage, &key(1), NOW), "answered as stored, and it is gone"),
        Ok(other) => panic!("it was there: {other:?}"),
        Err(error) => {
            assert_eq!(error.kind(), StorageErrorKind::Full);
            assert_eq!(found(&storage, &key(1), NOW).expect("it is as it was").record, anonymous(NOW));
        }
    }
}

#[test]
fn a_session_larger_than_the_storage_is_refused() {
    let storage = bounded_in_bytes(10_000);
    create(&storage, &key(1), &of("ada"), NOW).unwrap();
    let mut record = anonymous(NOW);
    record.entries = entries(&[("text", &format!("\"{}\"", "x".repeat(20_000)))]);
    assert_eq!(create(&storage, &key(2), &record, NOW), Err(StorageErrorKind::Full));
    assert!(lives(&storage, &key(1), NOW) && !lives(&storage, &key(2), NOW));
    assert_eq!(storage.len(), 1);
}

#[test]
fn a_flood_does_not_push_out_those_who_are_logged_in() {
    let storage = bounded(100);
    let manager = Manager::builder(storage.clone()).clock(ManualClock::new(NOW)).build().unwrap();
    let login = || {
        let session = manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        session.set_principal("ada").unwrap();
        match session.close().unwrap().delivery {
            Delivery::Send { id, .. } => id,
            other => panic!("no id for the client: {other:?}"),
        }
    };
    let ids: Vec<_> = (0..50).map(|_| login()).collect();
    for _ in 0..2_000 {
        let stranger = manager.begin(None, ClientInfo::default);
        stranger.set("seen", &1).unwrap();
        let _ = stranger.close().unwrap();
    }
    for id in &ids {
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("ada"));
    }
    assert_eq!(manager.sessions_of("ada").unwrap().len(), 50);
    assert_eq!(storage.len(), 100);
}

/// Anonymous visitors that come back are worth more than clients that keep no cookies.
#[test]
fn a_flood_pushes_out_itself_before_visitors_that_came_back() {
    let storage = bounded(16);
    let later = NOW + MINUTE;
    for number in 0..8 {
        create(&storage, &neighbour(number), &anonymous(NOW), NOW).unwrap();
        Storage::touch(&storage, &neighbour(number), &active(later)).unwrap();
    }
    for number in 100..200 {
        create(&storage, &neighbour(number), &anonymous(later), later).unwrap();
    }
    assert!((0..8).all(|number| lives(&storage, &neighbour(number), later)));
}

#[test]
fn when_only_principals_are_left_a_new_session_is_refused() {
    let storage = bounded(10);
    for number in 0..10 {
        create(&storage, &numbered(number), &of("ada"), NOW).unwrap();
    }
    assert_eq!(create(&storage, &numbered(10), &anonymous(NOW), NOW), Err(StorageErrorKind::Full));
    assert_eq!(create(&storage, &numbered(10), &of("bob"), NOW), Err(StorageErrorKind::Full));
    assert_eq!(storage.len(), 10);
    // It is an error the application can match on, and it passes.
    let manager = Manager::builder(storage.clone()).clock(ManualClock::new(NOW)).build().unwrap();
    let session = manager.begin(None, ClientInfo::default);
    session.set("seen", &1).unwrap();
    assert!(matches!(session.close(), Err(Error::Storage(error)) if error.kind() == StorageErrorKind::Full));
    assert_eq!(Storage::remove(&storage, &numbered(3)).unwrap(), Removed::Done);
    assert!(matches!(session.close().unwrap().delivery, Delivery::Send { .. }));
    // Those who are there go on working.
    let commit = commit_at(setting("n", "1"), NOW);
    assert!(matches!(Storage::commit(&storage, &numbered(1), &commit).unwrap(), Committed::Done { .. }));
}

#[test]
fn what_has_expired_goes_first() {
    let storage = bounded(10);
    let later = NOW + MINUTE;
    for number in 0..5 {
        // Also if somebody was logged in.
        create(&storage, &neighbour(number), &short(of("ada")), NOW).unwrap();
    }
    for number in 5..10 {
        create(&storage, &neighbour(number), &anonymous(NOW), NOW).unwrap();
    }
    for number in 10..15 {
        create(&storage, &neighbour(number), &anonymous(later), later).unwrap();
    }
    assert!(
        (5..15).all(|number| lives(&storage, &neighbour(number), later)),
        "a living session went before a dead one"
    );
}

/// The bound is one for all shards, and so is the order in which sessions are given up.
#[test]
fn what_has_expired_goes_first_wherever_it_is() {
    let storage = bounded(10);
    let later = NOW + MINUTE;
    for number in 0..5 {
        create(&storage, &key(100 + number), &short(anonymous(NOW)), NOW).unwrap();
    }
    for number in 0..5 {
        create(&storage, &neighbour(number), &anonymous(NOW), NOW).unwrap();
    }
    for number in 5..10 {
        create(&storage, &neighbour(number), &anonymous(later), later).unwrap();
    }
    assert!(
        (0..10).all(|number| lives(&storage, &neighbour(number), later)),
        "a living session went before a dead one"
    );
}

/// When every session has expired and belonged to somebody, there is room again.
#[test]
fn expired_sessions_of_principals_make_room() {
    let storage = bounded(3);
    for number in 0..3 {
        create(&storage, &numbered(number), &short(of("ada")), NOW).unwrap();
    }
    let later = NOW + MINUTE;
    create(&storage, &numbered(3), &anonymous(later), later).unwrap();
    assert!(lives(&storage, &numbered(3), later));
}

/// A logout that began before a renewal must find the new session, also while strangers flood the storage (S5, R21).
#[test]
fn a_flood_does_not_push_out_the_tombstone_of_a_renewal() {
    let storage = bounded(10);
    create(&storage, &numbered(0), &of("ada"), NOW).unwrap();
    let moved = Storage::move_to(&storage, &numbered(0), &numbered(1), &commit_at(Changes::default(), NOW)).unwrap();
    assert!(matches!(moved, Moved::Done { .. }));
    for number in 2..1_000 {
        create(&storage, &numbered(number), &anonymous(NOW), NOW).unwrap();
    }
    assert!(lives(&storage, &numbered(1), NOW));
    assert_eq!(Storage::remove(&storage, &numbered(0)).unwrap(), Removed::Renewed(numbered(1)));
}

/// Renews the session under `first` so often, always at the same moment; gives its last key.
fn renewed(storage: &MemoryStorage, first: u32, times: u32) -> StoreKey {
    for number in first..first + times {
        let moved =
            Storage::move_to(storage, &numbered(number), &numbered(number + 1), &commit_at(Changes::default(), NOW));
        assert!(matches!(moved.unwrap(), Moved::Done { .. }), "after {} renewals", number - first);
    }
    numbered(first + times)
}

/// One client that renews without end takes no more from others than one that renews a few times. The storage is full of
/// visitors that others may push out, so that every place it took would be seen.
#[test]
fn who_renews_again_and_again_displaces_their_own_tombstones() {
    for flooder in [of("eve"), anonymous(NOW)] {
        let storage = bounded(1_000);
        let later = NOW + Duration::from_secs(1);
        for number in 0..1_000 {
            create(&storage, &numbered(number), &anonymous(NOW), NOW).unwrap();
            Storage::touch(&storage, &numbered(number), &active(later)).unwrap();
        }
        create(&storage, &numbered(1_000), &flooder, NOW).unwrap();
        let last = renewed(&storage, 1_000, 50_000);
        assert_eq!(storage.len(), 1_000);
        let left = (0..1_000).filter(|&number| lives(&storage, &numbered(number), NOW)).count();
        assert!(left + 1 + TOMBSTONES >= 1_000, "of 1,000 visitors {left} are left");
        assert_eq!(Storage::remove(&storage, &last).unwrap(), Removed::Done);
    }
}

/// What one session leaves is bounded while there is room, too: in a minute, and in the hour for which tombstones are kept.
#[test]
fn a_session_leaves_so_many_tombstones_in_a_minute_and_no_more() {
    for flooder in [of("eve"), anonymous(NOW)] {
        let storage = MemoryStorage::builder().sweep_interval(Duration::MAX).build();
        create(&storage, &numbered(0), &flooder, NOW).unwrap();
        renewed(&storage, 0, TOMBSTONES as u32);
        assert_eq!(storage.len(), 1 + TOMBSTONES);
        let bytes = storage.bytes();
        let mut number = TOMBSTONES as u32 + 10_000;
        renewed(&storage, TOMBSTONES as u32, 10_000);
        assert_eq!(storage.len(), 1 + TOMBSTONES);
        assert_eq!(storage.bytes(), bytes);
        for minute in 1..180 {
            let now = NOW + minute * MINUTE;
            for _ in 0..40 {
                let commit = commit_at(Changes::default(), now);
                let moved = Storage::move_to(&storage, &numbered(number), &numbered(number + 1), &commit).unwrap();
                assert!(matches!(moved, Moved::Done { .. }));
                number += 1;
            }
            Storage::sweep(&storage, now).unwrap();
            assert!(storage.len() <= 1 + 60 * TOMBSTONES, "{} after {minute} minutes", storage.len());
        }
    }
}

/// S4: a session that a logout has ended lives on under no id, although it was renewed so often, and strangers have flooded the
/// storage.
#[test]
fn a_logout_ends_what_was_renewed_again_and_again() {
    for renewals in [1, 10, 15, 16, 17, 18, 20, 300] {
        let ids: Vec<u32> = (0..=renewals).collect();
        let mut tombstones = 0;
        for &by in &ids {
            let storage = bounded(2_000);
            create(&storage, &numbered(0), &of("ada"), NOW).unwrap();
            let newest = renewed(&storage, 0, renewals);
            // The ids of the long stretch are alike; a few of them will do.
            let has_tombstone = Storage::tombstone(&storage, &numbered(by), NOW).unwrap().is_some();
            if !has_tombstone && by % 10 > 0 {
                continue;
            }
            for number in 10_000..14_000 {
                create(&storage, &numbered(number), &anonymous(NOW), NOW).unwrap();
            }
            assert!(lives(&storage, &newest, NOW));
            let mut key = numbered(by);
            let ended = loop {
                match Storage::remove(&storage, &key).unwrap() {
                    Removed::Renewed(to) => key = to,
                    ended => break ended,
                }
            };
            // A forgotten id ends nothing, and says so.
            let is_known = has_tombstone || by == renewals;
            assert_eq!(ended, if is_known { Removed::Done } else { Removed::Absent }, "{by} of {renewals}");
            assert_eq!(lives(&storage, &newest, NOW), !is_known, "{by} of {renewals}");
            tombstones += usize::from(has_tombstone);
        }
        assert_eq!(tombstones, TOMBSTONES.min(renewals as usize));
    }
}

/// The same through the sessions, as an application does it.
#[test]
fn a_logout_with_the_first_id_is_true_after_many_renewals() {
    for renewals in [10, 20, 300] {
        let storage = bounded(1_000);
        let manager = Manager::builder(storage).clock(ManualClock::new(NOW)).build().unwrap();
        let sent = |session: gsession::Exchange<gsession::Session>| match session.close().unwrap().delivery {
            Delivery::Send { id, .. } => id,
            other => panic!("no id for the client: {other:?}"),
        };
        let login = manager.begin(None, ClientInfo::default);
        login.set_principal("ada").unwrap();
        let first = sent(login);
        let mut newest = first.clone();
        for _ in 0..renewals {
            let session = manager.begin(Some(newest.as_str()), ClientInfo::default);
            session.renew().unwrap();
            newest = sent(session);
        }
        for _ in 0..2_000 {
            let stranger = manager.begin(None, ClientInfo::default);
            stranger.set("seen", &1).unwrap();
            let _ = stranger.close().unwrap();
        }
        let logout = manager.begin(Some(first.as_str()), ClientInfo::default);
        logout.destroy();
        assert_eq!(logout.close().unwrap().saved, Saved::Destroyed);
        let after = manager.begin(Some(newest.as_str()), ClientInfo::default);
        assert_eq!(after.principal().unwrap(), None, "after {renewals} renewals");
        assert!(manager.sessions_of("ada").unwrap().is_empty());
    }
}

/// An id whose tombstone was pointed elsewhere cannot be told the new id. Whoever logs in with it once more gets a session of
/// their own, and no error.
#[test]
fn a_login_is_repeated_with_any_id() {
    let storage = bounded(1_000);
    let manager = Manager::builder(storage.clone()).clock(ManualClock::new(NOW)).build().unwrap();
    let log_in = |id: Option<&str>| {
        let session = manager.begin(id, ClientInfo::default);
        session.renew().unwrap();
        session.set_principal("ada").unwrap();
        match session.close().unwrap().delivery {
            Delivery::Send { id, .. } => id,
            other => panic!("no id for the client: {other:?}"),
        }
    };
    let mut ids = vec![log_in(None)];
    for _ in 0..20 {
        let session = manager.begin(ids.last().map(|id| id.as_str()), ClientInfo::default);
        session.renew().unwrap();
        let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("no id for the client") };
        ids.push(id);
    }
    for id in &ids {
        let given = log_in(Some(id.as_str()));
        let session = manager.begin(Some(given.as_str()), ClientInfo::default);
        assert_eq!(session.principal().unwrap().as_deref(), Some("ada"));
    }
}

/// The same by bytes.
#[test]
fn who_renews_again_and_again_takes_no_bytes_from_others() {
    let storage = bounded_in_bytes(1 << 20);
    create(&storage, &numbered(1_000), &of("eve"), NOW).unwrap();
    renewed(&storage, 1_000, 20_000);
    assert!(storage.bytes() <= 1 << 20, "{storage:?}");
    for number in 0..100 {
        create(&storage, &numbered(number), &of("ada"), NOW).unwrap();
    }
    let commit = commit_at(big(100_000), NOW);
    assert!(matches!(Storage::commit(&storage, &numbered(1), &commit).unwrap(), Committed::Done { .. }));
}

/// The precious tombstones of many sessions are refused to a flood for a minute, and then make room.
#[test]
fn tombstones_that_were_precious_make_room_when_their_minute_is_over() {
    let storage = bounded(10);
    create(&storage, &numbered(0), &of("ada"), NOW).unwrap();
    renewed(&storage, 0, 9);
    assert_eq!(create(&storage, &key(200), &of("bob"), NOW), Err(StorageErrorKind::Full));
    let later = NOW + MINUTE;
    for number in 200..209 {
        create(&storage, &key(number), &of("bob"), later).unwrap();
    }
    assert_eq!(create(&storage, &key(209), &of("bob"), later), Err(StorageErrorKind::Full));
    assert!(lives(&storage, &numbered(9), later));
}

/// Who only reads, and so often that no touch is due, is no client without cookies; a commit or a renewal later on does
/// not forget it.
#[test]
fn a_flood_does_not_push_out_visitors_that_only_read() {
    let storage = bounded(40);
    let soon = NOW + Duration::from_secs(1);
    for number in 0..24 {
        create(&storage, &neighbour(number), &anonymous(NOW), NOW).unwrap();
        let loaded = Storage::load(&storage, &neighbour(number), &Access::active(soon, IDLE, MINUTE)).unwrap();
        assert!(matches!(loaded, Lookup::Found(snapshot) if !snapshot.extended));
    }
    // At the moment they were made, so that last-seen tells nothing.
    for number in 0..8 {
        let commit = commit_at(setting("n", "1"), NOW);
        assert!(matches!(Storage::commit(&storage, &neighbour(number), &commit).unwrap(), Committed::Done { .. }));
        let moved = Storage::move_to(&storage, &neighbour(8 + number), &neighbour(50 + number), &commit).unwrap();
        assert!(matches!(moved, Moved::Done { .. }));
    }
    for number in 0..150_u32 {
        create(&storage, &neighbour(100 + (number % 150) as u8), &anonymous(soon), soon).unwrap();
    }
    let readers = (0..8).chain(16..24).chain(50..58);
    assert_eq!(readers.filter(|&number| lives(&storage, &neighbour(number), soon)).count(), 24);
}

/// Which shard a session happens to lie in does not decide what is given up for it.
#[test]
fn what_is_given_up_for_a_session_may_lie_in_another_shard() {
    let storage = bounded(20);
    let later = NOW + MINUTE;
    for number in 0..10 {
        create(&storage, &neighbour(number), &anonymous(NOW), NOW).unwrap();
        Storage::touch(&storage, &neighbour(number), &active(later)).unwrap();
        // Clients without cookies, elsewhere.
        create(&storage, &key(100 + number), &anonymous(NOW), NOW).unwrap();
    }
    for number in 10..20 {
        create(&storage, &neighbour(number), &anonymous(later), later).unwrap();
    }
    assert!((0..10).all(|number| lives(&storage, &neighbour(number), later)));
}

#[test]
fn reading_and_unknown_ids_and_logouts_store_nothing() {
    let storage = bounded(10);
    let manager = Manager::new(storage.clone());
    for number in 0..100 {
        let id = gsession::SessionId::from_random([number; 32]);
        for id in [None, Some(id.as_str()), Some("malformed")] {
            let reader = manager.begin(id, ClientInfo::default);
            assert_eq!(reader.get::<String>("user").unwrap(), None);
            let _ = reader.close().unwrap();
            let logout = manager.begin(id, ClientInfo::default);
            logout.remove("user").unwrap();
            logout.renew().unwrap();
            logout.destroy();
            let _ = logout.close().unwrap();
        }
    }
    assert!(storage.is_empty());
    assert_eq!(storage.bytes(), 0);
}

/// What is counted in is counted out, on every way out.
#[test]
fn the_counts_return_to_nothing() {
    let storage = bounded(1_000);
    for number in 0..200 {
        create(&storage, &numbered(number), &anonymous(NOW), NOW).unwrap();
        let _ = Storage::commit(&storage, &numbered(number), &commit_at(big(500), NOW)).unwrap();
        let _ = Storage::commit(&storage, &numbered(number), &commit_at(big(5), NOW)).unwrap();
    }
    for number in 0..50 {
        let commit = commit_at(big(300), NOW);
        let _ = Storage::move_to(&storage, &numbered(number), &numbered(500 + number), &commit).unwrap();
        assert_eq!(Storage::remove(&storage, &numbered(100 + number)).unwrap(), Removed::Done);
        assert_eq!(Storage::create(&storage, &numbered(150), &anonymous(NOW), NOW).unwrap(), Created::Exists);
        let taken = Storage::move_to(&storage, &numbered(150), &numbered(151), &commit).unwrap();
        assert_eq!(taken, Moved::Taken);
    }
    assert_eq!(storage.len(), 200);
    let end = NOW + IDLE + TOMBSTONE_LIFETIME;
    assert_eq!(Storage::sweep(&storage, end).unwrap().removed, 200);
    assert_eq!((storage.len(), storage.bytes()), (0, 0));
}

/// The same while threads get in each other's way: a count that passes below zero would look like a full storage.
#[test]
fn the_counts_hold_while_threads_commit_and_remove() {
    const ROUNDS: u32 = 10_000;
    let storage = MemoryStorage::builder().max_bytes(1 << 20).sweep_interval(Duration::MAX).build();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let storage = &storage;
            scope.spawn(move || {
                for number in 0..ROUNDS {
                    let key = numbered(number % 2);
                    assert!(Storage::create(storage, &key, &of("ada"), NOW).is_ok(), "there is room");
                    assert!(Storage::commit(storage, &key, &commit_at(big(2_000), NOW)).is_ok());
                    assert!(Storage::remove(storage, &key).is_ok());
                }
            });
        }
    });
    for number in 0..2 {
        Storage::remove(&storage, &numbered(number)).unwrap();
    }
    assert_eq!((storage.len(), storage.bytes()), (0, 0));
}

#[test]
fn the_storage_sweeps_by_itself_and_shrinks_after_a_flood() {
    let clock = ManualClock::new(NOW);
    let storage = MemoryStorage::builder().sweep_interval(Duration::from_millis(1)).clock(clock.clone()).build();
    for number in 0..20_000 {
        create(&storage, &numbered(number), &short(anonymous(NOW)), NOW).unwrap();
    }
    create(&storage, &numbered(20_000), &anonymous(NOW), NOW).unwrap();
    let flooded = storage.bytes();
    clock.advance(MINUTE);
    wait_until("the flood is swept", || storage.len() == 1);
    assert!(storage.bytes() * 10_000 < flooded);
    // What is left is found, and new sessions too, after the shards were made smaller.
    assert!(lives(&storage, &numbered(20_000), NOW + MINUTE));
    for number in 0..1_000 {
        create(&storage, &numbered(number), &anonymous(NOW + MINUTE), NOW + MINUTE).unwrap();
    }
    assert!((0..1_000).all(|number| lives(&storage, &numbered(number), NOW + MINUTE)));
}

/// Threads of this process with the sweeper's name; the kernel cuts names at 15 bytes.
#[cfg(target_os = "linux")]
fn threads_called(name: &str) -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let named = |entry: std::io::Result<std::fs::DirEntry>| {
        // A thread may end while it is looked at.
        std::fs::read_to_string(entry.ok()?.path().join("comm")).ok().filter(|comm| comm.trim_end() == name)
    };
    threads.filter_map(named).count()
}

/// The thread ends with the last clone, and not before. In a process of its own, where no other test starts such threads.
#[cfg(target_os = "linux")]
#[test]
fn the_sweeper_stops_with_the_storage() {
    const NAME: &str = "gsession-memory";
    if support::child::role().is_none() {
        let alone = support::child::command("the_sweeper_stops_with_the_storage", "alone");
        support::child::Process::start(alone).finish();
        return;
    }
    assert_eq!(threads_called(NAME), 0);
    let storage = MemoryStorage::builder().sweep_interval(Duration::from_secs(3600)).build();
    let clone = storage.clone();
    wait_until("the sweeper runs", || threads_called(NAME) == 1);
    drop(storage);
    assert_eq!(threads_called(NAME), 1, "a clone still needs it");
    drop(clone);
    wait_until("the sweeper has stopped", || threads_called(NAME) == 0);
    let quiet = MemoryStorage::builder().sweep_interval(Duration::MAX).build();
    assert_eq!(threads_called(NAME), 0);
    drop(quiet);
}
