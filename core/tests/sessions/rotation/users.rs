//! Nobody is logged out: lost, late and overlapping answers.

use super::*;

#[test]
fn a_lost_answer_logs_nobody_out_however_late_the_client_comes_back() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder());
        let first = log_in(&manager);
        place.clock.advance(PERIOD);
        let (_, lost) = visit(&manager, &first);
        for later in [SECOND, PERIOD, Duration::from_secs(23 * 60 * 60)] {
            place.clock.advance(later);
            let (is_logged_in, again) = visit(&manager, &first);
            assert!(is_logged_in, "{:?}", place.kind);
            assert_eq!(again, lost, "{:?}: the same id again", place.kind);
        }
        assert_eq!(visit(&manager, &lost.unwrap()), (true, None), "{:?}", place.kind);
    }
}

#[test]
fn of_twenty_requests_at_once_on_two_servers_one_rotates_and_all_bring_the_same_id() {
    for place in KINDS.map(Place::new) {
        let other = match place.kind {
            Kind::Memory => Arc::clone(&place.storage),
            _ => place.opened_again(),
        };
        let managers = [rotating(place.builder()), rotating(place.builder_over(other))];
        let first = log_in(&managers[0]);
        place.clock.advance(PERIOD);
        let barrier = Barrier::new(20);
        let answers: Vec<_> = thread::scope(|scope| {
            let visit = |number: usize| {
                let session = begin(&managers[number % 2], &first);
                assert!(session.principal().unwrap().is_some(), "{:?}", place.kind);
                // All have read it before one rotates it.
                barrier.wait();
                sent(&session)
            };
            let threads: Vec<_> = (0..20).map(|number| scope.spawn(move || visit(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let second = answers[0].clone().unwrap();
        assert!(answers.iter().all(|answer| answer.as_ref() == Some(&second)), "{:?}", place.kind);
        for manager in &managers {
            assert_eq!(visit(manager, &second), (true, None), "{:?}", place.kind);
        }
        assert_eq!(place.survivors(), 1, "{:?}", place.kind);
    }
}

#[test]
fn an_answer_that_would_bring_the_new_id_again_brings_none_that_is_dead() {
    for place in KINDS.map(Place::new) {
        for renews in [false, true] {
            let manager = rotating(place.builder());
            let first = log_in(&manager);
            place.clock.advance(PERIOD);
            let (_, lost) = visit(&manager, &first);
            let slow = begin(&manager, &first);
            assert!(slow.principal().unwrap().is_some(), "{:?}", place.kind);
            let session = begin(&manager, &lost.unwrap());
            if renews {
                session.renew().unwrap()
            } else {
                session.log_out()
            }
            let _ = session.close().unwrap();
            assert_eq!(slow.close().unwrap().delivery, Delivery::Keep, "{:?}: {renews}", place.kind);
        }
    }
}

#[test]
fn a_rotation_that_is_answered_late_brings_the_same_id_as_everybody_else() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let storage = PausingStorage::new(Arc::clone(&place.storage));
        let manager = rotating(place.builder_over(storage.clone()));
        let first = log_in(&manager);
        place.clock.advance(PERIOD);
        // The rotation is stored, and the process that made it learns of it only later.
        let gate = storage.after(Op::Commit);
        thread::scope(|scope| {
            let lost = scope.spawn(|| visit(&manager, &first));
            gate.reached();
            let other = rotating(place.builder());
            let (is_logged_in, second) = visit(&other, &first);
            assert!(is_logged_in, "{kind:?}");
            let second = second.unwrap();
            assert_eq!(visit(&other, &second), (true, None), "{kind:?}");
            gate.open();
            assert_eq!(lost.join().unwrap(), (true, Some(second)), "{kind:?}");
        });
    }
}

#[test]
fn a_slow_answer_does_not_bring_back_an_id_from_before() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        let first = log_in(&manager);
        place.clock.advance(PERIOD);
        let second = visit(&manager, &first).1.unwrap();
        // It would bring the second id, if it did not take so long.
        let slow = begin(&manager, &first);
        assert!(slow.principal().unwrap().is_some(), "{kind:?}");
        assert_eq!(visit(&manager, &second), (true, None), "{kind:?}");
        place.clock.advance(PERIOD);
        let third = visit(&manager, &second).1.unwrap();
        assert_eq!(visit(&manager, &third), (true, None), "{kind:?}");
        assert_eq!(sent(&slow), None, "{kind:?}");
        // A request that is so slow that its id cannot be judged any more sees no session, and harms nobody's.
        let slow = begin(&manager, &third);
        place.clock.advance(PERIOD);
        let fourth = visit(&manager, &third).1.unwrap();
        assert_eq!(visit(&manager, &fourth), (true, None), "{kind:?}");
        place.clock.advance(PERIOD);
        let fifth = visit(&manager, &fourth).1.unwrap();
        assert_eq!(visit(&manager, &fifth), (true, None), "{kind:?}");
        assert_eq!(slow.principal().unwrap(), None, "{kind:?}");
        slow.set("x", &1).unwrap();
        let closed = slow.close().unwrap();
        assert_eq!((closed.saved, closed.delivery), (Saved::Gone, Delivery::Keep), "{kind:?}");
        assert_eq!(visit(&manager, &fifth), (true, None), "{kind:?}");
        assert_eq!(place.survivors(), 1, "{kind:?}");
    }
}

/// A cookie with a `Max-Age` is sent again when the session is used. That must not bring back a previous id.
#[test]
fn a_persistent_cookie_is_never_refreshed_with_a_previous_id() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder().touch_interval(SECOND));
        let keeping = |id: &SessionId| begin(&manager, id).client_keeps_expiry();
        let reading = |id: &SessionId| {
            let session = keeping(id);
            assert!(session.principal().unwrap().is_some(), "{kind:?}");
            session
        };
        // The id in the cookie that comes with the response.
        let told = |session: &Exchange<Session>| match session.close().unwrap().delivery {
            Delivery::Send { id, .. } | Delivery::Refresh { id, .. } => Some(id),
            _ => None,
        };
        let acts: [Act; 4] = [
            |_| {},
            |session| session.set("x", &1).unwrap(),
            |session| _ = session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap(),
            |session| drop(session.principal().unwrap()),
        ];
        for (number, act) in acts.into_iter().enumerate() {
            let first = log_in(&manager);
            // Read when nothing was due, or not read at all.
            let slow = [reading(&first), keeping(&first)];
            place.clock.advance(PERIOD);
            let overlapping = reading(&first);
            let second = told(&reading(&first)).unwrap();
            assert_ne!(second, first);
            assert_eq!(visit(&manager, &second), (true, None), "{kind:?}");
            place.clock.advance(2 * SECOND);
            for session in [&slow[0], &slow[1], &overlapping, &keeping(&first)] {
                act(session);
                let told = told(session);
                assert!(told.is_none_or(|id| id == second), "{kind:?}: {number}");
            }
            // With the current one it is.
            let session = reading(&second);
            session.set("x", &2).unwrap();
            assert_eq!(told(&session), Some(second.clone()), "{kind:?}: {number}");
            place.clock.advance(2 * SECOND);
            assert_eq!(told(&reading(&second)), Some(second.clone()), "{kind:?}: {number}");
            // Not shortly before it rotates: the response could arrive behind the one with the next id.
            place.clock.advance(PERIOD - GRACE);
            assert_eq!(told(&reading(&second)), None, "{kind:?}: {number}");
        }
    }
}

#[test]
fn a_reopened_session_outlasts_rotations() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        let mut id = log_in(&manager);
        // A socket opens, and its request ends.
        let request = begin(&manager, &id);
        assert!(request.principal().unwrap().is_some());
        let _ = request.close().unwrap();
        let socket = request.session().clone();
        for number in 1..5 {
            place.clock.advance(PERIOD);
            if let (true, Some(next)) = visit(&manager, &id) {
                id = next;
            }
            place.clock.advance(2 * GRACE);
            let message = socket.reopen();
            assert!(message.principal().unwrap().is_some(), "{kind:?}: {number}");
            message.update("messages", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
            assert_eq!(begin(&manager, &id).get_or("messages", 0).unwrap(), number, "{kind:?}");
        }
        // A logout ends it for the socket, too.
        let session = begin(&manager, &id);
        session.log_out();
        let _ = session.close().unwrap();
        assert_eq!(socket.reopen().principal().unwrap(), None, "{kind:?}");
        let message = socket.reopen();
        message.set("x", &1).unwrap();
        assert_eq!(message.save().unwrap(), Saved::Gone, "{kind:?}: no session that nobody knows");
        assert_eq!(place.survivors(), 0, "{kind:?}");
    }
}
