//! Confirming a login (S14): the user has proved once more who they are, and nothing else changes, on every storage.

use std::time::Duration;

use gsession::{AtLimit, ClientInfo, Error, Exchange, Limits, Login, Manager, Session, SessionId};

use crate::support::{KINDS, Place};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn begin(manager: &Manager, id: Option<&SessionId>) -> Exchange<Session> {
    manager.begin(id.map(SessionId::as_str), ClientInfo::default)
}

fn log_in(manager: &Manager, login: impl Into<Login>) -> SessionId {
    let session = begin(manager, None);
    session.log_in(login).unwrap();
    session.id().unwrap()
}

fn ada() -> Login {
    Login::new("ada").label("Firefox on Linux").address("192.0.2.7".parse().unwrap()).tag("sid-1")
}

#[test]
fn it_is_recent_under_a_new_id_and_all_else_stays() {
    for place in KINDS.map(Place::new) {
        for login in [ada(), ada().remember_for(30 * DAY).idle_timeout(7 * DAY)] {
            let manager = place.manager();
            let old = log_in(&manager, login);
            let before = begin(&manager, Some(&old)).info().unwrap().unwrap();
            place.clock.advance(HOUR);

            let session = begin(&manager, Some(&old));
            session.set("cart", &["tea"]).unwrap();
            assert!(matches!(session.require_recent(5 * MINUTE), Err(Error::LoginNotRecent)));
            session.confirm_login().unwrap();
            let new = session.id().unwrap();
            assert_ne!(old, new, "{:?}", place.kind);
            session.require_recent(Duration::ZERO).unwrap();
            session.close().unwrap();

            assert_eq!(begin(&manager, Some(&old)).principal().unwrap(), None, "the old id is dead");
            let session = begin(&manager, Some(&new));
            session.require_recent(5 * MINUTE).unwrap();
            assert_eq!(session.get::<Vec<String>>("cart").unwrap().unwrap(), ["tea"]);
            let after = session.info().unwrap().unwrap();
            assert_eq!(after.authenticated_at, before.authenticated_at.map(|at| at + HOUR));
            assert_eq!((after.created_at, after.absolute_deadline), (before.created_at, before.absolute_deadline));
            assert_eq!((&after.principal, &after.label, &after.tag), (&before.principal, &before.label, &before.tag));
            assert_eq!((after.address, after.is_remembered), (before.address, before.is_remembered));
            assert_eq!(after.expires_at.since(after.last_seen), before.expires_at.since(before.last_seen));
            assert_eq!(manager.destroy_all_tagged("sid-1").unwrap(), 1, "{:?}", place.kind);
        }
    }
}

#[test]
fn what_another_request_changes_meanwhile_stays_too() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let id = log_in(&manager, ada());
        let slow = begin(&manager, Some(&id));
        assert!(slow.info().unwrap().is_some());

        let quick = begin(&manager, Some(&id));
        quick.set_label("My laptop").unwrap();
        quick.set("n", &1).unwrap();
        quick.close().unwrap();

        slow.confirm_login().unwrap();
        let session = begin(&manager, slow.id().as_ref());
        assert_eq!(session.get("n").unwrap(), Some(1));
        assert_eq!(session.info().unwrap().unwrap().label.as_deref(), Some("My laptop"), "{:?}", place.kind);
    }
}

#[test]
fn without_a_login_there_is_nothing_to_confirm() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        for has_principal in [false, true] {
            let session = begin(&manager, None);
            session.set("n", &1).unwrap();
            if has_principal {
                session.set_principal("ada").unwrap();
            }
            session.close().unwrap();
            let id = session.id().unwrap();
            let session = begin(&manager, Some(&id));
            assert!(matches!(session.confirm_login(), Err(Error::NotLoggedIn)));
            session.close().unwrap();
            let session = begin(&manager, Some(&id));
            assert_eq!(session.get("n").unwrap(), Some(1), "the id stays");
        }
    }
}

#[test]
fn a_logout_meanwhile_is_final_and_said() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let id = log_in(&manager, ada());
        let slow = begin(&manager, Some(&id));
        assert!(slow.info().unwrap().is_some());
        let quick = begin(&manager, Some(&id));
        quick.log_out();
        quick.close().unwrap();
        assert!(matches!(slow.confirm_login(), Err(Error::Gone)), "{:?}", place.kind);
        let _ = slow.close();
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 0);
    }
}

#[test]
fn whose_session_it_is_meanwhile_is_not_taken_back() {
    for place in KINDS.map(Place::new) {
        for principal in [None, Some("bob")] {
            let manager = place.manager();
            let id = log_in(&manager, ada());
            let slow = begin(&manager, Some(&id));
            assert!(slow.info().unwrap().is_some());
            let quick = begin(&manager, Some(&id));
            match principal {
                Some(principal) => quick.set_principal(principal).unwrap(),
                None => quick.clear_principal().unwrap(),
            }
            quick.close().unwrap();
            assert!(matches!(slow.confirm_login(), Err(Error::Gone)), "{:?}", place.kind);
            let _ = slow.close();
            assert_eq!(begin(&manager, Some(&id)).principal().unwrap().as_deref(), principal);
            assert_eq!(manager.sessions_of("ada").unwrap().len(), 0);
            manager.destroy(manager.key_of(&id)).unwrap();
        }
    }
}

#[test]
fn a_confirmation_that_is_too_large_loses_nothing_else() {
    for place in KINDS.map(Place::new) {
        let id = log_in(&place.manager(), "ada");
        let room = place.builder().limits(Limits::default().max_record_bytes(300)).build().unwrap();
        let session = begin(&room, Some(&id));
        assert!(session.info().unwrap().is_some());
        session.set_label("My laptop").unwrap();
        let filled = (0..300).rev().find(|&bytes| session.set("fill", &"x".repeat(bytes)).is_ok());
        assert!(filled.is_some());
        assert!(matches!(session.confirm_login(), Err(Error::Limit(_))), "{:?}", place.kind);
        session.close().unwrap();
        let info = begin(&place.manager(), Some(&id)).info().unwrap().unwrap();
        assert_eq!(info.label.as_deref(), Some("My laptop"), "{:?}", place.kind);
    }
}

#[test]
fn a_confirmed_login_is_no_younger_when_the_oldest_has_to_go() {
    for place in KINDS.map(Place::new) {
        let manager = place.builder().max_sessions(2, AtLimit::EndOldest).build().unwrap();
        let first = log_in(&manager, "ada");
        place.clock.advance(MINUTE);
        let second = log_in(&manager, "ada");
        place.clock.advance(MINUTE);
        let session = begin(&manager, Some(&first));
        session.confirm_login().unwrap();
        let first = session.id().unwrap();
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 2, "it is not one more");
        place.clock.advance(MINUTE);
        log_in(&manager, "ada");
        assert_eq!(begin(&manager, Some(&first)).principal().unwrap(), None, "{:?}", place.kind);
        assert!(begin(&manager, Some(&second)).principal().unwrap().is_some());
    }
}
