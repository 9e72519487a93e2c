//! Logging in: one step, the label, the time, and the limit of a user's sessions, on every storage.

use std::{
    sync::{Arc, Barrier, Mutex},
    thread,
    time::Duration,
};

use gsession::{
    AtLimit, ClientInfo, ConfigError, Delivery, Error, Exchange, LimitExceeded, Limits, Login, LoginError, Manager,
    ManualClock, Saved, Session, SessionId,
};

use crate::support::{
    KINDS, NOW, Place,
    pausing_storage::{Op, PausingStorage},
};

fn begin(manager: &Manager, id: Option<&SessionId>) -> Exchange<Session> {
    manager.begin(id.map(SessionId::as_str), ClientInfo::default)
}

/// The id that the client has after this request.
fn close(session: &Exchange<Session>) -> Option<SessionId> {
    match session.close().unwrap().delivery {
        Delivery::Send { id, .. } => Some(id),
        _ => session.id(),
    }
}

fn log_in(manager: &Manager, login: impl Into<Login>) -> SessionId {
    let session = begin(manager, None);
    session.log_in(login).unwrap();
    close(&session).unwrap()
}

fn lives(manager: &Manager, id: &SessionId) -> bool {
    begin(manager, Some(id)).principal().unwrap().is_some()
}

#[test]
fn a_login_is_one_step_with_what_was_written_before() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let session = begin(&manager, None);
        session.set("cart", &["tea"]).unwrap();
        let anonymous = close(&session).unwrap();

        place.clock.advance(Duration::from_secs(10));
        let session = begin(&manager, Some(&anonymous));
        session.set("visits", &1).unwrap();
        session.log_in(Login::new("ada").label("Firefox on Linux").address("192.0.2.7".parse().unwrap())).unwrap();
        // It is stored before the answer is written.
        let id = session.id().unwrap();
        assert_ne!(id, anonymous, "{:?}", place.kind);
        let info = manager.sessions_of("ada").unwrap().remove(0).1;
        let at = NOW + Duration::from_secs(10);
        for (info, whence) in [(info, "listed"), (session.info().unwrap().unwrap(), "own")] {
            assert_eq!(info.label.as_deref(), Some("Firefox on Linux"), "{:?}: {whence}", place.kind);
            assert_eq!(info.authenticated_at, Some(at), "{:?}: {whence}", place.kind);
            assert_eq!(info.address, Some("192.0.2.7".parse().unwrap()), "{:?}: {whence}", place.kind);
            assert_eq!((info.principal.as_deref(), info.created_at), (Some("ada"), NOW), "{:?}: {whence}", place.kind);
        }
        assert_eq!(close(&session), Some(id.clone()));
        assert!(!lives(&manager, &anonymous), "{:?}", place.kind);

        let session = begin(&manager, Some(&id));
        assert_eq!(session.authenticated_at().unwrap(), Some(at), "{:?}", place.kind);
        let data = session.data().unwrap();
        assert_eq!(data.keys().collect::<Vec<_>>(), ["cart", "visits"], "{:?}: nothing of ours", place.kind);
        assert_eq!(session.len().unwrap(), 2, "{:?}", place.kind);
        session.log_out();
        assert_eq!(session.save().unwrap(), Saved::Destroyed);
        assert!(!lives(&manager, &id) && manager.sessions_of("ada").unwrap().is_empty(), "{:?}", place.kind);
    }
}

#[test]
fn clearing_keeps_the_login_and_renewing_too() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let id = log_in(&manager, Login::new("ada").label("phone"));
        for has_read in [true, false] {
            let session = begin(&manager, Some(&id));
            session.set("a", &1).unwrap();
            let _ = session.save().unwrap();
            let session = begin(&manager, Some(&id));
            assert!(!has_read || session.contains_key("a").unwrap());
            session.clear().unwrap();
            session.set("b", &1).unwrap();
            let _ = session.save().unwrap();
            let session = begin(&manager, Some(&id));
            assert_eq!(session.data().unwrap().keys().collect::<Vec<_>>(), ["b"], "{:?}", place.kind);
            let info = session.info().unwrap().unwrap();
            assert_eq!((info.label.as_deref(), info.authenticated_at), (Some("phone"), Some(NOW)), "{:?}", place.kind);
        }
        let session = begin(&manager, Some(&id));
        session.renew().unwrap();
        let id = close(&session).unwrap();
        assert_eq!(begin(&manager, Some(&id)).authenticated_at().unwrap(), Some(NOW), "{:?}", place.kind);
    }
}

