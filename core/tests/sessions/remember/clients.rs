//! What the client is told: whether it is to keep its id after it is closed, and until when.

use gsession::{Delivery, Login};

use super::{DAY, HOUR, begin, log_in, strict};
use crate::support::{KINDS, NOW, Place};

fn remembered() -> Login {
    Login::new("ada").remember_for(30 * DAY).idle_timeout(7 * DAY)
}

#[test]
fn the_client_keeps_the_id_of_a_remembered_session_and_of_no_other() {
    for place in KINDS.map(Place::new) {
        let (manager, kind) = (strict(&place), place.kind);
        for (login, is_remembered) in [(remembered(), true), ("ada".into(), false)] {
            let session = begin(&manager, None);
            session.log_in(login).unwrap();
            match session.close().unwrap().delivery {
                Delivery::Send { is_remembered: is, expires_at, .. } => {
                    assert_eq!(is, is_remembered, "{kind:?}");
                    assert_eq!(expires_at, NOW + if is { 7 * DAY } else { HOUR }, "{kind:?}");
                }
                other => panic!("{kind:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_renewal_says_it_again_whether_the_session_was_read_or_not() {
    for reads_first in [false, true] {
        for place in KINDS.map(Place::new) {
            let manager = strict(&place);
            for (login, is_remembered) in [(remembered(), true), ("ada".into(), false)] {
                let id = log_in(&manager, None, login);
                let session = begin(&manager, Some(&id));
                if reads_first {
                    assert!(session.principal().unwrap().is_some());
                }
                session.renew().unwrap();
                let delivery = session.close().unwrap().delivery;
                assert!(
                    matches!(delivery, Delivery::Send { is_remembered: is, .. } if is == is_remembered),
                    "{:?}, reads first: {reads_first}: {delivery:?}",
                    place.kind
                );
            }
        }
    }
}

#[test]
fn each_use_that_moves_the_end_is_told_to_the_client() {
    for place in KINDS.map(Place::new) {
        let manager = strict(&place);
        let id = log_in(&manager, None, remembered());
        for (day, reads) in [(1, true), (2, false), (3, true)] {
            place.clock.set(NOW + day * DAY);
            let session = begin(&manager, Some(&id));
            if reads {
                assert!(session.principal().unwrap().is_some());
            } else {
                session.set("n", &day).unwrap();
            }
            let told = session.close().unwrap().delivery;
            let refresh = Delivery::Refresh { id: id.clone(), expires_at: NOW + (day + 7) * DAY, is_remembered: true };
            assert_eq!(told, refresh, "{:?}: day {day}", place.kind);
        }
    }
}

#[test]
fn a_session_that_has_ended_meanwhile_is_not_refreshed() {
    for place in KINDS.map(Place::new) {
        let manager = strict(&place);
        let id = log_in(&manager, None, remembered());
        place.clock.advance(DAY);
        let slow = begin(&manager, Some(&id));
        assert!(slow.principal().unwrap().is_some(), "{:?}", place.kind);
        let other = begin(&manager, Some(&id));
        other.log_out();
        let _ = other.close().unwrap();
        // Its cookie would come back for a month.
        assert_eq!(slow.close().unwrap().delivery, Delivery::Keep, "{:?}", place.kind);
    }
}

#[test]
fn a_second_click_on_log_in_is_told_what_it_asked_for() {
    for place in KINDS.map(Place::new) {
        let manager = strict(&place);
        let old = log_in(&manager, None, "ada".into());
        let (first, second) = (begin(&manager, Some(&old)), begin(&manager, Some(&old)));
        first.log_in("ada").unwrap();
        let _ = first.close().unwrap();
        second.log_in(remembered()).unwrap();
        match second.close().unwrap().delivery {
            Delivery::Send { id, expires_at, is_remembered } => {
                assert_eq!((expires_at, is_remembered), (NOW + 7 * DAY, true), "{:?}", place.kind);
                let known = super::info(&manager, &id).unwrap();
                assert_eq!((known.expires_at, known.is_remembered), (NOW + 7 * DAY, true), "{:?}", place.kind);
            }
            other => panic!("{:?}: {other:?}", place.kind),
        }
    }
}
