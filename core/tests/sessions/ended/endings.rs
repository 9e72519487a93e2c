//! Every way in which a session can end.

use gsession::{AtLimit, Login, MemoryStorage};

use super::{
    Arc, ClientInfo, Duration, IDLE, KINDS, Kind, MINUTE, Place, World, builder, ends, log_in, log_out, open, until,
    visit,
};
use crate::support::{
    PATIENCE,
    pausing_storage::{Op, PausingStorage},
};

#[derive(Debug, Clone, Copy)]
enum Ending {
    Logout,
    LogoutElsewhere,
    Operator,
    OperatorElsewhere,
    AllOfTheUser,
    AllTagged,
    OthersOfTheUser,
    Limit,
}

const ENDINGS: [Ending; 8] = [
    Ending::Logout,
    Ending::LogoutElsewhere,
    Ending::Operator,
    Ending::OperatorElsewhere,
    Ending::AllOfTheUser,
    Ending::AllTagged,
    Ending::OthersOfTheUser,
    Ending::Limit,
];

#[tokio::test]
async fn a_session_that_ends_wherever_and_however_ends_the_wait() {
    for kind in KINDS {
        let world = World::built(kind, |builder| builder.max_sessions(2, AtLimit::EndOldest));
        for ending in ENDINGS {
            let request = world.manager.begin(None, ClientInfo::default);
            request.log_in(Login::new("ada").tag("a tag")).await.unwrap();
            let _ = request.close().await.unwrap();
            let (id, session) = (request.id().unwrap(), request.session().clone());
            let waiting = world.waiting(&session).await;
            match ending {
                Ending::Logout => log_out(&world.manager, &id).await,
                Ending::LogoutElsewhere => log_out(&world.elsewhere(), &id).await,
                Ending::Operator => assert!(world.manager.destroy(world.key(&id)).await.unwrap()),
                Ending::OperatorElsewhere => assert!(world.elsewhere().destroy(world.key(&id)).await.unwrap()),
                Ending::AllOfTheUser => assert!(world.manager.destroy_all_of("ada", None).await.unwrap() > 0),
                Ending::AllTagged => assert!(world.manager.destroy_all_tagged("a tag").await.unwrap() > 0),
                Ending::OthersOfTheUser => {
                    let (_, other) = world.log_in().await;
                    assert_eq!(other.destroy_others().await.unwrap(), 1);
                }
                Ending::Limit => {
                    world.place.clock.advance(MINUTE);
                    let _ = (world.log_in().await, world.log_in().await);
                }
            }
            ends((kind, ending), waiting).await;
            world.manager.destroy_all_of("ada", None).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_destroy_of_the_same_handle_ends_the_wait_once_it_is_stored() {
    for kind in KINDS {
        let world = World::new(kind);
        let (id, _) = world.log_in().await;
        let request = open(&world.manager, &id);
        assert!(request.principal().await.unwrap().is_some());
        let waiting = world.waiting(request.session()).await;
        request.destroy();
        assert!(!waiting.is_finished(), "{kind:?}: nothing is stored yet");
        let _ = request.close().await.unwrap();
        ends(kind, waiting).await;
    }
}

#[tokio::test]
async fn theft_ends_the_wait() {
    const PERIOD: Duration = Duration::from_secs(15 * 60);
    for kind in KINDS {
        let world = World::built(kind, |builder| builder.rotate_every(PERIOD));
        let (stolen, session) = world.log_in().await;
        let waiting = world.waiting(&session).await;
        world.place.clock.advance(PERIOD);
        let id = visit(&world.manager, &stolen).await;
        assert_eq!(visit(&world.manager, &id).await, id);
        world.place.clock.advance(2 * MINUTE);
        assert!(!waiting.is_finished(), "{kind:?}: a rotation is no end");
        let thief = open(&world.manager, &stolen);
        assert!(thief.principal().await.unwrap().is_none());
        let _ = thief.close().await.unwrap();
        ends(kind, waiting).await;
    }
}

#[tokio::test]
async fn expiry_by_the_managers_clock_ends_the_wait_and_waiting_is_no_activity() {
    for kind in KINDS {
        let world = World::new(kind);
        let (id, session) = world.log_in().await;
        let (key, waiting) = (world.key(&id), world.waiting(&session).await);
        let (touches, commits) = (world.storage.count(Op::Touch), world.storage.count(Op::Commit));
        let before = world.storage.loads_of(&key);
        // Somebody uses it after an hour, so it lives an hour longer.
        world.place.clock.advance(60 * MINUTE);
        let request = open(&world.manager, &id);
        assert!(request.principal().await.unwrap().is_some());
        let _ = request.close().await.unwrap();
        let used = (world.storage.count(Op::Touch), world.storage.count(Op::Commit));
        world.place.clock.advance(IDLE - 60 * MINUTE);
        // Besides the request: at the deadline, or when Redis reported that it has moved.
        world.looked(&key, before + 1).await;
        assert!(!waiting.is_finished(), "{kind:?}: it was used meanwhile");
        world.place.clock.advance(60 * MINUTE - Duration::from_millis(1));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "{kind:?}: a millisecond is left");
        world.place.clock.advance(Duration::from_millis(1));
        ends(kind, waiting).await;
        assert_eq!((world.storage.count(Op::Touch), world.storage.count(Op::Commit)), used, "{kind:?}");
        assert!(used.0 + used.1 <= touches + commits + 1, "{kind:?}");
    }
}

/// A manager whose settings have become stricter ends sessions before their stored deadlines.
#[tokio::test]
async fn the_deadline_is_the_managers_if_that_is_stricter() {
    for kind in KINDS {
        let world = World::new(kind);
        let (id, _) = world.log_in().await;
        let strict = builder(&world.place, world.storage.clone()).idle_timeout(60 * MINUTE).build().unwrap();
        let before = world.storage.loads_of(&world.key(&id));
        let waiting = tokio::spawn(open(&strict, &id).ended());
        world.looked(&world.key(&id), before + 1).await;
        assert!(!waiting.is_finished());
        world.place.clock.advance(60 * MINUTE);
        ends(kind, waiting).await;
    }
}

#[tokio::test]
async fn eviction_and_sweeping_end_the_wait() {
    let storage = MemoryStorage::builder().sweep_interval(Duration::MAX).max_sessions(2).build();
    let place = Place::new(Kind::Memory);
    let seen = PausingStorage::new(Arc::new(storage.clone()));
    let manager = builder(&place, seen.clone()).build().unwrap();
    let visitor = || async {
        let request = manager.begin(None, ClientInfo::default);
        request.set("a", &1).unwrap();
        let _ = request.close().await.unwrap();
        request.session().clone()
    };
    // Looking counts as coming back, so one of those that are waited for goes only where there are no others.
    let evicted = tokio::spawn(visitor().await.ended());
    place.clock.advance(MINUTE);
    let stays = tokio::spawn(visitor().await.ended());
    until("both have looked", || seen.count(Op::Load) == 2).await;
    visitor().await;
    ends("eviction", evicted).await;
    assert!(!stays.is_finished());
    // The storage is told that it is later than the manager knows.
    let swept = visitor().await;
    let swept = tokio::spawn(swept.ended());
    until("it has looked", || seen.count(Op::Load) >= 4).await;
    use gsession::{Clock as _, Storage as _};
    assert!(storage.sweep(place.clock.now() + 2 * IDLE).unwrap().removed > 0);
    ends("sweeping", swept).await;
}

/// The end comes at the worst moments: after the one who waits has looked, and before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_at_the_moment_of_looking_is_noticed() {
    for kind in KINDS {
        let world = World::new(kind);
        for after in [false, true] {
            let (id, session) = world.log_in().await;
            let gate = if after { world.storage.after(Op::Load) } else { world.storage.before(Op::Load) };
            let waiting = tokio::spawn(session.ended());
            let gate = tokio::task::spawn_blocking(move || {
                gate.reached();
                gate
            });
            let gate = gate.await.unwrap();
            let elsewhere = world.elsewhere();
            assert!(elsewhere.destroy(world.key(&id)).await.unwrap());
            gate.open();
            ends((kind, after), waiting).await;
        }
    }
}

#[tokio::test]
async fn many_wait_for_one_session_and_some_give_up() {
    for kind in KINDS {
        let world = World::new(kind);
        let (id, session) = log_in(&world.manager).await;
        let waiting: Vec<_> = (0..20).map(|_| tokio::spawn(session.ended())).collect();
        world.looked(&world.key(&id), 19).await;
        let (mut given_up, mut left) = (Vec::new(), Vec::new());
        for (number, one) in waiting.into_iter().enumerate() {
            if number % 2 == 0 { given_up.push(one) } else { left.push(one) }
        }
        for one in given_up {
            one.abort();
            assert!(tokio::time::timeout(PATIENCE, one).await.unwrap().unwrap_err().is_cancelled());
        }
        assert!(left.iter().all(|one| !one.is_finished()), "{kind:?}");
        log_out(&world.elsewhere(), &id).await;
        for one in left {
            ends(kind, one).await;
        }
    }
}
