//! The next login decides anew.

use std::time::Duration;

use gsession::{Clock as _, Delivery, Error, Login, LoginError};

use super::{DAY, HOUR, MINUTE, begin, id_after, info, log_in, strict, visits};
use crate::support::{KINDS, NOW, Place};

fn remembered() -> Login {
    Login::new("ada").remember_for(30 * DAY).idle_timeout(7 * DAY)
}

#[test]
fn a_login_that_is_not_to_be_remembered_begins_an_ordinary_session() {
    for reads_first in [false, true] {
        for place in KINDS.map(Place::new) {
            let (manager, what) = (strict(&place), format!("{:?}, reads first: {reads_first}", place.kind));
            let id = log_in(&manager, None, remembered());
            // Older than an ordinary session may become.
            let at = NOW + 5 * DAY;
            place.clock.set(at);
            let session = begin(&manager, Some(&id));
            if reads_first {
                assert!(session.principal().unwrap().is_some(), "{what}");
            }
            session.set("kept", &true).unwrap();
            session.log_in("ada").unwrap();
            let closed = session.close().unwrap();
            let id = id_after(&session, closed);
            let known = info(&manager, &id).expect("it lives");
            assert!(!known.is_remembered, "{what}");
            let is = (known.created_at, known.expires_at, known.absolute_deadline);
            assert_eq!(is, (at, at + HOUR, Some(at + 2 * HOUR)), "{what}");
            for minutes in [50, 100] {
                place.clock.set(at + minutes * MINUTE);
                assert!(visits(&manager, &id), "{what}: after {minutes} minutes");
            }
            place.clock.set(at + 2 * HOUR);
            assert!(!visits(&manager, &id), "{what}");
        }
    }
}

#[test]
fn a_login_leaves_an_ordinary_session_as_old_as_it_is() {
    for place in KINDS.map(Place::new) {
        let manager = strict(&place);
        let id = log_in(&manager, None, "ada".into());
        place.clock.advance(HOUR / 2);
        let id = log_in(&manager, Some(&id), "ada".into());
        let known = info(&manager, &id).unwrap();
        assert_eq!((known.created_at, known.absolute_deadline), (NOW, Some(NOW + 2 * HOUR)), "{:?}", place.kind);
    }
}

#[test]
fn each_login_that_is_to_be_remembered_counts_anew() {
    for place in KINDS.map(Place::new) {
        let manager = strict(&place);
        let mut id = log_in(&manager, None, "ada".into());
        for (day, login, end) in [
            (0, remembered(), 7),
            (5, remembered().remember_for(2 * DAY), 7),
            (6, remembered().remember_for(90 * DAY).idle_timeout(60 * DAY), 66),
        ] {
            place.clock.set(NOW + day * DAY);
            id = log_in(&manager, Some(&id), login);
            let known = info(&manager, &id).unwrap();
            assert!(known.is_remembered, "{:?}", place.kind);
            assert_eq!(known.expires_at, NOW + end * DAY, "{:?}: day {day}", place.kind);
            assert_eq!(known.authenticated_at, Some(NOW + day * DAY), "{:?}: day {day}", place.kind);
        }
        assert_eq!(info(&manager, &id).unwrap().absolute_deadline, Some(NOW + 96 * DAY), "{:?}", place.kind);
    }
}

#[test]
fn a_login_begins_the_lifetime_even_in_a_passive_request() {
    for place in KINDS.map(Place::new) {
        let manager = strict(&place);
        // The session was last used longer ago than the new login allows.
        for (before, since, login, idle) in [
            ("ada".into(), HOUR / 2, remembered().idle_timeout(MINUTE), MINUTE),
            (remembered(), 5 * DAY, "ada".into(), HOUR),
        ] {
            let id = log_in(&manager, None, before);
            place.clock.advance(since);
            let session = begin(&manager, Some(&id));
            session.set_passive(true);
            session.log_in(login).unwrap();
            let closed = session.close().unwrap();
            let id = id_after(&session, closed);
            let end = info(&manager, &id).map(|known| known.expires_at);
            assert_eq!(end, Some(place.clock.now() + idle), "{:?}", place.kind);
        }
    }
}

#[test]
fn another_principal_is_not_remembered_because_of_the_one_before() {
    for place in KINDS.map(Place::new) {
        let manager = strict(&place);
        for (principal, reads_first) in [(Some("eve"), false), (None, false), (Some("eve"), true), (None, true)] {
            let id = log_in(&manager, None, remembered());
            let session = begin(&manager, Some(&id));
            assert!(!reads_first || session.principal().unwrap().is_some());
            match principal {
                Some(principal) => session.set_principal(principal).unwrap(),
                None => session.clear_principal().unwrap(),
            }
            // If it is known to have been remembered, its cookie is one for an ordinary session from now on.
            let told = session.close().unwrap().delivery;
            let is_told = matches!(&told, Delivery::Send { id: sent, is_remembered: false, .. } if *sent == id);
            assert_eq!(is_told, reads_first, "{:?}: {principal:?}, {told:?}", place.kind);
            let known = info(&manager, &id).unwrap();
            assert!(!known.is_remembered, "{:?}: {principal:?}", place.kind);
            assert_eq!(known.expires_at, NOW + HOUR, "{:?}: {principal:?}", place.kind);
        }
    }
}

#[test]
fn a_login_that_is_refused_changes_nothing() {
    for place in KINDS.map(Place::new) {
        let manager = strict(&place);
        let id = log_in(&manager, None, remembered());
        let before = info(&manager, &id).unwrap();
        let session = begin(&manager, Some(&id));
        for (login, why) in [
            (Login::new("ada").remember_for(Duration::ZERO), LoginError::RememberedTooShort),
            (remembered().idle_timeout(Duration::from_nanos(1)), LoginError::IdleTimeoutTooShort),
            (Login::new(""), LoginError::EmptyPrincipal),
        ] {
            assert!(matches!(session.log_in(login), Err(Error::Login(is)) if is == why), "{:?}", place.kind);
        }
        let _ = session.close().unwrap();
        assert_eq!(info(&manager, &id).unwrap(), before, "{:?}", place.kind);
    }
}
