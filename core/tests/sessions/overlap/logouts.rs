//! Dead stays dead (S4): what was running when the user logged out brings nothing back.

use gsession::{Exchange, Saved, Session, SessionId};

use super::{MINUTE, World, closing, gives_out, is_lost, log_out, logged_in};
use crate::support::{
    KINDS,
    pausing_storage::{Gate, Op},
};

/// The requests that were running when the user logged out.
struct Running {
    writer: Exchange<Session>,
    toucher: Exchange<Session>,
    renewer: Exchange<Session>,
    saver: Exchange<Session>,
}

impl Running {
    fn all_have_read(world: &World, id: &SessionId) -> Self {
        let [writer, toucher, renewer, saver] = std::array::from_fn(|_| {
            let session = world.request(id);
            assert!(logged_in(&session));
            session
        });
        writer.set("draft", "text").unwrap();
        renewer.renew().unwrap();
        renewer.set("role", "admin").unwrap();
        saver.set("basket", "full").unwrap();
        Self { writer, toucher, renewer, saver }
    }
}

#[test]
fn whatever_runs_on_after_a_logout_brings_nothing_back() {
    for kind in KINDS {
        let world = World::new(kind);
        for round in 0..20 {
            let id = world.login();
            let running = Running::all_have_read(&world, &id);
            log_out(&world, &id);
            world.assert_empty();
            let Running { writer, toucher, renewer, saver } = running;
            std::thread::scope(|scope| {
                let saved = scope.spawn(|| {
                    assert_eq!(saver.save().unwrap(), Saved::Gone);
                    // Once more, as a request would that knows nothing of it.
                    saver.set("basket", "again").unwrap();
                    saver.close().unwrap()
                });
                let others = [&writer, &toucher, &renewer].map(|session| closing(scope, session));
                let [wrote, touched, renewed] = others.map(|other| other.join().unwrap());
                assert_eq!(wrote.unwrap().saved, Saved::Gone, "{kind:?} {round}");
                assert!(is_lost(&renewed), "{renewed:?}");
                assert_eq!(touched.unwrap().saved, Saved::Nothing);
                assert_eq!(saved.join().unwrap().saved, Saved::Gone);
            });
            world.assert_empty();
        }
    }
}

/// Each of them stands right before its effect, when the session ends.
#[test]
fn what_was_on_its_way_to_the_storage_at_a_logout_brings_nothing_back() {
    for kind in KINDS {
        let world = World::new(kind);
        for _ in 0..20 {
            let id = world.login();
            let Running { writer, toucher, renewer, saver } = Running::all_have_read(&world, &id);
            let gates = [Op::Commit, Op::Commit, Op::Move].map(|op| world.gated.before(op));
            std::thread::scope(|scope| {
                let busy = [&writer, &renewer, &saver].map(|session| closing(scope, session));
                gates.iter().for_each(Gate::reached);
                log_out(&world, &id);
                drop(gates);
                let [wrote, renewed, saved] = busy.map(|session| session.join().unwrap());
                assert_eq!([wrote.unwrap().saved, saved.unwrap().saved], [Saved::Gone; 2]);
                assert!(is_lost(&renewed), "{renewed:?}");
            });
            let _ = toucher.close().unwrap();
            world.assert_empty();
        }
    }
}

/// A reader whose touch comes after the end, and one whose touch is on its way.
#[test]
fn a_late_touch_brings_nothing_back() {
    for kind in KINDS {
        let world = World::new(kind);
        let passive_at_first = |id| {
            let session = world.request(id);
            // So that the touch is not done by reading.
            session.set_passive(true);
            assert!(logged_in(&session));
            session.set_passive(false);
            session
        };
        let id = world.login();
        let late = passive_at_first(&id);
        let on_its_way = passive_at_first(&id);
        let gate = world.gated.before(Op::Touch);
        std::thread::scope(|scope| {
            let touching = closing(scope, &on_its_way);
            gate.reached();
            log_out(&world, &id);
            gate.open();
            assert!(!gives_out(&touching.join().unwrap().unwrap().delivery));
        });
        assert!(!gives_out(&late.close().unwrap().delivery));
        world.assert_empty();
    }
}

/// Loaded before the end, used after it.
#[test]
fn a_load_that_was_answered_late_brings_nothing_back() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let gate = world.gated.after(Op::Load);
        std::thread::scope(|scope| {
            let session = world.request(&id);
            let slow = scope.spawn(move || {
                assert!(logged_in(&session), "it read before the end");
                session.set("late", &1).unwrap();
                session.renew().unwrap();
                session.close()
            });
            gate.reached();
            log_out(&world, &id);
            gate.open();
            let closed = slow.join().unwrap();
            assert!(is_lost(&closed), "{closed:?}");
        });
        world.assert_empty();
    }
}

/// The client must not be handed the id of a session that has ended: a removal cookie at most.
#[test]
fn a_request_that_lost_its_session_gives_no_id_to_the_client() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        world.place.clock.advance(MINUTE);
        let session = world.request(&id);
        assert!(logged_in(&session));
        session.set("late", &1).unwrap();
        log_out(&world, &id);
        let closed = session.close().unwrap();
        assert_eq!(closed.saved, Saved::Gone);
        assert!(!gives_out(&closed.delivery), "{kind:?}: the client is told to keep a dead id");
    }
}
