//! One successor (S5): of overlapping renewals one wins, and a logout ends what it has made.

use std::sync::Barrier;

use gsession::{Closed, Delivery, Saved, StoreKey};

use super::{MINUTE, World, closing, gives_out, log_out, logged_in, sent};
use crate::support::{KINDS, pausing_storage::Op};

#[test]
fn of_overlapping_renewals_one_id_lives_and_the_others_keep_quiet() {
    const REQUESTS: usize = 8;
    for kind in KINDS {
        let world = World::new(kind);
        for _ in 0..5 {
            let id = world.login();
            world.place.clock.advance(MINUTE);
            let loaded = Barrier::new(REQUESTS);
            let closed: Vec<Closed> = std::thread::scope(|scope| {
                let renewers: Vec<_> = (0..REQUESTS)
                    .map(|_| {
                        let (world, id, loaded) = (&world, &id, &loaded);
                        scope.spawn(move || {
                            let session = world.request(id);
                            assert!(logged_in(&session));
                            session.renew().unwrap();
                            loaded.wait();
                            session.close().unwrap()
                        })
                    })
                    .collect();
                renewers.into_iter().map(|renewer| renewer.join().unwrap()).collect()
            });
            let (won, lost): (Vec<_>, Vec<_>) = closed.into_iter().partition(|closed| closed.saved == Saved::Renewed);
            let [won] = won.as_slice() else { panic!("{} won", won.len()) };
            let now = gsession::Clock::now(&world.place.clock);
            let living = world.place.ids.living(&*world.place.storage, now);
            assert_eq!(living, [sent(won)], "{kind:?}");
            assert_eq!(world.place.survivors(), 1);
            for lost in lost {
                assert_eq!(lost.saved, Saved::Gone);
                assert_eq!(lost.delivery, Delivery::Keep, "{kind:?}: the slower answer must not overwrite the new id");
            }
            log_out(&world, &sent(won));
        }
    }
}

/// A writer that was overtaken by a renewal, and one that comes with the old id afterwards.
#[test]
fn a_writer_that_a_renewal_overtook_tells_the_client_nothing() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        world.place.clock.advance(MINUTE);
        let (overtaken, renewer) = (world.request(&id), world.request(&id));
        assert!(logged_in(&overtaken));
        overtaken.set("late", &1).unwrap();
        renewer.renew().unwrap();
        let new = sent(&renewer.close().unwrap());
        let closed = overtaken.close().unwrap();
        assert_eq!((closed.saved, closed.delivery, closed.conflict), (Saved::Gone, Delivery::Keep, true), "{kind:?}");
        let after = world.request(&id);
        assert!(!logged_in(&after));
        assert_eq!(after.close().unwrap().delivery, Delivery::Keep, "the new id is on its way to the client");
        let data = world.request(&new).data().unwrap();
        assert_eq!(serde_json::Value::Object(data), serde_json::json!({"user": "ada"}));
    }
}

/// The logout comes before, between and after the parts of a renewal.
#[test]
fn a_logout_ends_what_a_renewal_makes_in_either_order() {
    for kind in KINDS {
        for destroy_first in [true, false] {
            let world = World::new(kind);
            let id = world.login();
            let renewer = world.request(&id);
            assert!(logged_in(&renewer));
            renewer.renew().unwrap();
            let logout = world.request(&id);
            assert!(logged_in(&logout));
            logout.destroy();
            if destroy_first {
                let gate = world.gated.before(Op::Move);
                std::thread::scope(|scope| {
                    let renewing = closing(scope, &renewer);
                    gate.reached();
                    let _ = logout.close().unwrap();
                    gate.open();
                    let closed = renewing.join().unwrap().unwrap();
                    assert_eq!(closed.saved, Saved::Gone);
                    assert!(!gives_out(&closed.delivery), "{kind:?}: {:?}", closed.delivery);
                });
            } else {
                let gate = world.gated.before(Op::Remove);
                std::thread::scope(|scope| {
                    let ending = closing(scope, &logout);
                    gate.reached();
                    assert_eq!(renewer.close().unwrap().saved, Saved::Renewed);
                    gate.open();
                    assert_eq!(ending.join().unwrap().unwrap().delivery, Delivery::Withdraw);
                });
            }
            world.assert_empty();
        }
    }
}

/// The session has been renewed several times, and once more while the logout follows it.
#[test]
fn a_logout_follows_a_chain_of_renewals() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let logout = world.request(&id);
        assert!(logged_in(&logout));
        logout.destroy();
        let mut last = id.clone();
        let mut renew = || {
            let session = world.request(&last);
            assert!(logged_in(&session));
            session.renew().unwrap();
            last = sent(&session.close().unwrap());
        };
        (0..5).for_each(|_| renew());
        let gates = [world.gated.before(Op::Remove), world.gated.before(Op::Remove)];
        std::thread::scope(|scope| {
            let ending = closing(scope, &logout);
            let [first, second] = gates;
            first.reached();
            renew();
            first.open();
            second.reached();
            renew();
            second.open();
            assert_eq!(ending.join().unwrap().unwrap().saved, Saved::Destroyed);
        });
        world.assert_empty();
        assert!(!logged_in(&world.request(&last)));
    }
}

#[test]
fn a_manager_ends_a_renewed_session_by_its_old_key() {
    for kind in KINDS {
        let world = World::new(kind);
        let id = world.login();
        let session = world.request(&id);
        session.renew().unwrap();
        let new = sent(&session.close().unwrap());
        assert!(logged_in(&world.request(&new)));
        assert!(world.manager.destroy(StoreKey::of(&id)).unwrap());
        assert!(!world.manager.destroy(StoreKey::of(&id)).unwrap());
        world.assert_empty();
    }
}
