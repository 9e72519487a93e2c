//! A request that loses its session: what it is told, and what the log says of the reason.

use std::time::Duration;

use gsession::{ClientInfo, Delivery, Error, Manager, Saved, Session, SessionId};

use crate::support::{IDLE, KINDS, Place, log};

const RENEWED: &str = "a session was renewed while a request was using it";
const PRESENTED: &str = "a request presented an id that was renewed";
const ENDED: &str = "a session ended while a request was using it";

/// What other requests do, or time.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    Logout,
    Renewal,
    Expiry,
}

/// How the request finds out.
#[derive(Debug, Clone, Copy)]
enum Finds {
    Saving,
    Renewing,
    Reading,
    Updating,
}

fn begin(manager: &Manager, id: &SessionId) -> Session {
    manager.begin(Some(id.as_str()), ClientInfo::default).session().clone()
}

fn stored(manager: &Manager) -> SessionId {
    let exchange = manager.begin(None, ClientInfo::default);
    exchange.set("user", "ada").unwrap();
    let Delivery::Send { id, .. } = exchange.close().unwrap().delivery else { panic!("a new session has an id") };
    id
}

fn change(place: &Place, manager: &Manager, id: &SessionId, meanwhile: Meanwhile) {
    let other = begin(manager, id);
    match meanwhile {
        Meanwhile::Logout => other.destroy(),
        Meanwhile::Renewal => other.renew().unwrap(),
        Meanwhile::Expiry => {
            place.clock.advance(IDLE + Duration::from_secs(1));
            return;
        }
    }
    assert!(matches!(other.save().unwrap(), Saved::Destroyed | Saved::Renewed));
}

/// How often the log has each of these lines about this session, since a mark.
fn said(before: usize, manager: &Manager, id: &SessionId) -> [usize; 3] {
    let key = format!("{:?}", manager.key_of(id));
    let lines = log::since(before);
    [RENEWED, PRESENTED, ENDED]
        .map(|text| lines.iter().filter(|line| line.contains(text) && line.contains(&key)).count())
}

#[test]
fn the_log_says_why_a_request_lost_its_session() {
    let before = log::mark();
    for kind in KINDS {
        for meanwhile in [Meanwhile::Logout, Meanwhile::Renewal, Meanwhile::Expiry] {
            for finds in [Finds::Saving, Finds::Renewing, Finds::Reading, Finds::Updating] {
                let place = Place::new(kind);
                let manager = place.manager();
                let id = stored(&manager);
                let slow = begin(&manager, &id);
                match finds {
                    // What was written and not read is read later.
                    Finds::Reading => {
                        slow.set("n", &0).unwrap();
                        assert_eq!(slow.save().unwrap(), Saved::Committed);
                    }
                    _ => assert!(slow.contains_key("user").unwrap()),
                }
                change(&place, &manager, &id, meanwhile);
                let case = format!("{kind:?} {meanwhile:?} {finds:?}");
                match finds {
                    Finds::Saving => slow.set("n", &1).unwrap(),
                    Finds::Renewing => slow.renew().unwrap(),
                    Finds::Reading => {
                        assert_eq!(slow.get::<String>("user").unwrap(), None, "{case}");
                        slow.set("n", &1).unwrap();
                    }
                    Finds::Updating => {
                        let lost = slow.update("n", |n: Option<u64>| n.unwrap_or(0) + 1);
                        assert!(matches!(lost, Err(Error::Gone)), "{case}: {lost:?}");
                        slow.set("n", &1).unwrap();
                    }
                }
                assert_eq!(slow.save().unwrap(), Saved::Gone, "{case}");
                let expected = match meanwhile {
                    Meanwhile::Renewal => [1, 0, 0],
                    Meanwhile::Logout | Meanwhile::Expiry => [0, 0, 1],
                };
                assert_eq!(said(before, &manager, &id), expected, "{case}");
            }
        }
    }
}

#[test]
fn the_log_says_that_a_client_sent_an_id_that_was_renewed() {
    let before = log::mark();
    for kind in KINDS {
        let place = Place::new(kind);
        let manager = place.manager();
        let id = stored(&manager);
        change(&place, &manager, &id, Meanwhile::Renewal);
        assert_eq!(begin(&manager, &id).get::<String>("user").unwrap(), None, "{kind:?}");
        assert_eq!(said(before, &manager, &id), [0, 1, 0], "{kind:?}");
    }
}
