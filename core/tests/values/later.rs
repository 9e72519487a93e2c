//! What a request reads later counts, where it differs from what it has read before.

use gsession::{ClientInfo, Delivery, Exchange, Session, SessionId};

use crate::support::{KINDS, Kind, Place};

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

/// The storages that read only the entries asked for.
fn partial() -> impl Iterator<Item = Kind> {
    KINDS.into_iter().filter(|kind| matches!(kind, Kind::RedisHash | Kind::RedisHashCluster))
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
    for kind in partial() {
        let place = Place::new(kind);
        let id = begin(&place);
        let session = request(&place, &id);
        assert_eq!(session.get::<String>("a").unwrap().as_deref(), Some("first"));
        hand_over(&place, &id);
        assert_eq!(session.get::<String>("b").unwrap().as_deref(), Some("second"), "{kind:?}");
        assert_eq!(session.principal().unwrap().as_deref(), Some("eve"), "{kind:?}");
        assert_eq!(session.info().unwrap().unwrap().principal.as_deref(), Some("eve"));
    }
}

#[test]
fn the_principal_is_that_of_the_read_that_gives_it() {
    for kind in partial() {
        let place = Place::new(kind);
        let id = begin(&place);
        let session = request(&place, &id);
        assert_eq!(session.get::<String>("a").unwrap().as_deref(), Some("first"));
        hand_over(&place, &id);
        assert_eq!(session.principal().unwrap().as_deref(), Some("eve"), "{kind:?}");
        assert_eq!(session.len().unwrap(), 2, "{kind:?}");
    }
}

#[test]
fn an_entry_that_is_asked_for_again_and_gone_is_gone() {
    for kind in partial() {
        let place = Place::new(kind);
        let id = begin(&place);
        let session = request(&place, &id);
        assert_eq!(session.get::<String>("c").unwrap().as_deref(), Some("first"));
        hand_over(&place, &id);
        let values = session.get_many(&["b", "c"]).unwrap();
        assert_eq!(values.len(), 1, "{kind:?}: {values:?}");
        assert_eq!(session.get::<String>("c").unwrap(), None, "{kind:?}");
    }
}
