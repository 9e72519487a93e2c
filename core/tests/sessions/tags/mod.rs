//! Finding and ending sessions by tag, on every storage.

mod lists;

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use gsession::{
    ClientInfo, Clock as _, Delivery, Error, Exchange, FileStorage, Limits, Login, LoginError, Manager, ManualClock,
    MemoryStorage, Session, SessionId, Storage, StoreKey, Timestamp,
    storage::{Access, Lookup, Removed},
};
use sha2::{Digest as _, Sha256};

use crate::support::{
    self, IDLE, KINDS, Kind, NOW, Place,
    pausing_storage::{Op, PausingStorage},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const SID: &str = "08a5019c-17e1-4977-8f42-65a12843ea02";

fn begin(manager: &Manager, id: Option<&SessionId>) -> Exchange<Session> {
    manager.begin(id.map(SessionId::as_str), ClientInfo::default)
}

fn close(session: &Exchange<Session>) -> SessionId {
    match session.close().unwrap().delivery {
        Delivery::Send { id, .. } => id,
        _ => session.id().unwrap(),
    }
}

fn log_in(manager: &Manager, login: impl Into<Login>) -> SessionId {
    let session = begin(manager, None);
    session.log_in(login).unwrap();
    close(&session)
}

fn log_out(manager: &Manager, id: &SessionId) {
    let session = begin(manager, Some(id));
    session.log_out();
    let _ = session.close().unwrap();
}

fn tagged(principal: &str) -> Login {
    Login::new(principal).tag(SID)
}

fn keys(ids: &[&SessionId]) -> Vec<StoreKey> {
    let mut keys: Vec<_> = ids.iter().map(|id| StoreKey::of(id)).collect();
    keys.sort();
    keys
}

fn found(manager: &Manager, tag: &str) -> Vec<StoreKey> {
    let mut keys: Vec<_> = manager.sessions_tagged(tag).unwrap().into_iter().map(|(key, _)| key).collect();
    keys.sort();
    keys
}

/// Where the list of a tag is.
fn list_of(tag: &str) -> StoreKey {
    StoreKey::from_bytes(Sha256::digest(format!("gsession tag\0{tag}")).into())
}

/// How many principals are on the list of a tag; `None` if there is no list.
fn listed(place: &Place, tag: &str) -> Option<usize> {
    match place.storage.load(&list_of(tag), &Access::passive(place.clock.now())).unwrap() {
        Lookup::Found(snapshot) => Some(snapshot.record.entries.len() - 1),
        _ => None,
    }
}

#[test]
fn a_tag_leads_to_the_session_from_the_login_to_the_logout() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let session = begin(&manager, None);
        session.log_in(tagged("ada").label("phone")).unwrap();
        assert_eq!(session.info().unwrap().unwrap().tag.as_deref(), Some(SID), "{:?}", place.kind);
        let id = close(&session);
        let [(key, info)] = &manager.sessions_tagged(SID).unwrap()[..] else { panic!("{:?}: one session", place.kind) };
        assert_eq!((*key, info.principal.as_deref()), (StoreKey::of(&id), Some("ada")), "{:?}", place.kind);
        assert_eq!((info.tag.as_deref(), info.label.as_deref()), (Some(SID), Some("phone")), "{:?}", place.kind);
        let session = begin(&manager, Some(&id));
        session.renew().unwrap();
        session.clear().unwrap();
        let renewed = close(&session);
        assert_ne!(renewed, id);
        assert_eq!(found(&manager, SID), keys(&[&renewed]), "{:?}: renewed", place.kind);
        log_out(&manager, &renewed);
        assert_eq!(found(&manager, SID), [], "{:?}", place.kind);
        assert_eq!(found(&manager, "another"), [], "{:?}", place.kind);
    }
}

#[test]
fn all_with_the_tag_end_and_nobody_else() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let ada = [log_in(&manager, tagged("ada")), log_in(&manager, tagged("ada"))];
        let bob = log_in(&manager, tagged("bob"));
        let others = [log_in(&manager, "ada"), log_in(&manager, Login::new("bob").tag("another"))];
        assert_eq!(found(&manager, SID), keys(&[&ada[0], &ada[1], &bob]), "{:?}", place.kind);
        assert_eq!(manager.destroy_all_tagged(SID).unwrap(), 3, "{:?}", place.kind);
        assert_eq!(found(&manager, SID), [], "{:?}", place.kind);
        let lives = |id: &SessionId| begin(&manager, Some(id)).principal().unwrap().is_some();
        assert!(![&ada[0], &ada[1], &bob].into_iter().any(lives), "{:?}", place.kind);
        assert!(others.iter().all(lives), "{:?}", place.kind);
        assert_eq!(manager.destroy_all_tagged(SID).unwrap(), 0, "{:?}", place.kind);
    }
}

