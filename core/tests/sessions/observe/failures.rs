//! Storages that fail, answers that are lost, and observers that panic.

use super::*;

#[test]
fn what_fails_is_not_told_until_it_succeeds() {
    for scene in scenes() {
        let kind = scene.place.kind;
        let session = scene.begin(None);
        session.set("cart", &1).unwrap();
        scene.storage.fail(Op::Create);
        session.close().unwrap_err();
        assert_eq!(scene.told(), [], "{kind:?}: nothing is created");
        let id = closed(&session).unwrap();
        assert_eq!(scene.told(), [Told::Created(scene.key(&id))], "{kind:?}");

        let session = scene.begin(Some(&id));
        session.set("cart", &2).unwrap();
        scene.storage.fail(Op::Commit);
        session.close().unwrap_err();
        assert_eq!(scene.told(), [], "{kind:?}: nothing is stored");
        let _ = session.close().unwrap();
        let stored = Told::Committed(Some(scene.key(&id)), CommitOutcome::Stored, 1);
        assert_eq!(scene.told(), [stored], "{kind:?}");

        let session = scene.begin(Some(&id));
        session.destroy();
        scene.storage.fail(Op::Remove);
        session.close().unwrap_err();
        assert_eq!(scene.told(), [], "{kind:?}: nothing has ended");
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), [Told::Ended(scene.key(&id), EndReason::LoggedOut)], "{kind:?}");
    }
}

#[test]
fn what_succeeded_without_an_answer_is_told_once_when_it_is_known() {
    for scene in scenes() {
        let kind = scene.place.kind;
        let session = scene.begin(None);
        session.set("cart", &1).unwrap();
        scene.storage.lose_answer(Op::Create);
        session.close().unwrap_err();
        assert_eq!(scene.told(), [], "{kind:?}: nobody knows");
        let id = closed(&session).unwrap();
        let created = Told::Created(scene.key(&id));
        let told = scene.told();
        assert_eq!(told.iter().filter(|told| **told == created).count(), 1, "{kind:?}: {told:?}");
        // What the retry has to store once more is a commit.
        let stored = Told::Committed(Some(scene.key(&id)), CommitOutcome::Stored, 1);
        assert!(told.iter().all(|told| *told == created || *told == stored), "{kind:?}: {told:?}");

        let session = scene.begin(Some(&id));
        session.renew().unwrap();
        scene.storage.lose_answer(Op::Move);
        session.close().unwrap_err();
        assert_eq!(scene.told(), [], "{kind:?}: nobody knows");
        let renewed = closed(&session).unwrap();
        assert_eq!(scene.told(), [Told::Renewed(scene.key(&id), scene.key(&renewed))], "{kind:?}");

        let session = scene.begin(Some(&renewed));
        session.destroy();
        scene.storage.lose_answer(Op::Remove);
        session.close().unwrap_err();
        assert_eq!(scene.told(), [], "{kind:?}: nobody knows");
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), [Told::Ended(scene.key(&renewed), EndReason::LoggedOut)], "{kind:?}");
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), [], "{kind:?}");
    }
}

#[test]
fn a_login_that_is_tried_again_is_one_login() {
    for scene in scenes() {
        let kind = scene.place.kind;
        for is_lost in [false, true] {
            let visitor = scene.visitor();
            let session = scene.begin(Some(&visitor));
            if is_lost {
                scene.storage.lose_answer(Op::Move)
            } else {
                scene.storage.fail(Op::Move)
            }
            session.log_in("ada").unwrap_err();
            assert_eq!(scene.told(), [], "{kind:?}: lost {is_lost}");
            session.log_in("ada").unwrap();
            let id = closed(&session).unwrap();
            let told = scene.told();
            let logins = told.iter().filter(|told| matches!(told, Told::LoggedIn(..))).count();
            assert_eq!(logins, 1, "{kind:?}: lost {is_lost}: {told:?}");
            let renewed = Told::Renewed(scene.key(&visitor), scene.key(&id));
            let renewals: Vec<_> = told.iter().filter(|told| matches!(told, Told::Renewed(..))).collect();
            assert_eq!(renewals, [&renewed], "{kind:?}: lost {is_lost}: {told:?}");
        }
    }
}

/// Panics whatever it is told.
struct Panicking;

macro_rules! panics {
    ($($method:ident: $event:ty),* $(,)?) => {
        impl Observer for Panicking {
            $(fn $method(&self, _: $event) {
                panic!("an observer that is broken");
            })*
        }
    };
}

panics! {
    session_created: &gsession::observe::SessionCreated,
    logged_in: &gsession::observe::LoggedIn<'_>,
    session_renewed: &gsession::observe::SessionRenewed,
    id_rotated: &gsession::observe::IdRotated,
    session_ended: &gsession::observe::SessionEnded,
    refused: &gsession::observe::Refused,
    theft_suspected: &gsession::observe::TheftSuspected,
    committed: &gsession::observe::Committed,
    storage_called: &gsession::observe::StorageCalled,
    storage_swept: &gsession::observe::StorageSwept,
    near_cache_read: &gsession::observe::NearCacheRead,
}

#[test]
fn an_observer_that_panics_costs_nobody_anything() {
    for kind in KINDS {
        let scene = Scene::with(kind, |builder| builder.observer(Arc::new(Panicking)));
        let session = scene.begin(None);
        session.log_in("ada").unwrap();
        session.set("cart", &1).unwrap();
        let id = closed(&session).unwrap();
        let session = scene.begin(Some(&id));
        assert_eq!(session.get::<u8>("cart").unwrap(), Some(1), "{kind:?}");
        session.renew().unwrap();
        let id = closed(&session).unwrap();
        scene.manager.sweep().unwrap();
        let session = scene.begin(Some(&id));
        session.destroy();
        let _ = session.close().unwrap();
        assert_eq!(scene.place.survivors(), 0, "{kind:?}");
        // The other observer, which comes after it, was told everything.
        let told = scene.told();
        assert!(told.contains(&Told::Ended(scene.key(&id), EndReason::LoggedOut)), "{kind:?}: {told:?}");
    }
}

/// The theft is certain, but the session cannot be ended at once.
#[test]
fn a_theft_is_told_once_although_the_end_of_the_session_fails() {
    for kind in KINDS {
        let scene = Scene::with(kind, |builder| builder.rotate_every(PERIOD));
        let first = scene.user();
        let read = |id: &SessionId| {
            let session = scene.begin(Some(id));
            assert!(session.principal().unwrap().is_some(), "{kind:?}");
            closed(&session).unwrap()
        };
        scene.place.clock.advance(PERIOD);
        let second = read(&first);
        assert_eq!(read(&second), second, "{kind:?}");
        scene.place.clock.advance(GRACE);
        scene.told();
        let before = log::mark();
        scene.storage.fail(Op::Remove);
        let thief = scene.begin(Some(&first));
        thief.principal().unwrap_err();
        let key = scene.key(&first);
        assert_eq!(scene.told(), [Told::Theft(key, OnReuse::EndSession)], "{kind:?}");
        assert_eq!(thief.principal().unwrap(), None, "{kind:?}");
        assert_eq!(scene.told(), [Told::Ended(key, EndReason::IdReused)], "{kind:?}");
        let key = format!("{key:?}");
        let warnings = log::since(before).iter().filter(|line| line.contains("stolen") && line.contains(&key)).count();
        assert_eq!(warnings, 1, "{kind:?}");
    }
}
