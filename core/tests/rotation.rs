//! Rotation of ids on every storage: nobody is logged out, there is one session, and a stolen id is found out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use gsession::{
    ClientInfo, ConfigError, CustomIds, Delivery, Error, Exchange, HashedIds, IdError, IdGenerator, Limits, Login,
    Manager, ManagerBuilder, MemoryStorage, OnReuse, Saved, Session, SessionId,
};
use support::{
    KINDS, Kind, Place, log,
    pausing_storage::{Op, PausingStorage},
};

const PERIOD: Duration = Duration::from_secs(15 * 60);
const GRACE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// What a handler does with its session.
type Act = fn(&Exchange<Session>);

fn rotating(builder: ManagerBuilder<Manager>) -> Manager {
    builder.rotate_every(PERIOD).build().unwrap()
}

fn begin(manager: &Manager, id: &SessionId) -> Exchange<Session> {
    manager.begin([id.as_str()], ClientInfo::default)
}

/// The id that the client is sent, if any.
fn sent(session: &Exchange<Session>) -> Option<SessionId> {
    match session.close().unwrap().delivery {
        Delivery::Send { id, .. } => Some(id),
        _ => None,
    }
}

fn log_in(manager: &Manager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.log_in("ada").unwrap();
    sent(&session).unwrap()
}

/// A request that reads: whether somebody is logged in, and the id that it is sent.
fn visit(manager: &Manager, id: &SessionId) -> (bool, Option<SessionId>) {
    let session = begin(manager, id);
    let is_logged_in = session.principal().unwrap().is_some();
    (is_logged_in, sent(&session))
}

/// Whether it was logged that this id may be stolen.
fn is_reported(manager: &Manager, id: &SessionId, lines: &[String]) -> bool {
    let key = format!("{:?}", manager.key_of(id));
    lines.iter().any(|line| line.contains("WARN") && line.contains("stolen") && line.contains(&key))
}

/// A client that has had two ids: the first is from before a rotation, the second was used.
fn rotated(place: &Place, manager: &Manager) -> (SessionId, SessionId) {
    let first = log_in(manager);
    place.clock.advance(PERIOD);
    let (is_logged_in, second) = visit(manager, &first);
    let second = second.unwrap();
    assert!(is_logged_in && visit(manager, &second) == (true, None), "{:?}", place.kind);
    (first, second)
}

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
fn the_id_before_counts_until_the_grace_is_over_and_then_ends_the_session() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        let (first, second) = rotated(&place, &manager);
        place.clock.advance(GRACE - SECOND);
        let session = begin(&manager, &first);
        session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
        session.set("other", &1).unwrap();
        assert_eq!(sent(&session), Some(second.clone()), "{kind:?}: a browser may have gone back to it");

        place.clock.advance(SECOND);
        let before = log::lines().len();
        let thief = begin(&manager, &first);
        assert_eq!(thief.principal().unwrap(), None, "{kind:?}");
        assert_eq!(thief.close().unwrap().delivery, Delivery::Withdraw, "{kind:?}");
        let lines = log::lines();
        assert!(is_reported(&manager, &first, &lines[before..]), "{kind:?}: {:?}", &lines[before..]);
        assert!(!lines.iter().any(|line| line.contains(first.as_str()) || line.contains(second.as_str())), "{kind:?}");
        assert_eq!(visit(&manager, &second), (false, None), "{kind:?}: the session has ended for everybody");
        assert_eq!(place.survivors(), 0, "{kind:?}");
    }
}

#[test]
fn an_id_from_long_ago_is_found_out_as_long_as_the_session_lives() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder());
        let (first, mut current) = rotated(&place, &manager);
        for _ in 0..30 {
            place.clock.advance(PERIOD);
            current = visit(&manager, &current).1.unwrap();
            assert_eq!(visit(&manager, &current), (true, None), "{:?}", place.kind);
        }
        assert_eq!(visit(&manager, &first), (false, None), "{:?}", place.kind);
        assert_eq!(visit(&manager, &current), (false, None), "{:?}", place.kind);
    }
}

#[test]
fn with_refuse_an_old_id_opens_nothing_and_the_session_lives() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder().on_reuse(OnReuse::Refuse));
        let (first, second) = rotated(&place, &manager);
        place.clock.advance(GRACE);
        let before = log::lines().len();
        assert_eq!(visit(&manager, &first), (false, None), "{:?}", place.kind);
        assert!(is_reported(&manager, &first, &log::lines()[before..]), "{:?}", place.kind);
        // What is written under it goes into a session of its own.
        let session = begin(&manager, &first);
        session.set("cart", &1).unwrap();
        let own = sent(&session).unwrap();
        assert_ne!(manager.key_of(&own), manager.key_of(&first), "{:?}", place.kind);
        let session = begin(&manager, &second);
        assert!(session.principal().unwrap().is_some() && !session.contains_key("cart").unwrap(), "{:?}", place.kind);
    }
}