#[test]
fn a_tag_belongs_to_its_login() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let again = |id: &SessionId, login: Login| {
            let session = begin(&manager, Some(id));
            session.log_in(login).unwrap();
            close(&session)
        };
        let id = again(&log_in(&manager, tagged("ada")), Login::new("ada").tag("second"));
        assert_eq!((found(&manager, SID), found(&manager, "second")), (vec![], keys(&[&id])), "{:?}", place.kind);
        let id = again(&id, Login::new("ada"));
        assert_eq!(found(&manager, "second"), [], "{:?}", place.kind);
        let id = again(&id, tagged("ada"));
        let session = begin(&manager, Some(&id));
        session.set_principal("bob").unwrap();
        let _ = session.close().unwrap();
        assert_eq!(found(&manager, SID), [], "{:?}: bob has no such tag", place.kind);
        assert_eq!(begin(&manager, Some(&id)).info().unwrap().unwrap().tag, None, "{:?}", place.kind);
    }
}

#[test]
fn forty_logins_at_once_are_all_found() {
    const LOGINS: usize = 40;
    for place in KINDS.map(Place::new) {
        let (manager, start) = (place.manager(), Barrier::new(LOGINS));
        let mut wanted: Vec<StoreKey> = thread::scope(|scope| {
            let logins: Vec<_> = (0..LOGINS)
                .map(|number| {
                    let (manager, start) = (&manager, &start);
                    scope.spawn(move || {
                        let session = begin(manager, None);
                        start.wait();
                        // Every user twice.
                        session.log_in(tagged(&format!("user {}", number / 2))).unwrap();
                        StoreKey::of(&close(&session))
                    })
                })
                .collect();
            logins.into_iter().map(|login| login.join().unwrap()).collect()
        });
        wanted.sort();
        assert_eq!(found(&manager, SID), wanted, "{:?}", place.kind);
        assert_eq!(listed(&place, SID), Some(LOGINS / 2), "{:?}", place.kind);
        assert_eq!(manager.destroy_all_tagged(SID).unwrap(), 40, "{:?}", place.kind);
    }
}

/// A login between its two steps: its tag is noted, its session is not stored.
struct UnderWay {
    place: Place,
    storage: PausingStorage,
    manager: Manager,
    visitor: SessionId,
}

impl UnderWay {
    fn each() -> impl Iterator<Item = Self> {
        KINDS.into_iter().map(|kind| {
            let place = Place::new(kind);
            let storage = PausingStorage::new(Arc::clone(&place.storage));
            let manager = place.builder_over(storage.clone()).build().unwrap();
            // The session of a visitor exists, so that the login is a move.
            let session = begin(&manager, None);
            session.set("cart", &1).unwrap();
            let visitor = close(&session);
            Self { place, storage, manager, visitor }
        })
    }

    /// Runs something in the meantime. Returns the id from the login.
    fn meanwhile(&self, run: impl FnOnce(&Manager)) -> SessionId {
        let gate = self.storage.before(Op::Move);
        thread::scope(|scope| {
            let login = scope.spawn(|| {
                let session = begin(&self.manager, Some(&self.visitor));
                session.log_in(tagged("ada")).unwrap();
                close(&session)
            });
            gate.reached();
            run(&self.manager);
            drop(gate);
            login.join().unwrap()
        })
    }
}

#[test]
fn a_crash_during_a_login_leaves_a_stale_entry_at_most() {
    for login in UnderWay::each() {
        let (place, kind) = (&login.place, login.place.kind);
        let id = login.meanwhile(|manager| {
            // As if its process had died here.
            assert_eq!((listed(place, SID), found(manager, SID)), (Some(1), vec![]), "{kind:?}");
            place.clock.advance(HOUR - Duration::from_millis(1));
            assert_eq!(found(manager, SID), [], "{kind:?}");
            assert_eq!(listed(place, SID), Some(1), "{kind:?}: it may be stored at any moment");
            place.clock.advance(Duration::from_millis(1));
            assert_eq!(found(manager, SID), [], "{kind:?}");
            assert_eq!(listed(place, SID), Some(0), "{kind:?}: it is stale");
        });
        // If it was only slow, the first activity helps.
        place.clock.advance(MINUTE * 2);
        let _ = begin(&login.manager, Some(&id)).data().unwrap();
        assert_eq!(found(&login.manager, SID), keys(&[&id]), "{kind:?}");
    }
}

#[test]
fn a_login_that_is_under_way_outlives_the_end_of_all_with_its_tag() {
    for login in UnderWay::each() {
        let id = login.meanwhile(|manager| assert_eq!(manager.destroy_all_tagged(SID).unwrap(), 0));
        assert_eq!(found(&login.manager, SID), keys(&[&id]), "{:?}", login.place.kind);
        assert_eq!(login.manager.destroy_all_tagged(SID).unwrap(), 1, "{:?}", login.place.kind);
    }
}