#[test]
fn labels_are_changed_one_by_one_and_removed_by_an_empty_one() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let id = log_in(&manager, Login::new("ada").label("phone"));
        let label = || begin(&manager, Some(&id)).info().unwrap().unwrap().label;
        // Two requests overlap: one changes the label, one something else.
        let (first, second) = (begin(&manager, Some(&id)), begin(&manager, Some(&id)));
        assert!(first.info().unwrap().is_some() && second.info().unwrap().is_some());
        first.set_label("Ada's phone").unwrap();
        assert_eq!(first.info().unwrap().unwrap().label.as_deref(), Some("Ada's phone"));
        second.set("a", &1).unwrap();
        let _ = (first.close().unwrap(), second.close().unwrap());
        assert_eq!(label().as_deref(), Some("Ada's phone"), "{:?}", place.kind);
        let session = begin(&manager, Some(&id));
        session.set_label("").unwrap();
        let _ = session.close().unwrap();
        assert_eq!(label(), None, "{:?}", place.kind);
        // The next login says anew what it is.
        let session = begin(&manager, Some(&id));
        session.set_label("phone").unwrap();
        session.log_in("ada").unwrap();
        assert_eq!(session.info().unwrap().unwrap().label, None, "{:?}", place.kind);
    }
}

#[test]
fn what_a_login_has_left_belongs_to_that_login() {
    let place = Place::new(KINDS[0]);
    let manager = place.manager();
    let id = log_in(&manager, Login::new("ada").label("phone"));
    let session = begin(&manager, Some(&id));
    session.set_principal("bob").unwrap();
    assert_eq!(session.authenticated_at().unwrap(), None);
    let _ = session.save().unwrap();
    assert!(matches!(session.require_recent(Duration::MAX), Err(Error::LoginNotRecent)));
    session.clear_principal().unwrap();
    assert_eq!(session.info().unwrap().unwrap().label, None);
    assert!(matches!(session.require_recent(Duration::MAX), Err(Error::NotLoggedIn)));
    let _ = session.close().unwrap();
}