/// The ways in which a request uses its session without reading it first.
#[test]
fn a_write_that_reads_nothing_is_checked_too() {
    let acts: [(&str, Act); 6] = [
        ("set", |session| session.set("x", &1).unwrap()),
        ("remove", |session| session.remove("x").unwrap()),
        ("clear", |session| session.clear().unwrap()),
        ("set_principal", |session| session.set_principal("eve").unwrap()),
        ("renew", |session| session.renew().unwrap()),
        ("label", |session| session.set_label("mine").unwrap()),
    ];
    for (place, (act, run)) in KINDS.iter().flat_map(|kind| acts.map(|act| (Place::new(*kind), act))) {
        let what = format!("{:?}: {act}", place.kind);
        let manager = rotating(place.builder());
        let (first, second) = rotated(&place, &manager);
        // With the current id, and with the one before while it counts.
        for id in [&second, &first] {
            let session = begin(&manager, id);
            session.set(if id == &first { "a" } else { "b" }, &1).unwrap();
            assert_eq!(session.close().unwrap().saved, Saved::Committed, "{what}");
        }
        let session = begin(&manager, &second);
        assert!(session.contains_key("a").unwrap() && session.contains_key("b").unwrap(), "{what}");

        place.clock.advance(GRACE);
        let thief = begin(&manager, &first);
        run(&thief);
        let got = sent(&thief);
        assert_eq!(visit(&manager, &second), (false, None), "{what}: the session has ended");
        if let Some(got) = got {
            let session = begin(&manager, &got);
            assert!(!session.contains_key("a").unwrap(), "{what}: the thief has a session, but nothing of the user's");
        }
        assert!(manager.sessions_of("ada").unwrap().is_empty(), "{what}");
    }
}

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

#[test]
fn a_client_that_presents_an_old_id_beside_the_current_one_is_no_thief() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder());
        let (first, second) = rotated(&place, &manager);
        place.clock.advance(GRACE);
        for presented in [[&first, &second], [&second, &first]] {
            let session = manager.begin(presented.map(SessionId::as_str), ClientInfo::default);
            assert!(session.principal().unwrap().is_some(), "{:?}", place.kind);
            assert_eq!(sent(&session), None, "{:?}", place.kind);
        }
        let session = manager.begin([first.as_str(), first.as_str()], ClientInfo::default);
        assert_eq!(session.principal().unwrap(), None, "{:?}: twice is not beside", place.kind);
        assert_eq!(session.close().unwrap().delivery, Delivery::Withdraw, "{:?}", place.kind);
        assert_eq!(visit(&manager, &second), (false, None), "{:?}", place.kind);
    }
}

#[test]
fn made_up_secrets_open_nothing() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        let id = log_in(&manager);
        let secret = "A".repeat(22);
        // The session's id has never rotated, so the text was no id of it.
        let made_up = format!("{}~~{secret}", id.as_str());
        let session = manager.begin([made_up.as_str()], ClientInfo::default);
        assert_eq!(session.principal().unwrap(), None, "{kind:?}");
        assert_eq!(sent(&session), None, "{kind:?}");
        for malformed in ["~~", "~", "~~AAA", &format!("~~{secret}A"), &format!("~~{}B", "A".repeat(21))] {
            let text = format!("{}{malformed}", id.as_str());
            assert!(!manager.accepts(&text), "{kind:?}: {text}");
        }
        // Nor was it one of a session whose id has.
        let (_, second) = rotated(&place, &manager);
        let session = manager.begin([format!("{}~~{secret}", &second.as_str()[..43]).as_str()], ClientInfo::default);
        session.set("x", &1).unwrap();
        assert_eq!(session.close().unwrap().saved, Saved::Created, "{kind:?}: a session of its own");
        assert!(!manager.accepts(&format!("~~{secret}")), "{kind:?}");
        assert!(!manager.accepts(&format!("{made_up}~~{secret}")), "{kind:?}");
        assert!(visit(&manager, &id).0, "{kind:?}");
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
fn turned_off_again_everybody_stays_logged_in() {
    for place in KINDS.map(Place::new) {
        let (first, second) = rotated(&place, &rotating(place.builder()));
        let plain = place.manager();
        place.clock.advance(PERIOD);
        assert_eq!(visit(&plain, &second), (true, None), "{:?}", place.kind);
        // A renewal forgets what was kept of the ids.
        let session = begin(&plain, &second);
        session.renew().unwrap();
        let third = sent(&session).unwrap();
        assert_eq!(visit(&plain, &third), (true, None), "{:?}", place.kind);
        assert_eq!(visit(&plain, &first), (false, None), "{:?}", place.kind);
        assert!(visit(&rotating(place.builder()), &third).0, "{:?}: and on again", place.kind);
    }
}

