//! Sessions that end because somebody wants it.

use super::*;

#[test]
fn a_logout_is_told_once_however_often_it_is_asked_for() {
    for scene in scenes() {
        let id = scene.user();
        for _ in 0..2 {
            let session = scene.begin(Some(&id));
            session.log_out();
            session.destroy();
            assert_eq!(session.save().unwrap(), Saved::Destroyed);
            let _ = session.close().unwrap();
        }
        let ended = Told::Ended(scene.key(&id), EndReason::LoggedOut);
        assert_eq!(scene.told(), [ended], "{:?}", scene.place.kind);
    }
}

#[test]
fn a_logout_with_an_old_id_ends_the_renewed_session_under_its_key() {
    for scene in scenes() {
        let old = scene.user();
        let session = scene.begin(Some(&old));
        session.renew().unwrap();
        let id = scene.told_before(&session);
        let session = scene.begin(Some(&old));
        session.destroy();
        let _ = session.close().unwrap();
        let ended = Told::Ended(scene.key(&id), EndReason::LoggedOut);
        assert_eq!(scene.told(), [ended], "{:?}", scene.place.kind);
    }
}

#[test]
fn a_user_ends_sessions_from_another_one() {
    for scene in scenes() {
        let kind = scene.place.kind;
        let keys: Vec<_> = (0..5).map(|_| scene.user()).collect();
        let [own, one, two, three, four] = &*keys else { panic!("there are five") };
        let session = scene.begin(Some(own));
        assert!(session.end(scene.key(one)).unwrap());
        assert_eq!(scene.told(), [Told::Ended(scene.key(one), EndReason::Elsewhere)], "{kind:?}");
        assert!(!session.end(scene.key(one)).unwrap());
        assert_eq!(scene.told(), [], "{kind:?}: it has ended before");
        assert!(session.end(scene.key(two)).unwrap());
        assert_eq!(session.destroy_others().unwrap(), 2);
        let told = scene.told();
        assert_eq!(told[0], Told::Ended(scene.key(two), EndReason::Elsewhere), "{kind:?}");
        let others = |reason| [three, four].map(|id| Told::Ended(scene.key(id), reason));
        assert_eq!(told.len(), 3, "{kind:?}: {told:?}");
        assert!(others(EndReason::Others).iter().all(|ended| told.contains(ended)), "{kind:?}: {told:?}");
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), [], "{kind:?}");
    }
}

#[test]
fn everywhere_is_the_reason_for_the_own_session_too() {
    for scene in scenes() {
        let ids = [scene.user(), scene.user(), scene.user()];
        let session = scene.begin(Some(&ids[0]));
        assert_eq!(session.destroy_everywhere().unwrap(), 2);
        let _ = session.close().unwrap();
        let told = scene.told();
        assert_eq!(told.len(), 3, "{:?}: {told:?}", scene.place.kind);
        for id in &ids {
            let ended = Told::Ended(scene.key(id), EndReason::Everywhere);
            assert!(told.contains(&ended), "{:?}: {told:?}", scene.place.kind);
        }
    }
}

#[test]
fn what_ends_through_the_manager_was_ended_by_an_operator() {
    for scene in scenes() {
        let kind = scene.place.kind;
        let (one, two) = (scene.user(), scene.user());
        assert!(scene.manager.destroy(scene.key(&one)).unwrap());
        assert!(!scene.manager.destroy(scene.key(&one)).unwrap());
        assert_eq!(scene.told(), [Told::Ended(scene.key(&one), EndReason::Operator)], "{kind:?}");
        assert_eq!(scene.manager.destroy_all_of("ada", None).unwrap(), 1);
        assert_eq!(scene.told(), [Told::Ended(scene.key(&two), EndReason::Operator)], "{kind:?}");

        let session = scene.begin(None);
        session.log_in(gsession::Login::new("ada").tag("sid")).unwrap();
        let tagged = scene.told_before(&session);
        assert_eq!(scene.manager.destroy_all_tagged("sid").unwrap(), 1);
        assert_eq!(scene.told(), [Told::Ended(scene.key(&tagged), EndReason::Operator)], "{kind:?}");
    }
}

#[test]
fn one_login_too_many_ends_the_oldest() {
    for kind in KINDS {
        let scene = Scene::with(kind, |builder| builder.max_sessions(2, AtLimit::EndOldest));
        let oldest = scene.user();
        scene.place.clock.advance(GRACE);
        scene.user();
        scene.place.clock.advance(GRACE);
        let session = scene.begin(None);
        session.log_in("ada").unwrap();
        let key = session.key().unwrap();
        let expected = [
            Told::Created(key),
            Told::LoggedIn(key, "ada".into()),
            Told::Ended(scene.key(&oldest), EndReason::OverLimit),
        ];
        assert_eq!(scene.told(), expected, "{kind:?}");
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), [], "{kind:?}");
    }
}

/// Of the logins at once, each is told, and so is each end: as many as are too many.
#[test]
fn of_many_logins_at_once_each_end_is_told_once() {
    for kind in KINDS {
        let scene = Scene::with(kind, |builder| builder.max_sessions(3, AtLimit::EndOldest));
        thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    let session = scene.begin(None);
                    // The oldest of them may be told that it is one too many.
                    let _ = session.log_in("ada");
                    let _ = session.close();
                });
            }
        });
        let told = scene.told();
        let count = |is: fn(&Told) -> bool| told.iter().filter(|told| is(told)).count();
        assert_eq!(count(|told| matches!(told, Told::LoggedIn(..))), 12, "{kind:?}: {told:?}");
        assert_eq!(count(|told| matches!(told, Told::Created(_))), 12, "{kind:?}: {told:?}");
        let mut ended: Vec<_> = told
            .iter()
            .filter_map(|told| match told {
                Told::Ended(key, reason) => Some((*key, *reason)),
                _ => None,
            })
            .collect();
        assert!(ended.iter().all(|(_, reason)| *reason == EndReason::OverLimit), "{kind:?}: {told:?}");
        assert_eq!(ended.len(), 9, "{kind:?}: {told:?}");
        ended.sort_unstable_by_key(|(key, _)| *key);
        ended.dedup();
        assert_eq!(ended.len(), 9, "{kind:?}: no session ends twice");
    }
}

/// Two requests log out at once: the storage ends the session once.
#[test]
fn of_two_logouts_at_once_one_is_told() {
    for scene in scenes() {
        let id = scene.user();
        let gate = scene.storage.before(Op::Remove);
        thread::scope(|scope| {
            let log_out = || {
                let session = scene.begin(Some(&id));
                session.destroy();
                let _ = session.close().unwrap();
            };
            let first = scope.spawn(log_out);
            gate.reached();
            log_out();
            drop(gate);
            first.join().unwrap();
        });
        let ended = Told::Ended(scene.key(&id), EndReason::LoggedOut);
        assert_eq!(scene.told(), [ended], "{:?}", scene.place.kind);
    }
}
