//! Only changes are stored (S3), and whoever reads next sees them (S8).

use std::sync::Barrier;

use gsession::{Error, Saved};

use super::{World, logged_in};
use crate::support::{KINDS, pausing_storage::Op};

#[test]
fn forty_requests_that_all_loaded_first_lose_nothing() {
    const REQUESTS: usize = 40;
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let loaded = Barrier::new(REQUESTS);
        std::thread::scope(|scope| {
            for number in 0..REQUESTS {
                let (world, id, loaded) = (&world, &id, &loaded);
                scope.spawn(move || {
                    let session = world.request(id);
                    assert!(logged_in(&session));
                    loaded.wait();
                    session.set(&format!("key-{number}"), &number).unwrap();
                    assert_eq!(session.close().unwrap().saved, Saved::Committed);
                });
            }
        });
        let data = world.request(&id).data().unwrap();
        assert_eq!(data.len(), REQUESTS + 1, "{kind:?}");
        assert!((0..REQUESTS).all(|number| data[&format!("key-{number}")] == number));
    }
}

#[test]
fn on_the_same_key_the_later_commit_wins_and_removals_count() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let (first, second) = (world.request(&id), world.request(&id));
        assert!(logged_in(&first) && logged_in(&second));
        second.set("tab", "second").unwrap();
        second.remove("user").unwrap();
        first.set("tab", "first").unwrap();
        first.set("mine", &1).unwrap();
        let _ = second.close().unwrap();
        let _ = first.close().unwrap();
        let data = world.request(&id).data().unwrap();
        assert_eq!(serde_json::Value::Object(data), serde_json::json!({"tab": "first", "mine": 1}));
    }
}

#[test]
fn a_hundred_overlapping_increments_add_a_hundred() {
    const THREADS: u32 = 10;
    const EACH: u32 = 10;
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let start = Barrier::new(THREADS as usize);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                let (world, id, start) = (&world, &id, &start);
                scope.spawn(move || {
                    let sessions: Vec<_> = (0..EACH).map(|_| world.request(id)).collect();
                    // All of them have the old value in hand.
                    assert!(sessions.iter().all(|session| session.get::<u32>("n").unwrap().is_none()));
                    start.wait();
                    for session in sessions {
                        session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
                        let _ = session.close().unwrap();
                    }
                });
            }
        });
        assert_eq!(world.request(&id).get::<u32>("n").unwrap(), Some(THREADS * EACH), "{kind:?}");
    }
}

/// The value is another one when the update arrives: its function is asked again.
#[test]
fn an_update_that_lost_begins_from_the_new_value() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let gate = world.gated.before(Op::Commit);
        std::thread::scope(|scope| {
            let session = world.request(&id);
            let updater = scope.spawn(move || {
                let mut seen = Vec::new();
                let new = session.update("n", |n: Option<u32>| {
                    seen.push(n);
                    n.unwrap_or(0) + 1
                });
                (new.unwrap(), seen)
            });
            gate.reached();
            let other = world.request(&id);
            other.set("n", &41).unwrap();
            let _ = other.close().unwrap();
            gate.open();
            assert_eq!(updater.join().unwrap(), (42, vec![None, Some(41)]));
        });
        assert_eq!(world.request(&id).get::<u32>("n").unwrap(), Some(42));
    }
}

#[test]
fn an_update_of_a_session_that_ended_says_so() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let session = world.request(&id);
        assert!(logged_in(&session));
        let logout = world.request(&id);
        logout.destroy();
        let _ = logout.close().unwrap();
        let update = session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1);
        assert!(matches!(update, Err(Error::Gone)), "{update:?}");
        let _ = session.close().unwrap();
        world.assert_empty();
    }
}

#[test]
fn the_next_request_sees_what_the_last_one_wrote() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        for n in 0..50 {
            let write = world.request(&id);
            write.set("n", &n).unwrap();
            let _ = write.close().unwrap();
            let read = world.request(&id);
            assert_eq!(read.get::<i32>("n").unwrap(), Some(n));
            let _ = read.close().unwrap();
        }
    }
}

/// A request reads its own writes before, during and after a save.
#[test]
fn a_request_sees_its_own_writes_while_they_are_being_saved() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let session = world.request(&id);
        session.set("n", &1).unwrap();
        assert_eq!(session.get::<i32>("n").unwrap(), Some(1));
        let gate = world.gated.before(Op::Commit);
        std::thread::scope(|scope| {
            let saving = scope.spawn(|| session.save().unwrap());
            gate.reached();
            assert_eq!(session.get::<i32>("n").unwrap(), Some(1));
            session.set("n", &2).unwrap();
            assert_eq!(session.get::<i32>("n").unwrap(), Some(2));
            gate.open();
            let _ = saving.join().unwrap();
        });
        assert_eq!(session.get::<i32>("n").unwrap(), Some(2));
        let _ = session.close().unwrap();
        assert_eq!(world.request(&id).get::<i32>("n").unwrap(), Some(2));
    }
}
