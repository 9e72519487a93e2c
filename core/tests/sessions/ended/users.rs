//! A session that becomes another user's, or nobody's, has ended for those who wait.

use super::{ClientInfo, KINDS, World, ends, log_out, open};

#[derive(Debug, Clone, Copy)]
enum Change {
    LogIn,
    SetPrincipal,
    ClearPrincipal,
}

const CHANGES: [Change; 3] = [Change::LogIn, Change::SetPrincipal, Change::ClearPrincipal];

#[tokio::test]
async fn a_session_that_is_not_its_users_any_more_ends_the_wait() {
    for kind in KINDS {
        let world = World::new(kind);
        for (change, elsewhere) in CHANGES.into_iter().flat_map(|change| [(change, false), (change, true)]) {
            let (id, session) = world.log_in().await;
            let waiting = world.waiting(&session).await;
            let manager = if elsewhere { world.elsewhere() } else { world.manager.clone() };
            // So that files are appended to, where that is possible.
            for _ in 0..2 {
                let request = open(&manager, &id);
                request.set("a", &1).unwrap();
                let _ = request.close().await.unwrap();
            }
            assert!(!waiting.is_finished(), "{kind:?}: a write is no end");
            let request = open(&manager, &id);
            match change {
                Change::LogIn => request.log_in("bob").await.unwrap(),
                Change::SetPrincipal => request.set_principal("bob").unwrap(),
                Change::ClearPrincipal => request.clear_principal().unwrap(),
            }
            let _ = request.close().await.unwrap();
            ends((kind, change, elsewhere), waiting).await;
            // Bob's own sockets stay.
            let id = request.id().unwrap();
            let theirs = world.waiting(open(&world.manager, &id).session()).await;
            log_out(&world.elsewhere(), &id).await;
            ends((kind, change, "the next user"), theirs).await;
        }
    }
}

/// Nobody has looked since the request read whose session it is.
#[tokio::test]
async fn a_user_who_came_between_the_read_and_the_first_look_ends_the_wait() {
    for kind in KINDS {
        let world = World::new(kind);
        let (id, session) = world.log_in().await;
        let reads = open(&world.manager, &id);
        assert_eq!(reads.principal().await.unwrap().as_deref(), Some("ada"));
        // Of the requests that log in, that read, and that know nothing.
        let unread = open(&world.manager, &id);
        let late = [session.ended(), reads.ended()];
        let anyone = unread.ended();
        let request = open(&world.elsewhere(), &id);
        request.set_principal("bob").unwrap();
        let _ = request.close().await.unwrap();
        for ended in late {
            ends(kind, tokio::spawn(ended)).await;
        }
        let before = world.storage.loads_of(&world.key(&id));
        let bobs = tokio::spawn(anyone);
        world.looked(&world.key(&id), before + 1).await;
        assert!(!bobs.is_finished(), "{kind:?}");
        log_out(&world.manager, &id).await;
        ends(kind, bobs).await;
    }
}

#[tokio::test]
async fn a_login_into_a_session_of_nobody_is_no_end_and_neither_is_one_of_the_same_user() {
    for kind in KINDS {
        let world = World::new(kind);
        let visit = world.manager.begin(None, ClientInfo::default);
        visit.set("a", &1).unwrap();
        let _ = visit.close().await.unwrap();
        let mut id = visit.id().unwrap();
        let waiting = world.waiting(visit.session()).await;
        for _ in 0..2 {
            let request = open(&world.elsewhere(), &id);
            request.log_in("ada").await.unwrap();
            let _ = request.close().await.unwrap();
            id = request.id().unwrap();
            world.looked(&world.key(&id), 0).await;
            assert!(!waiting.is_finished(), "{kind:?}: it lives, and is ada's");
        }
        let request = open(&world.elsewhere(), &id);
        request.log_in("bob").await.unwrap();
        let _ = request.close().await.unwrap();
        ends(kind, waiting).await;
    }
}

/// What the request opens is for the user whom it logs in, whether or not it has read whose the session was, and however late anybody looks.
#[tokio::test]
async fn a_request_that_logs_in_waits_for_the_session_of_its_user() {
    for kind in KINDS {
        let world = World::new(kind);
        for reads in [false, true] {
            let begin = async || {
                let (id, _) = world.log_in().await;
                let request = open(&world.manager, &id);
                if reads {
                    assert_eq!(request.principal().await.unwrap().as_deref(), Some("ada"));
                }
                request.set_principal("bob").unwrap();
                (world.key(&id), id, request)
            };
            let eve_comes = async |id| {
                let other = open(&world.elsewhere(), id);
                other.set_principal("eve").unwrap();
                let _ = other.close().await.unwrap();
            };
            let (key, id, request) = begin().await;
            let waiting = tokio::spawn(request.ended());
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished(), "{kind:?}: ada is still there");
            let before = world.storage.loads_of(&key);
            let _ = request.close().await.unwrap();
            world.looked(&key, before).await;
            assert!(!waiting.is_finished(), "{kind:?}: it is bob's");
            eve_comes(&id).await;
            ends((kind, reads), waiting).await;

            // Eve was faster than the first look.
            let (_, id, request) = begin().await;
            let ended = request.ended();
            let _ = request.close().await.unwrap();
            eve_comes(&id).await;
            ends((kind, reads, "eve was faster"), tokio::spawn(ended)).await;

            // It never becomes bob's.
            let (_, _, request) = begin().await;
            let ended = tokio::spawn(request.ended());
            request.discard();
            ends((kind, reads, "the login is dropped"), ended).await;
        }
    }
}
