//! Which sessions are given up for new ones: what has expired, then clients without cookies; never who is logged in.

use std::time::Duration;

use gsession::{
    ClientInfo, Delivery, Error, Manager, ManualClock, Storage, StorageErrorKind,
    storage::{Access, Committed, Lookup, Moved, Removed},
};

use super::{MINUTE, anonymous, bounded, create, flood, lives, neighbour, numbered, of, sent, short};
use crate::support::{IDLE, NOW, active, commit_at, key, setting};

#[test]
fn a_flood_does_not_push_out_those_who_are_logged_in() {
    let storage = bounded(100);
    let manager = Manager::builder(storage.clone()).clock(ManualClock::new(NOW)).build().unwrap();
    let login = || {
        let session = manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        session.set_principal("ada").unwrap();
        sent(&session)
    };
    let ids: Vec<_> = (0..50).map(|_| login()).collect();
    flood(&manager, 2_000);
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
