//! How many sessions there are, and whether they can be stored: the same answers on every storage.

use std::{sync::Arc, time::Duration};

use futures::executor::block_on;
use gsession::{
    AnyStorage, AsyncManager, AtLimit, ClientInfo, Delivery, Exchange, Login, Manager, Saved, Session, StoreKey,
};

use crate::support::{self, IDLE, KINDS, NOW, Place, key, record};

const MINUTE: Duration = Duration::from_secs(60);

fn visit(manager: &Manager) -> Exchange<Session> {
    let session = manager.begin(None, ClientInfo::default);
    session.set("a", &1).unwrap();
    assert_eq!(session.save().unwrap(), Saved::Created);
    session
}

fn returning(manager: &Manager, session: &Exchange<Session>) -> Exchange<Session> {
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("it has an id") };
    manager.begin(Some(id.as_str()), ClientInfo::default)
}

/// Counted by this process and by another one, blocking and async.
#[track_caller]
fn counts(place: &Place, manager: &Manager, sessions: u64) {
    use gsession::Clock as _;
    assert_eq!(manager.count().unwrap(), sessions, "{:?}", place.kind);
    let storage = AnyStorage::immediate(Arc::clone(&place.storage));
    let waiting = AsyncManager::builder(storage).clock(place.clock.clone()).build().unwrap();
    assert_eq!(block_on(waiting.count()).unwrap(), sessions, "{:?}, async", place.kind);
    if place.kind != support::Kind::Memory {
        let elsewhere = place.opened_again().count(place.clock.now()).unwrap();
        assert_eq!(elsewhere, sessions, "{:?}, in another process", place.kind);
    }
}

#[test]
fn sessions_count_and_what_logins_and_renewals_leave_does_not() {
    for kind in KINDS {
        let place = Place::new(kind);
        let manager = place.builder().max_sessions(3, AtLimit::Refuse).build().unwrap();
        counts(&place, &manager, 0);
        let visitors: Vec<_> = (0..3).map(|_| visit(&manager)).collect();
        counts(&place, &manager, 3);
        // Each login leaves a tombstone, an entry in an index, and the lists of a tag and of logins under way.
        for user in ["ada", "ada", "bob"] {
            let session = returning(&manager, &visit(&manager));
            session.log_in(Login::new(user).tag("provider").label("phone")).unwrap();
        }
        manager.begin(None, ClientInfo::default).log_in(Login::new("eve").remember_for(MINUTE * 10)).unwrap();
        assert_eq!(manager.sessions_tagged("provider").unwrap().len(), 3);
        counts(&place, &manager, 7);
        let leaving = returning(&manager, &visitors[0]);
        leaving.destroy();
        assert_eq!(leaving.save().unwrap(), Saved::Destroyed);
        counts(&place, &manager, 6);
        assert_eq!(manager.destroy_all_of("ada", None).unwrap(), 2);
        counts(&place, &manager, 4);
        place.clock.advance(MINUTE * 10);
        counts(&place, &manager, 3);
        place.clock.advance(IDLE - MINUTE * 10);
        counts(&place, &manager, 0);
        // The list of the tag is kept for longer than its sessions.
        assert!(place.survivors() > 0, "{kind:?}: nothing was left that could have been counted");
    }
}

/// More than the storages look at in one step.
#[test]
fn every_one_of_many_sessions_counts_once() {
    for kind in KINDS {
        let place = Place::new(kind);
        let anonymous = || record(&[("a", "1")]);
        let (mut ends, mut owned) = (anonymous(), anonymous());
        ends.absolute_deadline = Some(NOW + IDLE);
        owned.principal = Some("ada".into());
        let kinds = [ends, owned, anonymous(), record(&[("gsession.needed_until", "1")])];
        for (number, record) in (0..1_204_u32).zip(kinds.iter().cycle()) {
            let [low, high, ..] = number.to_le_bytes();
            let mut bytes = [0; 32];
            (bytes[0], bytes[1], bytes[31]) = (low, high, low);
            place.storage.create(&StoreKey::from_bytes(bytes), record, NOW).unwrap();
        }
        assert_eq!(place.storage.count(NOW).unwrap(), 903, "{kind:?}");
        assert_eq!(place.storage.count(NOW + IDLE).unwrap(), 0, "{kind:?}");
    }
}

#[test]
fn a_check_passes_and_changes_nothing() {
    for kind in KINDS {
        let place = Place::new(kind);
        let manager = place.manager();
        manager.check().unwrap();
        counts(&place, &manager, 0);
        let session = visit(&manager);
        for _ in 0..20 {
            manager.check().unwrap();
            let waiting = AsyncManager::new(AnyStorage::immediate(Arc::clone(&place.storage)));
            block_on(waiting.check()).unwrap();
        }
        counts(&place, &manager, 1);
        assert_eq!(place.storage.sweep(NOW).unwrap().foreign, 0, "{kind:?}");
        assert_eq!(returning(&manager, &session).get::<u8>("a").unwrap(), Some(1));
    }
}

/// What is no session is not counted, and does not keep the others from being counted.
#[test]
fn damaged_sessions_do_not_count() {
    use std::{fs, io::Write as _};
    let folder = tempfile::TempDir::new().unwrap();
    let sessions = folder.path().join("sessions");
    let storage = support::quiet_file(&sessions);
    for number in 1..=4 {
        gsession::Storage::create(&storage, &key(number), &record(&[("a", "1")]), NOW).unwrap();
    }
    let file = |number: u8| {
        let name = key(number).to_string();
        sessions.join(&name[..2]).join(name)
    };
    fs::write(file(1), "something else").unwrap();
    fs::File::options().write(true).open(file(2)).unwrap().set_len(30).unwrap();
    fs::OpenOptions::new().append(true).open(file(3)).unwrap().write_all(b"half a frame").unwrap();
    fs::write(sessions.join("01").join("notes.txt"), "text").unwrap();
    // The third has lost nothing but its damaged end.
    assert_eq!(gsession::Storage::count(&storage, NOW).unwrap(), 2);
}
