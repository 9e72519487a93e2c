//! Ids are never adopted (S6).

use gsession::{ClientInfo, Error, Saved, SessionId, StoreKey};

use super::{World, closing, log_out, sent};
use crate::support::{KINDS, NOW, Place, found, pausing_storage::Op, record, stored};

#[test]
fn a_blind_write_to_an_unknown_id_creates_under_a_fresh_one() {
    for kind in KINDS {
        let world = World::new(kind);
        let forged = SessionId::from_random([7; 32]);
        let session = world.request(&forged);
        session.set("a", &1).unwrap();
        session.renew().unwrap();
        let closed = session.close().unwrap();
        assert_eq!(closed.saved, Saved::Created);
        let new = sent(&closed);
        assert_ne!(new, forged);
        assert_eq!(world.living(), [new]);
        assert!(found(&*world.place.storage, &StoreKey::of(&forged), NOW).is_none());
    }
}

/// Ended while the blind write was on its way: the write is kept, the ended session's data is not.
#[test]
fn a_blind_write_that_a_logout_overtook_starts_from_nothing() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let session = world.request(&id);
        session.set("language", "fr").unwrap();
        let gate = world.gated.before(Op::Commit);
        let new = std::thread::scope(|scope| {
            let writing = closing(scope, &session);
            gate.reached();
            log_out(&world, &id);
            gate.open();
            sent(&writing.join().unwrap().unwrap())
        });
        assert_ne!(new, id);
        let fresh = world.request(&new);
        assert_eq!(serde_json::Value::Object(fresh.data().unwrap()), serde_json::json!({"language": "fr"}));
        assert_eq!(fresh.principal().unwrap(), None);
        assert_eq!(world.living(), [new]);
    }
}

#[test]
fn an_id_the_generator_repeats_never_overwrites() {
    for kind in KINDS {
        let place = Place::new(kind);
        let taken = SessionId::from_random([9; 32]);
        place.storage.create(&StoreKey::of(&taken), &record(&[("user", "\"bob\"")]), NOW).unwrap();
        let repeat = taken.clone();
        let ids = gsession::CustomIds::new(move |_: &ClientInfo| Ok(repeat.clone()), |_: &str| true);
        let manager = place.builder().id_generator(ids).build().unwrap();
        let session = manager.begin(None, ClientInfo::default);
        session.set("user", "eve").unwrap();
        assert!(matches!(session.close(), Err(Error::Id(_))));
        let kept = stored(&*place.storage, &StoreKey::of(&taken), NOW).unwrap();
        assert_eq!(kept, [("user".to_owned(), "\"bob\"".to_owned())]);
        session.abandon();
    }
}
