//! When an id rotates, and what that costs.

use super::*;

#[test]
fn an_id_rotates_when_it_is_due_and_the_session_stays_where_it_is() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        let first = log_in(&manager);
        place.clock.advance(PERIOD - SECOND);
        assert_eq!(visit(&manager, &first), (true, None), "{kind:?}: not due");
        place.clock.advance(SECOND);
        let session = begin(&manager, &first);
        session.set("cart", &["tea"]).unwrap();
        assert!(session.principal().unwrap().is_some());
        let second = sent(&session).unwrap();
        assert_ne!(first, second, "{kind:?}");
        assert_eq!(manager.key_of(&first), manager.key_of(&second), "{kind:?}");
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 1, "{kind:?}");

        // The next one is due a period after the client has used this one.
        place.clock.advance(PERIOD);
        assert_eq!(visit(&manager, &second), (true, None), "{kind:?}: its first use");
        place.clock.advance(PERIOD - SECOND);
        assert_eq!(visit(&manager, &second), (true, None), "{kind:?}: not due");
        place.clock.advance(SECOND);
        let session = begin(&manager, &second);
        assert_eq!(session.get::<Vec<String>>("cart").unwrap().unwrap(), ["tea"], "{kind:?}");
        assert_eq!(session.data().unwrap().len(), 1, "{kind:?}: nothing of ours");
        let third = sent(&session).unwrap();
        assert!(third != second && third != first, "{kind:?}");
        assert_eq!(visit(&manager, &third), (true, None), "{kind:?}");
        assert_eq!(place.survivors(), 1, "{kind:?}");
    }
}

#[test]
fn passive_requests_rotate_nothing() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder());
        let first = log_in(&manager);
        place.clock.advance(PERIOD);
        let session = begin(&manager, &first);
        session.set_passive(true);
        assert!(session.principal().unwrap().is_some());
        assert_eq!(sent(&session), None, "{:?}", place.kind);
        assert!(visit(&manager, &first).1.is_some(), "{:?}", place.kind);
    }
}

#[test]
fn rotation_costs_operations_only_when_it_is_due() {
    for place in KINDS.map(Place::new) {
        let storage = PausingStorage::new(Arc::clone(&place.storage));
        let plain = place.builder_over(storage.clone()).build().unwrap();
        let manager = rotating(place.builder_over(storage.clone()));
        let cost = |manager: &Manager, id: &SessionId, run: Act| {
            let count =
                || [Op::Load, Op::Create, Op::Commit, Op::Touch, Op::Move, Op::Remove].map(|op| storage.count(op));
            let before = count();
            let session = begin(manager, id);
            run(&session);
            let _ = session.close().unwrap();
            let after = count();
            std::array::from_fn::<_, 6, _>(|at| after[at] - before[at])
        };
        let reading: Act = |session| drop(session.principal().unwrap());
        let writing: Act = |session| session.set("x", &1).unwrap();
        let both: Act = |session| {
            session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
            session.set("x", &1).unwrap();
        };
        let (id, other) = (log_in(&manager), log_in(&plain));
        for act in [reading, writing, both] {
            assert_eq!(cost(&manager, &id, act), cost(&plain, &other, act), "{:?}", place.kind);
        }
        place.clock.advance(PERIOD);
        let [loads, .., commits, touches, _, _] = cost(&manager, &id, reading);
        assert_eq!((loads, commits, touches), (1, 1, 0), "{:?}: a rotation is one commit", place.kind);

        // A renewal leaves nothing of the ids before it.
        let (_, second) = rotated(&place, &manager);
        let session = begin(&manager, &second);
        session.renew().unwrap();
        let third = sent(&session).unwrap();
        assert_eq!(cost(&manager, &third, writing), cost(&plain, &other, writing), "{:?}", place.kind);
    }
}

#[test]
fn a_session_that_is_full_rotates_all_the_same() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder().limits(Limits::default().max_entries(4).max_record_bytes(400)));
        let session = manager.begin(None, ClientInfo::default);
        session.log_in("ada").unwrap();
        let mut number = 0;
        while session.set(&format!("{number}"), &"x".repeat(50)).is_ok() {
            number += 1;
        }
        let mut id = sent(&session).unwrap();
        for _ in 0..3 {
            place.clock.advance(PERIOD);
            id = visit(&manager, &id).1.unwrap();
            assert_eq!(visit(&manager, &id), (true, None), "{:?}", place.kind);
        }
        let session = begin(&manager, &id);
        assert!(session.principal().unwrap().is_some(), "{:?}", place.kind);
        assert!(matches!(session.set("more", &"x".repeat(200)), Err(Error::Limit(_))), "{:?}", place.kind);
    }
}

#[test]
fn a_session_over_its_limits_can_be_used_and_renewed() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let session = place.manager().begin(None, ClientInfo::default);
        session.log_in("ada").unwrap();
        (0..10).for_each(|number| session.set(&format!("{number}"), &number).unwrap());
        let id = sent(&session).unwrap();
        // The limits were lowered since.
        let manager = rotating(place.builder().limits(Limits::default().max_entries(2).max_value_bytes(8)));
        place.clock.advance(PERIOD);
        for _ in 0..2 {
            assert!(visit(&manager, &id).0, "{kind:?}");
        }
        let session = begin(&manager, &id);
        session.renew().unwrap();
        assert!(visit(&manager, &sent(&session).unwrap()).0, "{kind:?}");
    }
}