#[test]
fn ids_of_other_generators_rotate_too_and_realms_stay_apart() {
    let place = Place::new(Kind::Memory);
    let ids = || {
        let generate = |client: &ClientInfo| {
            let id = HashedIds::new().generate(client)?;
            SessionId::custom(&format!("eu1.{}", id.as_str())).map_err(|error| IdError::new("bad").with_source(error))
        };
        CustomIds::new(generate, |text: &str| text.strip_prefix("eu1.").is_some_and(|id| SessionId::parse(id).is_ok()))
    };
    let shop = rotating(place.builder().id_generator(ids()).realm("shop"));
    let first = log_in(&shop);
    place.clock.advance(PERIOD);
    let second = visit(&shop, &first).1.unwrap();
    assert!(second.as_str().starts_with(first.as_str()));
    assert_eq!(visit(&shop.in_realm("admin"), &second), (false, None));
    assert_eq!(visit(&shop, &second), (true, None));

    // An id that looks like one that has rotated could not be told from one.
    let unlucky = CustomIds::new(
        |_: &ClientInfo| SessionId::custom(&format!("x~~{}", "A".repeat(22))).map_err(|_| IdError::new("bad")),
        |_: &str| true,
    );
    let manager = place.builder().id_generator(unlucky).build().unwrap();
    let session = manager.begin(None, ClientInfo::default);
    session.set("x", &1).unwrap();
    assert!(matches!(session.save(), Err(Error::Id(_))));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let builder = || Manager::builder(MemoryStorage::new());
    let day = Duration::from_secs(24 * 60 * 60);
    let too_often = [
        (Duration::ZERO, Duration::ZERO),
        (GRACE, GRACE),
        (3 * GRACE - SECOND, GRACE),
        (SECOND, day),
        (day, Duration::MAX),
    ];
    for (period, grace) in too_often {
        let built = builder().rotate_every(period).rotation_grace(grace).build();
        assert_eq!(built.map(drop), Err(ConfigError::RotationTooOften), "{period:?}, {grace:?}");
    }
    for (period, grace) in [(SECOND, Duration::ZERO), (Duration::MAX, day)] {
        assert!(builder().rotate_every(period).rotation_grace(grace).build().is_ok());
    }
    #[cfg(feature = "redis")]
    {
        let storage = support::redis::goframe_strings();
        let built = Manager::builder(storage).rotate_every(PERIOD).build();
        assert_eq!(built.map(drop), Err(ConfigError::RotationUnsupported));
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
            let session = keeping(&second);
            session.set("x", &2).unwrap();
            assert_eq!(told(&session), Some(second.clone()), "{kind:?}: {number}");
            place.clock.advance(2 * SECOND);
            assert_eq!(told(&reading(&second)), Some(second.clone()), "{kind:?}: {number}");
        }
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

#[test]
fn a_stolen_id_takes_no_living_one_from_the_client() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        let (stolen, _) = rotated(&place, &manager);
        place.clock.advance(GRACE);
        let own = log_in(&manager);
        let session = manager.begin([stolen.as_str(), own.as_str()], ClientInfo::default);
        assert!(session.principal().unwrap().is_some(), "{kind:?}");
        assert_eq!(session.close().unwrap().delivery, Delivery::Keep, "{kind:?}");
        assert_eq!(visit(&manager, &own), (true, None), "{kind:?}");
        assert_eq!(place.survivors(), 1, "{kind:?}");
    }
}

#[test]
fn a_thief_is_found_out_by_a_read_although_the_request_is_never_ended() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder());
        let (stolen, second) = rotated(&place, &manager);
        place.clock.advance(GRACE);
        assert_eq!(begin(&manager, &stolen).principal().unwrap(), None, "{:?}", place.kind);
        assert_eq!(visit(&manager, &second), (false, None), "{:?}", place.kind);
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

#[test]
fn managers_with_and_without_rotation_share_a_storage() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let (manager, plain) = (rotating(place.builder()), place.manager());
        let first = log_in(&manager);
        place.clock.advance(PERIOD);
        // The answer is lost, and a renewal follows that knows nothing of rotation.
        assert!(visit(&manager, &first).1.is_some(), "{kind:?}");
        let session = begin(&plain, &first);
        session.renew().unwrap();
        let third = sent(&session).unwrap();
        let (is_logged_in, fourth) = visit(&manager, &third);
        assert!(is_logged_in, "{kind:?}");
        assert_eq!(visit(&manager, &fourth.unwrap_or(third)), (true, None), "{kind:?}");
    }
}

#[test]
fn an_id_that_the_application_chooses_does_not_rotate() {
    let place = Place::new(Kind::Memory);
    let manager = rotating(place.builder());
    let (first, second) = rotated(&place, &manager);
    for id in [first, second.clone()] {
        let session = manager.begin(None, ClientInfo::default);
        assert!(matches!(session.set_id(id), Err(Error::IdsRotate)));
    }
    let session = place.manager().begin(None, ClientInfo::default);
    assert!(matches!(session.set_id(second.clone()), Err(Error::InvalidId(_))));
    // The text of an id that was kept elsewhere leads to its session.
    let read = SessionId::custom(second.as_str()).unwrap();
    assert!(read == second && manager.key_of(&read) == manager.key_of(&second));
    assert!(SessionId::custom(&format!("{}~~{}", second.as_str(), "A".repeat(22))).is_err());
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
