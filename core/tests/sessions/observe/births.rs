//! Sessions that begin, log in and get new ids.

use super::*;

#[test]
fn a_session_that_is_created_is_told_once_it_is_stored() {
    for scene in scenes() {
        let session = scene.begin(None);
        session.set("cart", &1).unwrap();
        assert_eq!(scene.told(), [], "{:?}: nothing is stored", scene.place.kind);
        let id = closed(&session).unwrap();
        assert_eq!(scene.told(), [Told::Created(scene.key(&id))], "{:?}", scene.place.kind);
        // Reading it, or holding it without using it, is no event.
        let reader = scene.begin(Some(&id));
        assert_eq!(reader.get::<u8>("cart").unwrap(), Some(1));
        let _ = reader.close().unwrap();
        let _ = scene.begin(Some(&id)).close().unwrap();
        let _ = scene.begin(None).close().unwrap();
        assert_eq!(scene.told(), [], "{:?}", scene.place.kind);
    }
}

#[test]
fn a_login_is_told_once_with_what_becomes_of_the_session() {
    for scene in scenes() {
        let kind = scene.place.kind;
        let session = scene.begin(None);
        session.log_in("ada").unwrap();
        let key = session.key().unwrap();
        assert_eq!(
            scene.told(),
            [Told::Created(key), Told::LoggedIn(key, "ada".into())],
            "{kind:?}: before the answer"
        );
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), [], "{kind:?}");

        let visitor = scene.visitor();
        let session = scene.begin(Some(&visitor));
        session.log_in("bob").unwrap();
        let (from, to) = (scene.key(&visitor), session.key().unwrap());
        assert_ne!(from, to);
        assert_eq!(scene.told(), [Told::Renewed(from, to), Told::LoggedIn(to, "bob".into())], "{kind:?}");
        let _ = session.close().unwrap();

        // A principal that is set without a new id.
        let visitor = scene.visitor();
        let session = scene.begin(Some(&visitor));
        session.set_principal("cy").unwrap();
        let _ = session.close().unwrap();
        let key = scene.key(&visitor);
        let expected = [Told::Committed(Some(key), CommitOutcome::Stored, 1), Told::LoggedIn(key, "cy".into())];
        assert_eq!(scene.told(), expected, "{kind:?}");
    }
}

#[test]
fn a_confirmed_login_is_no_login() {
    for scene in scenes() {
        let user = scene.user();
        let session = scene.begin(Some(&user));
        session.confirm_login().unwrap();
        let (from, to) = (scene.key(&user), session.key().unwrap());
        let expected = [Told::Renewed(from, to), Told::LoginConfirmed(to, "ada".into())];
        assert_eq!(scene.told(), expected, "{:?}", scene.place.kind);
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), [], "{:?}", scene.place.kind);
    }
}

#[test]
fn a_renewal_is_told_with_both_keys() {
    for scene in scenes() {
        let visitor = scene.visitor();
        let session = scene.begin(Some(&visitor));
        session.renew().unwrap();
        let id = closed(&session).unwrap();
        let renewed = Told::Renewed(scene.key(&visitor), scene.key(&id));
        assert_eq!(scene.told(), [renewed], "{:?}", scene.place.kind);
    }
}

#[test]
fn a_rotation_is_told_once_and_noting_the_use_of_the_new_id_is_none() {
    for kind in KINDS {
        let scene = Scene::with(kind, |builder| builder.rotate_every(PERIOD));
        let first = scene.user();
        scene.place.clock.advance(PERIOD);
        let read = |id: &SessionId| {
            let session = scene.begin(Some(id));
            assert!(session.principal().unwrap().is_some());
            closed(&session).unwrap()
        };
        let second = read(&first);
        assert_ne!(first, second, "{kind:?}");
        assert_eq!(scene.told(), [Told::Rotated(scene.key(&first))], "{kind:?}");
        // The second is noted as used; and the first, within the grace period, brings the second once more.
        assert_eq!((read(&second), read(&first)), (second.clone(), second), "{kind:?}");
        assert_eq!(scene.told(), [], "{kind:?}");
    }
}