#[test]
fn a_recent_login_is_recent_to_the_millisecond() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let id = log_in(&manager, "ada");
        let recent = |age| begin(&manager, Some(&id)).require_recent(age);
        let age = Duration::from_secs(300);
        assert!(recent(Duration::ZERO).is_ok() && recent(Duration::MAX).is_ok());
        place.clock.advance(age);
        assert!(recent(age).is_ok());
        place.clock.advance(Duration::from_millis(1));
        assert!(matches!(recent(age), Err(Error::LoginNotRecent)), "{:?}", place.kind);
        assert!(recent(Duration::MAX).is_ok());
        assert!(matches!(recent(Duration::ZERO), Err(Error::LoginNotRecent)));
        // They prove again who they are, which makes the session a new one.
        let session = begin(&manager, Some(&id));
        session.log_in("ada").unwrap();
        session.require_recent(age).unwrap();
        let new = close(&session).unwrap();
        assert!(lives(&manager, &new) && !lives(&manager, &id), "{:?}", place.kind);
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 1, "{:?}", place.kind);
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let place = Place::new(KINDS[0]);
    let manager = place.builder().limits(Limits::default().max_entries(3).max_principal_bytes(5)).build().unwrap();
    let session = begin(&manager, None);
    session.set("a", &1).unwrap();
    session.set("b", &1).unwrap();
    let id = close(&session).unwrap();
    let session = begin(&manager, Some(&id));
    let refused = |login: Login| session.log_in(login).unwrap_err();
    assert!(matches!(refused(Login::new("")), Error::Login(LoginError::EmptyPrincipal)));
    assert!(matches!(refused(Login::new("adaada")), Error::Limit(LimitExceeded::Principal { limit: 5, actual: 6 })));
    let label = "x".repeat(257);
    assert!(matches!(
        refused(Login::new("ada").label(label.as_str())),
        Error::Login(LoginError::LabelTooLong { limit: 256, actual: 257 })
    ));
    assert!(matches!(
        refused(Login::new("ada").label("a\u{202e}b")),
        Error::Login(LoginError::LabelWithControlCharacters)
    ));
    assert!(matches!(session.set_label("a\nb"), Err(Error::Login(LoginError::LabelWithControlCharacters))));
    assert!(matches!(session.set_principal(""), Err(Error::Login(LoginError::EmptyPrincipal))));
    // With its label, a login takes two entries.
    session.len().unwrap();
    assert!(matches!(
        refused(Login::new("ada").label("phone")),
        Error::Limit(LimitExceeded::Entries { limit: 3, actual: 4 })
    ));
    assert!(!session.is_dirty());
    for key in ["gsession.login", "gsession.label", "gsession."] {
        assert!(matches!(session.set(key, &1), Err(Error::ReservedKey { .. })), "{key}");
        assert!(matches!(session.remove(key), Err(Error::ReservedKey { .. })), "{key}");
        assert!(matches!(session.update(key, |_: Option<u8>| 1), Err(Error::ReservedKey { .. })), "{key}");
    }
    assert!(!session.is_dirty());
    let _ = session.close().unwrap();
    assert_eq!(begin(&manager, Some(&id)).data().unwrap().len(), 2);
    for at in [AtLimit::EndOldest, AtLimit::Refuse] {
        assert_eq!(place.builder().max_sessions(0, at).build().unwrap_err(), ConfigError::NoSessions);
    }
    assert!(matches!(begin(&manager, None).authenticated_at(), Ok(None)));
}

/// What a login that is refused for the number of sessions leaves: the request goes on as before.
#[test]
fn the_next_login_is_refused_until_a_session_ends() {
    for place in KINDS.map(Place::new) {
        let manager = place.builder().max_sessions(2, AtLimit::Refuse).build().unwrap();
        let ids = [log_in(&manager, "ada"), log_in(&manager, "ada")];
        let session = begin(&manager, None);
        session.set("cart", &1).unwrap();
        let error = session.log_in("ada").unwrap_err();
        assert!(
            matches!(error, Error::Login(LoginError::TooManySessions { limit }) if limit.get() == 2),
            "{:?}: {error}",
            place.kind
        );
        assert_eq!(session.principal().unwrap(), None);
        let visitor = close(&session).unwrap();
        assert!(ids.iter().all(|id| lives(&manager, id)), "{:?}", place.kind);
        // Another user is not concerned, and who is logged in can log in again.
        let _ = log_in(&manager, "bob");
        let session = begin(&manager, Some(&ids[0]));
        session.log_in("ada").unwrap();
        let again = close(&session).unwrap();
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 2, "{:?}", place.kind);
        let session = begin(&manager, Some(&again));
        session.log_out();
        let _ = session.close().unwrap();
        let session = begin(&manager, Some(&visitor));
        session.log_in("ada").unwrap();
        let _ = session.close().unwrap();
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 2, "{:?}", place.kind);
    }
}

#[test]
fn the_oldest_login_ends_however_much_its_session_is_used() {
    for place in KINDS.map(Place::new) {
        let manager = place.builder().max_sessions(3, AtLimit::EndOldest).build().unwrap();
        let mut ids = Vec::new();
        for _ in 0..5 {
            place.clock.advance(Duration::from_secs(60));
            ids.push(log_in(&manager, "ada"));
            // The first is used all the time, and renewed.
            if lives(&manager, &ids[0]) {
                let session = begin(&manager, Some(&ids[0]));
                session.renew().unwrap();
                ids[0] = close(&session).unwrap();
            }
        }
        let living: Vec<_> = ids.iter().map(|id| lives(&manager, id)).collect();
        assert_eq!(living, [false, false, true, true, true], "{:?}", place.kind);
    }
}

