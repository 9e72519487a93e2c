//! What a request reads later counts, where it differs from what it has read before.

use gsession::{ClientInfo, Delivery, Exchange, Session, SessionId};

use crate::support::{KINDS, Kind, Place};

/// The session of ada becomes that of eve after a request has read one entry of it. On the storages that read only the
/// entries asked for.
fn handed_over_after_reading(entry: &str, goes_on: impl Fn(Kind, &Exchange<Session>)) {
    for kind in KINDS.into_iter().filter(|kind| matches!(kind, Kind::RedisHash | Kind::RedisHashCluster)) {
        let place = Place::new(kind);
        let id = begin(&place);
        let session = request(&place, &id);
        assert_eq!(session.get::<String>(entry).unwrap().as_deref(), Some("first"));
        hand_over(&place, &id);
        goes_on(kind, &session);
    }
}

fn begin(place: &Place) -> SessionId {
    let session = place.manager().begin(None, ClientInfo::default);
    session.set_many([("a", "first"), ("b", "first"), ("c", "first")]).unwrap();
    session.set_principal("ada").unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("no id") };
    id
}

fn request(place: &Place, id: &SessionId) -> Exchange<Session> {
    place.manager().begin(Some(id.as_str()), ClientInfo::default)
}

fn hand_over(place: &Place, id: &SessionId) {
    let other = request(place, id);
    other.set("b", "second").unwrap();
    other.remove("c").unwrap();
    other.set_principal("eve").unwrap();
    other.close().unwrap();
}

#[test]
fn new_entries_never_stand_beside_an_old_principal() {
    handed_over_after_reading("a", |kind, session| {
        assert_eq!(session.get::<String>("b").unwrap().as_deref(), Some("second"), "{kind:?}");
        assert_eq!(session.principal().unwrap().as_deref(), Some("eve"), "{kind:?}");
        assert_eq!(session.info().unwrap().unwrap().principal.as_deref(), Some("eve"));
    });
}

#[test]
fn the_principal_is_that_of_the_read_that_gives_it() {
    handed_over_after_reading("a", |kind, session| {
        assert_eq!(session.principal().unwrap().as_deref(), Some("eve"), "{kind:?}");
        assert_eq!(session.len().unwrap(), 2, "{kind:?}");
    });
}

#[test]
fn an_entry_that_is_asked_for_again_and_gone_is_gone() {
    handed_over_after_reading("c", |kind, session| {
        let values = session.get_many(&["b", "c"]).unwrap();
        assert_eq!(values.len(), 1, "{kind:?}: {values:?}");
        assert_eq!(session.get::<String>("c").unwrap(), None, "{kind:?}");
    });
}
