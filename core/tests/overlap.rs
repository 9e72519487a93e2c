//! Requests that overlap, in interleavings that are forced: nothing is lost, nothing comes back, one successor survives.
#![cfg(all(feature = "file", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    sync::{Arc, Barrier},
    thread::{Scope, ScopedJoinHandle},
    time::Duration,
};

use gsession::{
    AnyStorage, AsyncManager, ClientInfo, Closed, Delivery, Error, Exchange, Manager, Saved, Session, SessionId,
    Storage, StoreKey, storage::Removed,
};
use support::{
    IDLE, KINDS, NOW, Place, found, key,
    pausing_storage::{Op, PausingStorage},
    record, stored,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A storage behind gates, with a manager over it whose sessions are extended whenever they are read.
struct World {
    place: Place,
    gated: PausingStorage,
    manager: Manager,
}

impl World {
    fn new(kind: support::Kind) -> Self {
        let place = Place::new(kind);
        let gated = PausingStorage::new(Arc::clone(&place.storage));
        let manager = place.builder_over(gated.clone()).touch_interval(Duration::ZERO).build().unwrap();
        Self { place, gated, manager }
    }

    /// A request with this id.
    fn request(&self, id: &SessionId) -> Exchange<Session> {
        self.manager.begin(Some(id.as_str()), ClientInfo::default)
    }

    /// A logged-in session.
    fn login(&self) -> SessionId {
        let session = self.manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        session.set_principal("ada").unwrap();
        sent(&session.close().unwrap())
    }

    fn living(&self) -> Vec<SessionId> {
        self.place.ids.living(&*self.place.storage, NOW)
    }

    /// Nothing lives, under an id that was ever issued or under any other key.
    fn assert_empty(&self) {
        assert_eq!(self.living(), []);
        assert!(self.place.storage.find("ada", NOW).unwrap().is_empty());
        assert_eq!(self.place.survivors(), 0);
    }
}

fn sent(closed: &Closed) -> SessionId {
    match &closed.delivery {
        Delivery::Send { id, .. } => id.clone(),
        other => panic!("no id for the client: {other:?}"),
    }
}

fn logged_in(session: &Exchange<Session>) -> bool {
    session.get::<String>("user").unwrap().as_deref() == Some("ada")
}

fn closing<'s>(scope: &'s Scope<'s, '_>, session: &Exchange<Session>) -> ScopedJoinHandle<'s, Result<Closed, Error>> {
    let session = session.clone();
    scope.spawn(move || session.close())
}

// S3: only changes are stored.

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

// S4: dead stays dead.

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

fn log_out(world: &World, id: &SessionId) {
    let session = world.request(id);
    session.destroy();
    let closed = session.close().unwrap();
    assert_eq!((closed.saved, closed.delivery), (Saved::Destroyed, Delivery::Withdraw));
}

/// Whether a client that holds `id` would end with an id that opens nothing, where it was told to keep or take one.
fn gives_out(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Send { .. } | Delivery::Refresh { .. })
}

/// A renewal whose session has ended is an error: a login must not look as if it had worked.
fn is_lost(closed: &Result<Closed, Error>) -> bool {
    matches!(closed, Err(Error::Gone))
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
                gates.iter().for_each(support::pausing_storage::Gate::reached);
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

// Several tasks of one request share a session.

#[test]
fn a_destroy_during_the_save_of_a_new_session_ends_it() {
    for kind in KINDS {
        let world = World::new(kind);
        let session = world.manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        session.set_principal("ada").unwrap();
        let gate = world.gated.before(Op::Create);
        std::thread::scope(|scope| {
            let saving = scope.spawn(|| session.save().unwrap());
            gate.reached();
            session.destroy();
            gate.open();
            let _ = saving.join().unwrap();
        });
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
        let gate = world.gated.before(Op::Move);
        std::thread::scope(|scope| {
            let saving = scope.spawn(|| session.save().unwrap());
            gate.reached();
            session.destroy();
            gate.open();
            let _ = saving.join().unwrap();
        });
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
        let gate = world.gated.before(Op::Commit);
        std::thread::scope(|scope| {
            let saving = scope.spawn(|| session.save().unwrap());
            gate.reached();
            session.destroy();
            session.set("flash", "Good bye.").unwrap();
            gate.open();
            let _ = saving.join().unwrap();
        });
        let closed = session.close().unwrap();
        assert!(found(&*world.place.storage, &StoreKey::of(&id), NOW).is_none());
        let new = sent(&closed);
        assert_ne!(new, id);
        let data = world.request(&new).data().unwrap();
        assert_eq!(serde_json::Value::Object(data), serde_json::json!({"flash": "Good bye."}), "{kind:?}");
    }
}

// S5: one successor.

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

// S6: ids are never adopted.

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

// S8: read your writes.

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

// The async manager over the same storages.

/// Runs a test on the async face of each storage of the core.
fn async_worlds(run: impl AsyncFn(AsyncManager, &Place)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = Arc::clone(&place.storage);
        let build = |builder: gsession::ManagerBuilder<AsyncManager>| {
            builder.clock(place.clock.clone()).idle_timeout(IDLE).id_generator(place.ids.clone()).build().unwrap()
        };
        #[cfg(feature = "tokio")]
        runtime.block_on(run(build(AsyncManager::builder(AnyStorage::blocking(Arc::clone(&storage)))), &place));
        runtime.block_on(run(build(AsyncManager::builder(AnyStorage::immediate(storage))), &place));
    }
}