/// 40 logins of one user begin at once. Returns the ids of those that succeeded.
fn at_once(manager: &Manager) -> Vec<SessionId> {
    const LOGINS: usize = 40;
    let (start, done) = (Barrier::new(LOGINS), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..LOGINS {
            scope.spawn(|| {
                let session = begin(manager, None);
                start.wait();
                match session.log_in("ada") {
                    // A later login may have ended it again by now.
                    Ok(()) => done.lock().unwrap().extend(close(&session)),
                    Err(Error::Gone | Error::Login(LoginError::TooManySessions { .. })) => {
                        assert!(!matches!(session.close().unwrap().delivery, Delivery::Send { .. }));
                    }
                    Err(error) => panic!("{error}"),
                }
            });
        }
    });
    done.into_inner().unwrap()
}

#[test]
fn of_forty_logins_at_once_three_live() {
    for place in KINDS.map(Place::new) {
        for at in [AtLimit::EndOldest, AtLimit::Refuse] {
            let manager = place.builder().max_sessions(3, at).build().unwrap();
            let done = at_once(&manager);
            let listed = manager.sessions_of("ada").unwrap();
            assert_eq!(listed.len(), 3, "{:?}: {at:?}", place.kind);
            let living = done.iter().filter(|id| lives(&manager, id)).count();
            assert_eq!(living, 3, "{:?}: {at:?}: those that live are those that succeeded", place.kind);
            if at == AtLimit::Refuse {
                assert_eq!(done.len(), 3, "{:?}: no login succeeds and ends", place.kind);
            }
            assert_eq!(manager.destroy_all_of("ada", None).unwrap(), 3, "{:?}", place.kind);
        }
    }
}

/// The second login finds the first one between its two steps: it has found room, and is not stored yet.
#[test]
fn a_login_that_is_under_way_counts() {
    for place in KINDS.map(Place::new) {
        let storage = PausingStorage::new(Arc::clone(&place.storage));
        let manager = place.builder_over(storage.clone()).max_sessions(1, AtLimit::Refuse).build().unwrap();
        // The session of a visitor exists, so that the login is a move.
        let session = begin(&manager, None);
        session.set("cart", &1).unwrap();
        let visitor = close(&session).unwrap();
        let gate = storage.before(Op::Move);
        let first = thread::scope(|scope| {
            let first = scope.spawn(|| {
                let session = begin(&manager, Some(&visitor));
                session.log_in("ada").unwrap();
                close(&session).unwrap()
            });
            gate.reached();
            let error = begin(&manager, None).log_in("ada").unwrap_err();
            assert!(matches!(error, Error::Login(LoginError::TooManySessions { .. })), "{:?}: {error}", place.kind);
            // If its process had died there, it would count for a minute.
            place.clock.advance(Duration::from_secs(61));
            let second = begin(&manager, None);
            second.log_in("ada").unwrap();
            second.log_out();
            let _ = second.close().unwrap();
            drop(gate);
            first.join().unwrap()
        });
        assert!(lives(&manager, &first), "{:?}", place.kind);
    }
}

#[test]
fn a_login_that_fails_leaves_its_place_to_the_next() {
    for place in KINDS.map(Place::new) {
        let limits = Limits::default().max_entries(1);
        let manager = place.builder().limits(limits).max_sessions(1, AtLimit::Refuse).build().unwrap();
        let error = begin(&manager, None).log_in(Login::new("ada").label("phone")).unwrap_err();
        assert!(matches!(error, Error::Limit(_)), "{:?}: {error}", place.kind);
        let _ = log_in(&manager, "ada");
    }
}

