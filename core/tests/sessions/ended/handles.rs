//! Which session a handle waits for.

use futures::FutureExt as _;
use gsession::{ClientInfo, Error, Outcome, SessionId};

use super::{AsyncManager, Duration, KINDS, MINUTE, World, ends, log_out, open, renew};
use crate::support::pausing_storage::Op;

/// Whether the future is ready, once everything that it waits for has had its turn.
async fn is_ready(future: impl Future<Output = Result<(), Error>>) -> bool {
    let mut future = std::pin::pin!(future);
    for _ in 0..1000 {
        if let Some(ended) = future.as_mut().now_or_never() {
            ended.unwrap();
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

#[tokio::test]
async fn without_a_session_it_is_ready_at_once() {
    for kind in KINDS {
        let world = World::new(kind);
        let nobody = world.manager.begin(None, ClientInfo::default);
        assert_eq!(nobody.ended().now_or_never().unwrap().ok(), Some(()), "{kind:?}");
        assert!(!nobody.was_used(), "{kind:?}: waiting is no use");
        let unknown = world.manager.begin(["a".repeat(43).as_str()], ClientInfo::default);
        assert!(is_ready(unknown.ended()).await, "{kind:?}");
        let (id, session) = world.log_in().await;
        log_out(&world.manager, &id).await;
        assert!(is_ready(session.ended()).await, "{kind:?}: it has ended before");
        assert!(is_ready(session.reopen().ended()).await, "{kind:?}");
        assert!(is_ready(open(&world.manager, &id).ended()).await, "{kind:?}");
    }
}

#[tokio::test]
async fn clones_closed_handles_and_reopened_ones_wait() {
    for kind in KINDS {
        let world = World::new(kind);
        let (id, session) = world.log_in().await;
        let waiting = [
            tokio::spawn(session.ended()),
            tokio::spawn(session.clone().ended()),
            tokio::spawn(session.reopen().ended()),
            tokio::spawn(session.reopen().reopen().ended()),
            tokio::spawn(session.with_errors::<Error>().ended()),
            tokio::spawn(open(&world.manager, &id).ended()),
        ];
        drop(session);
        world.looked(&world.key(&id), 6).await;
        assert!(waiting.iter().all(|one| !one.is_finished()), "{kind:?}");
        log_out(&world.elsewhere(), &id).await;
        for one in waiting {
            ends(kind, one).await;
        }
    }
}

#[tokio::test]
async fn a_session_that_was_not_read_is_found_without_using_it() {
    for kind in KINDS {
        let world = World::new(kind);
        let (id, _) = world.log_in().await;
        world.place.clock.advance(60 * MINUTE);
        let used = |world: &World| (world.storage.count(Op::Touch), world.storage.count(Op::Commit));
        let before = used(&world);
        let other = SessionId::from_random([7; 32]);
        let request = world.manager.begin([other.as_str(), id.as_str()], ClientInfo::default);
        let ended = request.ended();
        assert!(!request.was_used(), "{kind:?}: waiting is no use");
        request.end();
        drop(request);
        let waiting = tokio::spawn(ended);
        world.looked(&world.key(&id), 1).await;
        assert!(!waiting.is_finished(), "{kind:?}");
        assert_eq!(used(&world), before, "{kind:?}: waiting is no activity");
        log_out(&world.elsewhere(), &id).await;
        ends(kind, waiting).await;
    }
}

#[tokio::test]
async fn a_session_that_the_request_is_about_to_store_is_waited_for() {
    for kind in KINDS {
        let world = World::new(kind);
        // Polled only when the request is long over.
        for polled_late in [false, true] {
            let request = world.manager.begin(None, ClientInfo::default);
            request.set("a", &1).unwrap();
            let ended = request.ended();
            let early = if polled_late { Err(ended) } else { Ok(tokio::spawn(ended)) };
            tokio::task::yield_now().await;
            let _ = request.close().await.unwrap();
            let id = request.id().unwrap();
            drop(request);
            let waiting = early.unwrap_or_else(tokio::spawn);
            world.looked(&world.key(&id), 0).await;
            assert!(!waiting.is_finished(), "{kind:?}");
            log_out(&world.manager, &id).await;
            ends((kind, polled_late), waiting).await;
        }
    }
}

#[tokio::test]
async fn a_request_that_stores_nothing_in_the_end_leaves_nothing_to_wait_for() {
    for kind in KINDS {
        let world = World::new(kind);
        let begin = || {
            let request = world.manager.begin(None, ClientInfo::default);
            request.set("a", &1).unwrap();
            let ended = tokio::spawn(request.ended());
            (request, ended)
        };
        let (request, failed) = begin();
        let _ = request.finish(Outcome::Failed, ClientInfo::default).await;
        ends((kind, "it failed"), failed).await;
        let (request, abandoned) = begin();
        request.abandon();
        ends((kind, "it was abandoned"), abandoned).await;
        let (request, discarded) = begin();
        request.discard();
        ends((kind, "it was discarded"), discarded).await;
        let (request, cut_off) = begin();
        request.end();
        ends((kind, "it was cut off"), cut_off).await;
        let (request, dropped) = begin();
        drop(request);
        ends((kind, "it was dropped"), dropped).await;
        let (request, destroyed) = begin();
        request.destroy();
        let _ = request.close().await.unwrap();
        ends((kind, "it was destroyed"), destroyed).await;
    }
}

/// An id from before a login opens nothing, and tells nobody when its user logs out.
#[tokio::test]
async fn an_id_that_was_renewed_long_ago_is_as_good_as_none() {
    for kind in KINDS {
        let world = World::new(kind);
        let (old, _) = world.log_in().await;
        let new = renew(&world.manager, &old).await;
        let soon = tokio::spawn(open(&world.manager, &old).ended());
        world.looked(&world.key(&new), 0).await;
        assert!(!soon.is_finished(), "{kind:?}: it was sent before the renewal");
        world.place.clock.advance(MINUTE);
        assert!(is_ready(open(&world.manager, &old).ended()).await, "{kind:?}");
        assert!(!soon.is_finished(), "{kind:?}");
        log_out(&world.manager, &new).await;
        ends(kind, soon).await;
    }
}

#[tokio::test]
async fn without_a_middleware_or_a_runtime_it_is_an_error() {
    let detached = AsyncManager::detached_session("no middleware").ended().await;
    assert!(matches!(detached, Err(Error::Detached("no middleware"))), "{detached:?}");
    let world = World::new(super::Kind::Memory);
    let (id, session) = world.log_in().await;
    for session in [session, open(&world.manager, &id).session().clone()] {
        let outside = std::thread::spawn(move || futures::executor::block_on(session.ended()));
        assert!(matches!(outside.join().unwrap(), Err(Error::Storage(_))));
    }
}
