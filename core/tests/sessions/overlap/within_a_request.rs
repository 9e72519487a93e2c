//! Several tasks of one request share a session: one destroys it while another saves.

use gsession::{ClientInfo, Delivery, Session, StoreKey};

use super::{World, gives_out, logged_in, sent};
use crate::support::{KINDS, NOW, found, pausing_storage::Op};

/// Saves, and does something else when the storage is about to be asked for `op`.
fn during_save(world: &World, session: &Session, op: Op, meanwhile: impl FnOnce()) {
    let gate = world.gated.before(op);
    std::thread::scope(|scope| {
        let saving = scope.spawn(|| session.save().unwrap());
        gate.reached();
        meanwhile();
        gate.open();
        let _ = saving.join().unwrap();
    });
}

#[test]
fn a_destroy_during_the_save_of_a_new_session_ends_it() {
    for kind in KINDS {
        let world = World::new(kind);
        let session = world.manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        session.set_principal("ada").unwrap();
        during_save(&world, &session, Op::Create, || session.destroy());
        let closed = session.close().unwrap();
        assert!(!gives_out(&closed.delivery), "{kind:?}: {closed:?}");
        world.assert_empty();
    }
}

#[test]
fn a_destroy_during_a_renewal_ends_the_new_session_too() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let session = world.request(&id);
        assert!(logged_in(&session));
        session.renew().unwrap();
        during_save(&world, &session, Op::Move, || session.destroy());
        let closed = session.close().unwrap();
        world.assert_empty();
        assert_eq!(closed.delivery, Delivery::Withdraw, "{kind:?}");
    }
}

#[test]
fn what_is_written_after_a_destroy_during_a_save_stands_in_a_new_session() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let session = world.request(&id);
        assert!(logged_in(&session));
        session.set("draft", "text").unwrap();
        during_save(&world, &session, Op::Commit, || {
            session.destroy();
            session.set("flash", "Good bye.").unwrap();
        });
        let closed = session.close().unwrap();
        assert!(found(&*world.place.storage, &StoreKey::of(&id), NOW).is_none());
        let new = sent(&closed);
        assert_ne!(new, id);
        let data = world.request(&new).data().unwrap();
        assert_eq!(serde_json::Value::Object(data), serde_json::json!({"flash": "Good bye."}), "{kind:?}");
    }
}