/// A session of the user logs in again while another login is about to end it as the oldest: it is the newest by then.
#[test]
fn a_session_that_logs_in_again_is_not_ended_as_the_oldest() {
    for place in KINDS.map(Place::new) {
        let storage = PausingStorage::new(Arc::clone(&place.storage));
        let manager = place.builder_over(storage.clone()).max_sessions(1, AtLimit::EndOldest).build().unwrap();
        let first = log_in(&manager, "ada");
        place.clock.advance(Duration::from_secs(1));
        let gate = storage.before(Op::Remove);
        thread::scope(|scope| {
            let second = scope.spawn(|| {
                let session = begin(&manager, None);
                session.log_in("ada").map(|()| close(&session))
            });
            gate.reached();
            // In the same browser, bob logs in instead.
            let other = place.manager();
            let session = begin(&other, Some(&first));
            session.log_in("bob").unwrap();
            let bob = close(&session).unwrap();
            drop(gate);
            second.join().unwrap().unwrap();
            assert!(lives(&manager, &bob), "{:?}: it is bob's", place.kind);
        });
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 1, "{:?}", place.kind);
    }
}

#[test]
fn a_clock_that_is_ahead_locks_nobody_out() {
    for place in KINDS.map(Place::new) {
        let ahead = place.builder().clock(ManualClock::new(NOW + Duration::from_secs(600)));
        let ahead = ahead.max_sessions(1, AtLimit::EndOldest).build().unwrap();
        let manager = place.builder().max_sessions(1, AtLimit::EndOldest).build().unwrap();
        let first = log_in(&ahead, "ada");
        let early = begin(&manager, Some(&first)).require_recent(Duration::MAX);
        assert!(matches!(early, Err(Error::LoginNotRecent)), "{:?}: it is in the future", place.kind);
        for _ in 0..3 {
            let next = log_in(&manager, "ada");
            assert!(lives(&manager, &next), "{:?}", place.kind);
        }
        assert!(!lives(&manager, &first), "{:?}", place.kind);
    }
}

/// The second click on "log in" joins the session of the first, and who logs out to log in again makes room.
#[test]
fn a_login_that_replaces_a_session_is_not_one_too_many() {
    for place in KINDS.map(Place::new) {
        let manager = place.builder().max_sessions(1, AtLimit::Refuse).build().unwrap();
        let session = begin(&manager, None);
        session.set("cart", &1).unwrap();
        let visitor = close(&session).unwrap();
        let (first, second) = (begin(&manager, Some(&visitor)), begin(&manager, Some(&visitor)));
        first.log_in("ada").unwrap();
        let id = close(&first).unwrap();
        second.log_in("ada").unwrap();
        assert_eq!(close(&second), Some(id.clone()), "{:?}", place.kind);
        let session = begin(&manager, Some(&id));
        session.destroy();
        session.log_in("ada").unwrap();
        let _ = session.close().unwrap();
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 1, "{:?}", place.kind);
    }
}

/// The storage fails once, during the login.
#[test]
fn a_login_that_failed_is_not_stored_later() {
    for place in KINDS.map(Place::new) {
        let limits = Limits::default().max_entries(2);
        let manager = place.builder().limits(limits).build().unwrap();
        let session = begin(&manager, None);
        session.set("a", &1).unwrap();
        session.set("b", &1).unwrap();
        let id = close(&session).unwrap();
        // It has not read the session, so only the storage can tell that there is no room.
        let session = begin(&manager, Some(&id));
        assert!(session.log_in("ada").is_err(), "{:?}", place.kind);
        assert_eq!(session.principal().unwrap(), None, "{:?}", place.kind);
        assert!(matches!(session.require_recent(Duration::MAX), Err(Error::NotLoggedIn)), "{:?}", place.kind);
        let _ = session.close().unwrap();
        assert!(manager.sessions_of("ada").unwrap().is_empty(), "{:?}", place.kind);
        assert_eq!(begin(&manager, Some(&id)).data().unwrap().len(), 2, "{:?}", place.kind);
    }
}
