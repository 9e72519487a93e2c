//! What users notice of a move: nothing.

use std::{sync::Arc, time::Duration};

use gsession::{
    AnyStorage, AsyncManager, BlockingMovingStorage, ClientInfo, Clock as _, Delivery, Exchange, Login, Manager,
    MemoryStorage, MovingStorage, Record, Session, SessionId, Storage, StorageErrorKind, SystemClock,
    storage::{Access, Created, Lookup},
};

use crate::support::{IDLE, key, quiet_memory};

struct Move {
    old: Arc<MemoryStorage>,
    new: Arc<MemoryStorage>,
    both: BlockingMovingStorage,
}

impl Move {
    fn new() -> Self {
        let (old, new) = (Arc::new(quiet_memory()), Arc::new(quiet_memory()));
        let both = BlockingMovingStorage::new(Arc::clone(&old), Arc::clone(&new)).unwrap();
        Self { old, new, both }
    }

    /// The service before anybody thinks of moving.
    fn before(&self) -> Manager {
        Manager::new(Arc::clone(&self.old))
    }

    fn prepared(&self) -> Manager {
        Manager::new(self.both.clone().prepared())
    }

    fn moving(&self) -> Manager {
        Manager::new(self.both.clone())
    }

    /// The service when all is over.
    fn after(&self) -> Manager {
        Manager::new(Arc::clone(&self.new))
    }
}

fn id_of(session: &Exchange<Session>) -> SessionId {
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("an id is sent") };
    id
}

fn begin(manager: &Manager, id: Option<&SessionId>) -> Exchange<Session> {
    manager.begin(id.map(SessionId::as_str), ClientInfo::default)
}

fn log_in(manager: &Manager, name: &str) -> SessionId {
    let session = begin(manager, None);
    session.set("basket", name).unwrap();
    session.log_in(Login::new(name)).unwrap();
    id_of(&session)
}

fn basket(manager: &Manager, id: &SessionId) -> Option<String> {
    begin(manager, Some(id)).get("basket").unwrap()
}

#[test]
fn three_deployments_one_after_the_other_log_nobody_out() {
    let all = Move::new();
    let first = log_in(&all.before(), "ada");
    assert_eq!(basket(&all.prepared(), &first).as_deref(), Some("ada"));
    let second = log_in(&all.prepared(), "bob");
    // Those before still know both: nothing has moved.
    assert_eq!(basket(&all.before(), &second).as_deref(), Some("bob"));
    assert_eq!(all.new.count(SystemClock.now()).unwrap(), 0);
    // One instance is replaced: what it moves and what begins there is found by the others.
    assert_eq!(basket(&all.moving(), &first).as_deref(), Some("ada"));
    let third = log_in(&all.moving(), "eve");
    for id in [&first, &second, &third] {
        for manager in [all.prepared(), all.moving()] {
            assert!(basket(&manager, id).is_some());
        }
    }
    for id in [&first, &second, &third] {
        assert!(basket(&all.after(), id).is_some());
    }
    assert_eq!(all.old.count(SystemClock.now()).unwrap(), 0);
}

#[test]
fn a_logout_in_any_deployment_ends_the_session_in_all() {
    for moved in [false, true] {
        for by_moving in [false, true] {
            let all = Move::new();
            let id = log_in(&all.before(), "ada");
            if moved {
                assert!(basket(&all.moving(), &id).is_some());
            }
            let manager = if by_moving { all.moving() } else { all.prepared() };
            let session = begin(&manager, Some(&id));
            session.destroy();
            session.close().unwrap();
            for manager in [all.before(), all.prepared(), all.moving(), all.after()] {
                assert_eq!(basket(&manager, &id), None, "{moved} {by_moving}");
            }
        }
    }
}

/// A request logs in at the old place, and its answer is lost. The user tries again, at an instance of the next deployment.
#[test]
fn the_tombstone_of_a_renewal_at_the_old_place_is_followed() {
    let all = Move::new();
    let visitor = begin(&all.before(), None);
    visitor.set("basket", "ada").unwrap();
    let id = id_of(&visitor);
    let login = begin(&all.before(), Some(&id));
    login.log_in(Login::new("ada")).unwrap();
    let lost = id_of(&login);
    // A logout with the old id ends the renewed session, wherever that is.
    assert_eq!(basket(&all.moving(), &lost).as_deref(), Some("ada"));
    let manager = all.moving();
    let old_key = manager.key_of(&id);
    assert!(all.both.tombstone(&old_key, SystemClock.now()).unwrap().is_some());
    assert!(manager.destroy(old_key).unwrap());
    assert_eq!(basket(&manager, &lost), None);
}

#[test]
fn a_user_s_sessions_are_listed_once_and_ended_wherever_they_are() {
    let all = Move::new();
    let ids = [log_in(&all.before(), "ada"), log_in(&all.before(), "ada"), log_in(&all.moving(), "ada")];
    assert!(basket(&all.moving(), &ids[0]).is_some());
    for manager in [all.prepared(), all.moving()] {
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 3);
        assert_eq!(manager.count().unwrap(), 3);
    }
    assert_eq!(all.moving().destroy_all_of("ada", None).unwrap(), 3);
    for id in &ids {
        assert_eq!(basket(&all.moving(), id), None);
    }
}