#[test]
fn async_requests_lose_nothing_and_add_up() {
    const REQUESTS: usize = 40;
    async_worlds(async |manager, _| {
        let first = manager.begin(None, ClientInfo::default);
        first.set("n", &0).unwrap();
        let id = sent(&first.close().await.unwrap());
        let mut sessions = Vec::new();
        for _ in 0..REQUESTS {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            assert_eq!(session.get::<u32>("n").await.unwrap(), Some(0));
            sessions.push(session);
        }
        let tasks: Vec<_> = (0..REQUESTS)
            .zip(sessions)
            .map(|(number, session)| {
                tokio::spawn(async move {
                    session.set(&format!("key-{number}"), &number).unwrap();
                    session.update("n", |n: Option<u32>| n.unwrap() + 1).await.unwrap();
                    session.close().await.unwrap()
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().saved, Saved::Committed);
        }
        let data = manager.begin(Some(id.as_str()), ClientInfo::default).data().await.unwrap();
        assert_eq!(data.len(), REQUESTS + 1);
        assert_eq!(data["n"], REQUESTS);
    });
}

#[test]
fn async_requests_that_straddle_a_logout_bring_nothing_back() {
    async_worlds(async |manager, place| {
        for _ in 0..20 {
            let first = manager.begin(None, ClientInfo::default);
            first.set("user", "ada").unwrap();
            let id = sent(&first.close().await.unwrap());
            let mut running = Vec::new();
            for _ in 0..4 {
                let session = manager.begin(Some(id.as_str()), ClientInfo::default);
                assert!(session.contains_key("user").await.unwrap());
                running.push(session);
            }
            running[0].set("draft", "text").unwrap();
            running[1].renew().unwrap();
            running[2].set("basket", "full").unwrap();
            let logout = manager.begin(Some(id.as_str()), ClientInfo::default);
            logout.destroy();
            assert_eq!(logout.close().await.unwrap().saved, Saved::Destroyed);
            let tasks: Vec<_> =
                running.into_iter().map(|session| tokio::spawn(async move { session.close().await })).collect();
            for task in tasks {
                let closed = task.await.unwrap().unwrap();
                assert!(matches!(closed.saved, Saved::Gone | Saved::Nothing), "{closed:?}");
                assert!(!gives_out(&closed.delivery), "{closed:?}");
            }
            assert_eq!(place.ids.living(&*place.storage, NOW), []);
            assert_eq!(place.survivors(), 0);
        }
    });
}

#[test]
fn async_renewals_leave_one_living_id() {
    async_worlds(async |manager, place| {
        let first = manager.begin(None, ClientInfo::default);
        first.set("user", "ada").unwrap();
        let id = sent(&first.close().await.unwrap());
        let mut sessions = Vec::new();
        for _ in 0..8 {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            assert!(session.contains_key("user").await.unwrap());
            session.renew().unwrap();
            sessions.push(session);
        }
        let close = |session: Exchange| tokio::spawn(async move { session.close().await.unwrap() });
        let tasks: Vec<_> = sessions.into_iter().map(close).collect();
        let mut won = Vec::new();
        for task in tasks {
            let closed = task.await.unwrap();
            match closed.saved {
                Saved::Renewed => won.push(sent(&closed)),
                _ => assert_eq!((closed.saved, closed.delivery), (Saved::Gone, Delivery::Keep)),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(place.ids.living(&*place.storage, NOW), won);
        assert_eq!(place.storage.remove(&StoreKey::of(&id)).unwrap(), Removed::Renewed(StoreKey::of(&won[0])));
        place.storage.remove(&StoreKey::of(&won[0])).unwrap();
    });
}

/// The test's own tools are right: a gate holds exactly one operation, on the side it was asked for.
#[test]
fn gates_hold_one_operation_on_their_side() {
    let place = Place::new(support::Kind::Memory);
    let gated = PausingStorage::new(Arc::clone(&place.storage));
    for (before, seen_inside) in [(true, false), (false, true)] {
        let gate = if before { gated.before(Op::Create) } else { gated.after(Op::Create) };
        let number = key(u8::from(before));
        std::thread::scope(|scope| {
            let gated = &gated;
            let creating = scope.spawn(move || gated.create(&number, &record(&[]), NOW).unwrap());
            gate.reached();
            assert_eq!(found(&*place.storage, &number, NOW).is_some(), seen_inside);
            gate.open();
            creating.join().unwrap();
        });
        assert!(found(&*place.storage, &number, NOW).is_some());
    }
}
