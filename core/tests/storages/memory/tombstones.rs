//! The tombstones of renewals: a flood does not push them out, and who renews again and again displaces their own.

use std::time::Duration;

use gsession::{
    Changes, ClientInfo, Manager, ManualClock, MemoryStorage, Saved, Storage, StorageErrorKind, StoreKey,
    storage::{Committed, Moved, Removed},
};

use super::{MINUTE, anonymous, big, bounded, bounded_in_bytes, create, flood, lives, numbered, of, sent};
use crate::support::{NOW, active, commit_at, key};

/// Tombstones that a session leaves at most in a minute.
const TOMBSTONES: usize = 16;

/// Renews the session under `first` so often, always at the same moment; gives its last key.
fn renewed(storage: &MemoryStorage, first: u32, times: u32) -> StoreKey {
    for number in first..first + times {
        let moved =
            Storage::move_to(storage, &numbered(number), &numbered(number + 1), &commit_at(Changes::default(), NOW));
        assert!(matches!(moved.unwrap(), Moved::Done { .. }), "after {} renewals", number - first);
    }
    numbered(first + times)
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

/// S4: a session that a logout has ended lives on under no id, although it was renewed so often, and strangers have flooded the
/// storage.
#[test]
fn a_logout_ends_what_was_renewed_again_and_again() {
    for renewals in [1, 10, 15, 16, 17, 18, 20, 300] {
        let ids: Vec<u32> = (0..=renewals).collect();
        let mut tombstones = 0;
        for &by in &ids {
            let storage = bounded(400);
            create(&storage, &numbered(0), &of("ada"), NOW).unwrap();
            let newest = renewed(&storage, 0, renewals);
            // The ids of the long stretch are alike; a few of them will do.
            let has_tombstone = Storage::tombstone(&storage, &numbered(by), NOW).unwrap().is_some();
            if !has_tombstone && by % 10 > 0 {
                continue;
            }
            for number in 10_000..10_800 {
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
        let login = manager.begin(None, ClientInfo::default);
        login.set_principal("ada").unwrap();
        let first = sent(&login);
        let mut newest = first.clone();
        for _ in 0..renewals {
            let session = manager.begin(Some(newest.as_str()), ClientInfo::default);
            session.renew().unwrap();
            newest = sent(&session);
        }
        flood(&manager, 2_000);
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
        sent(&session)
    };
    let mut ids = vec![log_in(None)];
    for _ in 0..20 {
        let session = manager.begin(ids.last().map(|id| id.as_str()), ClientInfo::default);
        session.renew().unwrap();
        ids.push(sent(&session));
    }
    for id in &ids {
        let given = log_in(Some(id.as_str()));
        let session = manager.begin(Some(given.as_str()), ClientInfo::default);
        assert_eq!(session.principal().unwrap().as_deref(), Some("ada"));
    }
}