/// The session is renewed after it was found, and before it is ended.
#[test]
fn a_session_that_is_renewed_meanwhile_ends() {
    for place in KINDS.map(Place::new) {
        let storage = PausingStorage::new(Arc::clone(&place.storage));
        let manager = place.builder_over(storage.clone()).build().unwrap();
        let id = log_in(&manager, tagged("ada"));
        let gate = storage.before(Op::Remove);
        thread::scope(|scope| {
            let ending = scope.spawn(|| manager.destroy_all_tagged(SID).unwrap());
            gate.reached();
            let session = begin(&manager, Some(&id));
            session.renew().unwrap();
            let renewed = close(&session);
            drop(gate);
            assert_eq!(ending.join().unwrap(), 1, "{:?}", place.kind);
            assert_eq!(begin(&manager, Some(&renewed)).principal().unwrap(), None, "{:?}", place.kind);
        });
    }
}

/// The clock of the process that logs in is behind, and a look-up comes between its two steps.
#[test]
fn a_login_by_a_clock_that_is_behind_is_found() {
    for place in KINDS.map(Place::new) {
        let storage = PausingStorage::new(Arc::clone(&place.storage));
        let behind = ManualClock::new(Timestamp::from_millis(NOW.as_millis() - 61_000));
        let manager = Manager::builder(storage.clone()).clock(behind).idle_timeout(IDLE).build().unwrap();
        let session = begin(&manager, None);
        session.set("cart", &1).unwrap();
        let visitor = close(&session);
        let (gate, other) = (storage.before(Op::Move), place.manager());
        let id = thread::scope(|scope| {
            let login = scope.spawn(|| {
                let session = begin(&manager, Some(&visitor));
                session.log_in(tagged("ada")).unwrap();
                close(&session)
            });
            gate.reached();
            assert_eq!(other.destroy_all_tagged(SID).unwrap(), 0, "{:?}", place.kind);
            drop(gate);
            login.join().unwrap()
        });
        assert_eq!(found(&other, SID), keys(&[&id]), "{:?}", place.kind);
    }
}

/// The user logs in again between the two steps of a look-up: it has found that the entry leads to nothing, and is about to remove it.
#[test]
fn an_entry_that_was_noted_again_is_not_removed() {
    for place in KINDS.map(Place::new) {
        let storage = PausingStorage::new(Arc::clone(&place.storage));
        let manager = place.builder_over(storage.clone()).build().unwrap();
        log_out(&manager, &log_in(&manager, tagged("ada")));
        place.clock.advance(HOUR);
        let gate = storage.before(Op::Commit);
        thread::scope(|scope| {
            let looking = scope.spawn(|| found(&manager, SID));
            gate.reached();
            let id = log_in(&place.manager(), tagged("ada"));
            drop(gate);
            assert_eq!(looking.join().unwrap(), [], "{:?}", place.kind);
            assert_eq!(found(&manager, SID), keys(&[&id]), "{:?}", place.kind);
        });
    }
}

#[test]
fn a_tag_for_too_many_users_is_refused() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let ids: Vec<_> = (0..100).map(|number| log_in(&manager, tagged(&format!("user {number}")))).collect();
        let session = begin(&manager, None);
        let refused = |session: &Session| {
            let error = session.log_in(tagged("one more")).unwrap_err();
            let is_limit = matches!(error, Error::Login(LoginError::TooManyUsersOfTag { limit: 100 }));
            assert!(is_limit, "{:?}: {error}", place.kind);
        };
        refused(&session);
        assert_eq!(session.principal().unwrap(), None, "{:?}", place.kind);
        // Those who are among them can log in again.
        let again = log_in(&manager, tagged("user 7"));
        log_out(&manager, &again);
        log_out(&manager, &ids[7]);
        refused(&session);
        // No login of theirs can be under way any more.
        place.clock.advance(HOUR);
        session.log_in(tagged("one more")).unwrap();
        let _ = session.close().unwrap();
        assert_eq!(found(&manager, SID).len(), 100, "{:?}", place.kind);
        assert_eq!(listed(&place, SID), Some(100), "{:?}", place.kind);
    }
}

#[test]
fn a_tag_that_is_refused_changes_nothing() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let session = begin(&manager, None);
        let refused = |tag: &str| match session.log_in(Login::new("ada").tag(tag)).unwrap_err() {
            Error::Login(error) => error,
            error => panic!("{error}"),
        };
        assert_eq!(refused(""), LoginError::EmptyTag);
        assert_eq!(refused("a\nb"), LoginError::TagWithControlCharacters);
        let long = "x".repeat(257);
        assert_eq!(refused(&long), LoginError::TagTooLong { limit: 256, actual: 257 });
        assert!(!session.is_dirty());
        for tag in ["", "a\nb", &long] {
            assert_eq!((found(&manager, tag), listed(&place, tag)), (vec![], None), "{:?}", place.kind);
            assert_eq!(manager.destroy_all_tagged(tag).unwrap(), 0, "{:?}", place.kind);
        }
        assert!(matches!(session.set("gsession.tag", &SID), Err(Error::ReservedKey { .. })));
        // The longest tag, by a user with the longest name.
        let (longest, name) = ("ü".repeat(128), "n".repeat(256));
        let id = log_in(&manager, Login::new(name.as_str()).tag(longest.as_str()));
        assert_eq!(found(&manager, &longest), keys(&[&id]), "{:?}", place.kind);
    }
}
