//! Ending the others of a user's sessions while the one that stays is renewed.

use gsession::{ClientInfo, Delivery, Error, Manager, SessionId};

use crate::support::{KINDS, Place};

fn logged_in(manager: &Manager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    session.set_principal("ada").unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
    id
}

fn renewed(manager: &Manager, id: &SessionId) -> SessionId {
    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    session.renew().unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a renewal gives an id") };
    id
}

fn lives(manager: &Manager, id: &SessionId) -> bool {
    manager.begin(Some(id.as_str()), ClientInfo::default).contains_key("user").unwrap()
}

/// The request has read its session before another one renews it, so it does not know the key under which it is listed.
#[test]
fn a_session_that_was_renewed_meanwhile_is_not_taken_for_another() {
    for kind in KINDS {
        let place = Place::new(kind);
        let manager = place.manager();
        let (own, other) = (logged_in(&manager), logged_in(&manager));
        let session = manager.begin(Some(own.as_str()), ClientInfo::default);
        assert!(session.contains_key("user").unwrap());
        let own = renewed(&manager, &own);
        assert!(matches!(session.destroy_others(), Err(Error::Gone)), "{kind:?}");
        assert!(lives(&manager, &own) && lives(&manager, &other), "{kind:?}: nothing is ended");
        // It knows now, so that it is asked again with the new id.
        let session = manager.begin(Some(own.as_str()), ClientInfo::default);
        assert_eq!(session.destroy_others().unwrap(), 1, "{kind:?}");
        assert!(lives(&manager, &own) && !lives(&manager, &other), "{kind:?}");
    }
}

#[test]
fn an_operator_spares_a_session_by_any_of_its_ids() {
    for kind in KINDS {
        let place = Place::new(kind);
        let manager = place.manager();
        let (first, other) = (logged_in(&manager), logged_in(&manager));
        let last = (0..3).fold(first.clone(), |id, _| renewed(&manager, &id));
        assert_eq!(manager.destroy_all_of("ada", Some(&first)).unwrap(), 1, "{kind:?}");
        assert!(lives(&manager, &last) && !lives(&manager, &other), "{kind:?}");
        assert_eq!(manager.destroy_all_of("ada", None).unwrap(), 1, "{kind:?}");
        assert!(!lives(&manager, &last), "{kind:?}");
    }
}
