//! What is no end: a renewal and a rotation.

use super::{Duration, KINDS, Kind, MINUTE, World, ends, log_out, open, renew, visit};

#[tokio::test]
async fn a_renewal_is_followed_and_the_end_of_the_renewed_session_is_noticed() {
    for kind in KINDS {
        let world = World::new(kind);
        let (mut id, session) = world.log_in().await;
        let waiting = world.waiting(&session).await;
        for elsewhere in [false, true, false] {
            id = renew(&if elsewhere { world.elsewhere() } else { world.manager.clone() }, &id).await;
            world.looked(&world.key(&id), 0).await;
            assert!(!waiting.is_finished(), "{kind:?}: a renewal is no end");
        }
        log_out(&world.elsewhere(), &id).await;
        ends(kind, waiting).await;
    }
}

/// Several renewals before anybody looks.
#[tokio::test]
async fn a_session_that_was_renewed_often_is_found_again() {
    for kind in KINDS {
        let world = World::new(kind);
        let (mut id, session) = world.log_in().await;
        let before = session.reopen();
        for _ in 0..5 {
            id = renew(&world.manager, &id).await;
        }
        let waiting = [tokio::spawn(session.ended()), tokio::spawn(before.ended())];
        world.looked(&world.key(&id), 1).await;
        assert!(waiting.iter().all(|one| !one.is_finished()), "{kind:?}");
        log_out(&world.elsewhere(), &id).await;
        for one in waiting {
            ends(kind, one).await;
        }
    }
}

/// A memory storage forgets tombstones of a session that is renewed more than 14 times in a minute.
#[tokio::test]
async fn a_flood_of_renewals_is_followed() {
    for kind in KINDS {
        let world = World::new(kind);
        let (mut id, session) = world.log_in().await;
        let waiting = world.waiting(&session).await;
        for _ in 0..40 {
            id = renew(&world.manager, &id).await;
            world.looked(&world.key(&id), 0).await;
        }
        assert!(!waiting.is_finished(), "{kind:?}: renewals are no end");
        log_out(&world.manager, &id).await;
        ends(kind, waiting).await;
    }
}

/// As its documentation says. The other storages forget none.
#[tokio::test]
async fn a_wait_that_begins_with_a_renewed_id_ends_at_once_only_where_its_tombstone_is_forgotten() {
    for kind in KINDS {
        let world = World::new(kind);
        let (first, _) = world.log_in().await;
        let mut ids = vec![first];
        for _ in 0..40 {
            ids.push(renew(&world.manager, &ids[ids.len() - 1]).await);
        }
        let last = world.key(&ids[40]);
        for (number, is_forgotten) in [(0, false), (14, false), (25, kind == Kind::Memory), (39, false)] {
            let before = world.storage.loads_of(&last);
            let waiting = tokio::spawn(open(&world.manager, &ids[number]).ended());
            if is_forgotten {
                ends((kind, number), waiting).await;
            } else {
                world.looked(&last, before).await;
                assert!(!waiting.is_finished(), "{kind:?}: {number}: it lives");
            }
        }
    }
}

#[tokio::test]
async fn a_rotation_does_not_end_the_wait() {
    const PERIOD: Duration = Duration::from_secs(15 * 60);
    for kind in KINDS {
        let world = World::built(kind, |builder| builder.rotate_every(PERIOD));
        let (mut id, session) = world.log_in().await;
        let (key, waiting) = (world.key(&id), world.waiting(&session).await);
        for _ in 0..3 {
            world.place.clock.advance(PERIOD);
            let before = world.storage.loads_of(&key);
            let new = visit(&world.manager, &id).await;
            assert_ne!(new, id);
            id = visit(&world.manager, &new).await;
            assert_eq!(id, new);
            if format!("{kind:?}").starts_with("Redis") {
                // Redis reports every change: besides the two requests, the one who waits has looked.
                world.looked(&key, before + 2).await;
            }
            assert!(!waiting.is_finished(), "{kind:?}: a rotation is no end");
        }
        // One that begins to wait with a previous id.
        world.place.clock.advance(MINUTE / 2);
        let later = tokio::spawn(open(&world.manager, &id).ended());
        log_out(&world.elsewhere(), &id).await;
        ends(kind, waiting).await;
        ends(kind, later).await;
    }
}
