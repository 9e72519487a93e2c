//! Rotations beside renewals, logins and logouts.

use super::*;

#[test]
fn a_login_or_renewal_begins_a_new_id_and_ends_the_old_ones() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        let (first, second) = rotated(&place, &manager);
        let session = begin(&manager, &second);
        session.log_in(Login::new("ada").label("Firefox")).unwrap();
        let third = sent(&session).unwrap();
        assert_ne!(manager.key_of(&third), manager.key_of(&second), "{kind:?}");
        for old in [&first, &second] {
            assert_eq!(visit(&manager, old), (false, None), "{kind:?}");
        }
        // It is due a period after the renewal, not after the creation of the session.
        place.clock.advance(PERIOD - SECOND);
        assert_eq!(visit(&manager, &third), (true, None), "{kind:?}");
        place.clock.advance(SECOND);
        assert!(visit(&manager, &third).1.is_some(), "{kind:?}");
    }
}

#[test]
fn a_logout_or_renewal_that_comes_between_wins() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let storage = PausingStorage::new(Arc::clone(&place.storage));
        let manager = rotating(place.builder_over(storage.clone()));
        for renews in [false, true] {
            let first = log_in(&manager);
            place.clock.advance(PERIOD);
            let gate = storage.before(Op::Commit);
            thread::scope(|scope| {
                let slow = scope.spawn(|| visit(&manager, &first));
                gate.reached();
                let session = begin(&manager, &first);
                if renews {
                    session.renew().unwrap()
                } else {
                    session.log_out()
                }
                let next = match session.save().unwrap() {
                    Saved::Renewed => session.id(),
                    _ => None,
                };
                gate.open();
                // The slow answer brings no id that is dead, or that displaces a later one.
                assert_eq!(slow.join().unwrap(), (true, None), "{kind:?}: {renews}");
                assert_eq!(visit(&manager, &first), (false, None), "{kind:?}: {renews}");
                let living = next.iter().filter(|id| visit(&manager, id).0).count();
                assert_eq!(living, usize::from(renews), "{kind:?}");
                next.iter().for_each(|id| {
                    let session = begin(&manager, id);
                    session.log_out();
                    let _ = session.close().unwrap();
                });
            });
        }
        assert_eq!(place.survivors(), 0, "{kind:?}");
    }
}

#[test]
fn a_login_joins_no_session_whose_id_has_rotated_since() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        for rotates_twice in [false, true] {
            let visitor = manager.begin(None, ClientInfo::default);
            visitor.set("cart", &1).unwrap();
            let first = sent(&visitor).unwrap();
            let session = begin(&manager, &first);
            session.log_in("ada").unwrap();
            let third = sent(&session).unwrap();
            place.clock.advance(PERIOD);
            let mut current = visit(&manager, &third).1.unwrap();
            if rotates_twice {
                assert_eq!(visit(&manager, &current), (true, None), "{kind:?}");
                place.clock.advance(PERIOD);
                current = visit(&manager, &current).1.unwrap();
            }
            // Another tab is still at the login page.
            let session = begin(&manager, &first);
            session.log_in("ada").unwrap();
            let own = sent(&session).unwrap();
            for id in [&own, &current] {
                assert!(visit(&manager, id).0, "{kind:?}: {rotates_twice}");
            }
        }
    }
}