/// A session keeps its deadlines, and what has ended at the old place stays there.
#[test]
fn a_session_keeps_its_times_and_an_expired_one_does_not_move() {
    let (all, now) = (Move::new(), SystemClock.now());
    let lives = Record::new(now, IDLE, Some(now + IDLE * 3));
    let short = Record::new(now, Duration::from_secs(60), None);
    for (number, record) in [(1, &lives), (2, &short)] {
        assert_eq!(all.old.create(&key(number), record, now).unwrap(), Created::Done);
    }
    let later = Access::passive(now + Duration::from_secs(60));
    assert!(matches!(all.both.load(&key(2), &later).unwrap(), Lookup::Absent));
    assert_eq!(all.new.count(now).unwrap(), 0);
    let Lookup::Found(found) = all.both.load(&key(1), &later).unwrap() else { panic!("it lives") };
    assert_eq!(found.record, lives);
    let Lookup::Found(moved) = all.new.load(&key(1), &later).unwrap() else { panic!("it has moved") };
    assert_eq!(moved.record, lives);
}

/// Who waits for the end of a session is not told that it has moved, but that it has ended.
#[tokio::test]
async fn who_waits_for_the_end_of_a_session_that_moves_is_told_when_it_ends() {
    let (old, new) = (AnyStorage::new(quiet_memory()), AnyStorage::new(quiet_memory()));
    let moving = MovingStorage::new(old, new).unwrap();
    let before = AsyncManager::new(moving.clone().prepared());
    let session = before.begin(None, ClientInfo::default);
    session.set("basket", "ada").unwrap();
    let Delivery::Send { id, .. } = session.close().await.unwrap().delivery else { panic!("an id is sent") };
    let waiting = before.begin(Some(id.as_str()), ClientInfo::default);
    let mut ended = Box::pin(waiting.ended());
    assert!(futures::poll!(&mut ended).is_pending());
    let after = AsyncManager::new(moving);
    let other = after.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(other.get::<String>("basket").await.unwrap().as_deref(), Some("ada"));
    assert!(futures::poll!(&mut ended).is_pending());
    other.destroy();
    other.close().await.unwrap();
    ended.await.unwrap();
}

#[cfg(feature = "redis")]
#[test]
fn places_that_do_not_fit_together_are_refused() {
    use crate::support::redis;
    let goframe = || redis::goframe_strings_at(&redis::prefix());
    let refused = [
        BlockingMovingStorage::new(goframe(), quiet_memory()).err(),
        BlockingMovingStorage::new(quiet_memory(), goframe()).err(),
        BlockingMovingStorage::new(goframe(), goframe()).err(),
        BlockingMovingStorage::from_goframe(goframe(), goframe(), None).err(),
        BlockingMovingStorage::from_goframe(quiet_memory(), quiet_memory(), None).err(),
    ];
    for error in refused {
        let error = error.expect("it is refused");
        assert_eq!(error.kind(), StorageErrorKind::Setup);
    }
}

/// From GoFrame's format, whose ids become keys of our own.
#[cfg(feature = "redis")]
#[test]
fn sessions_of_a_goframe_service_move_when_they_are_used() {
    use crate::support::redis;
    let (prefix, new) = (redis::prefix(), Arc::new(quiet_memory()));
    let goframe = || redis::goframe_hashes_at(&prefix);
    let both = BlockingMovingStorage::from_goframe(goframe(), Arc::clone(&new), None).unwrap();
    let (before, moving) = (Manager::new(goframe()), Manager::new(both.clone()));
    let prepared = Manager::new(both.prepared());
    let session = begin(&before, None);
    session.set("basket", "ada").unwrap();
    let id = id_of(&session);
    assert_eq!(basket(&prepared, &id).as_deref(), Some("ada"));
    assert_eq!(basket(&before, &id).as_deref(), Some("ada"));
    assert_eq!(basket(&moving, &id).as_deref(), Some("ada"));
    assert_eq!(basket(&before, &id), None);
    assert_eq!(basket(&prepared, &id).as_deref(), Some("ada"));
    // Now it can have what GoFrame has no room for.
    let session = begin(&moving, Some(&id));
    session.log_in(Login::new("ada")).unwrap();
    let renewed = id_of(&session);
    let after = Manager::builder(Arc::clone(&new)).id_generator(gsession::GoFrameIds).build().unwrap();
    assert_eq!(basket(&after, &renewed).as_deref(), Some("ada"));
    assert_eq!(moving.sessions_of("ada").unwrap().len(), 1);
    let session = begin(&moving, Some(&renewed));
    session.destroy();
    session.close().unwrap();
    for id in [&id, &renewed] {
        assert_eq!(basket(&moving, id), None);
    }
    assert_eq!(new.count(SystemClock.now()).unwrap(), 0);
}
