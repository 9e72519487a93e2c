//! What opens nothing, and logins that are refused.

use super::*;

const UNKNOWN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn an_unknown_id_is_told_once_a_request_whatever_the_request_does() {
    type Act = fn(&Session);
    let acts: [(&str, Act); 4] = [
        ("get", |session| assert_eq!(session.get::<u8>("cart").unwrap(), None)),
        ("twice", |session| assert!(session.is_empty().unwrap() && session.principal().unwrap().is_none())),
        ("remove", |session| session.remove("cart").unwrap()),
        ("renew", |session| session.renew().unwrap()),
    ];
    for (scene, (act, run)) in scenes().flat_map(|scene| acts.map(|act| (Scene::new(scene.place.kind), act))) {
        let id = SessionId::from_random([0; 32]);
        assert_eq!(id.as_str(), UNKNOWN);
        let session = scene.begin(Some(&id));
        assert_eq!(scene.told(), [], "{:?}: {act}: nothing was looked up", scene.place.kind);
        run(session.session());
        let _ = session.close().unwrap();
        let refused = Told::Refused(Some(scene.key(&id)), RefusalReason::Unknown);
        assert_eq!(scene.told(), [refused], "{:?}: {act}", scene.place.kind);
    }
}

#[test]
fn an_id_that_has_ended_or_is_of_another_realm_is_as_unknown_as_any() {
    for scene in scenes() {
        let kind = scene.place.kind;
        let id = scene.visitor();
        let elsewhere = scene.manager.in_realm("admin");
        let session = elsewhere.begin([id.as_str()], ClientInfo::default);
        assert!(!session.contains_key("cart").unwrap());
        let _ = session.close().unwrap();
        let refused = Told::Refused(Some(elsewhere.key_of(&id)), RefusalReason::Unknown);
        assert_eq!(scene.told(), [refused], "{kind:?}");

        assert!(scene.manager.destroy(scene.key(&id)).unwrap());
        scene.told();
        // What is written goes into a new session.
        let session = scene.begin(Some(&id));
        session.set("cart", &2).unwrap();
        let new = closed(&session).unwrap();
        let refused = Told::Refused(Some(scene.key(&id)), RefusalReason::Unknown);
        assert_eq!(scene.told(), [refused, Told::Created(scene.key(&new))], "{kind:?}");
    }
}

#[test]
fn each_of_several_ids_that_open_nothing_is_told() {
    for scene in scenes() {
        let good = scene.visitor();
        let ids = [1, 2].map(|byte| SessionId::from_random([byte; 32]));
        let texts = [ids[0].as_str(), ids[1].as_str(), good.as_str()];
        let session = scene.manager.begin(texts, ClientInfo::default);
        assert!(session.contains_key("cart").unwrap());
        let _ = session.close().unwrap();
        let refused = ids.map(|id| Told::Refused(Some(scene.key(&id)), RefusalReason::Unknown));
        assert_eq!(scene.told(), refused, "{:?}", scene.place.kind);
    }
}

#[test]
fn what_cannot_be_an_id_is_told_once_a_request_and_never_asked_for() {
    for scene in scenes() {
        let session = scene.manager.begin(["'; DROP TABLE", "../../etc/passwd", ""], ClientInfo::default);
        assert!(session.is_empty().unwrap());
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), [Told::Refused(None, RefusalReason::Malformed)], "{:?}", scene.place.kind);
        assert_eq!(scene.recorder.take_calls(), [], "{:?}", scene.place.kind);
    }
}

#[test]
fn an_id_that_was_renewed_is_no_stranger() {
    for scene in scenes() {
        let old = scene.visitor();
        let session = scene.begin(Some(&old));
        session.renew().unwrap();
        scene.told_before(&session);
        let session = scene.begin(Some(&old));
        assert!(!session.contains_key("cart").unwrap());
        let _ = session.close().unwrap();
        let refused = Told::Refused(Some(scene.key(&old)), RefusalReason::Renewed);
        assert_eq!(scene.told(), [refused], "{:?}", scene.place.kind);
    }
}

#[test]
fn a_login_over_the_limit_is_told_and_is_no_login() {
    for kind in KINDS {
        let scene = Scene::with(kind, |builder| builder.max_sessions(1, AtLimit::Refuse));
        scene.user();
        let session = scene.begin(None);
        assert!(matches!(session.log_in("ada"), Err(Error::Login(_))), "{kind:?}");
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), [Told::Refused(None, RefusalReason::TooManySessions)], "{kind:?}");
    }
}

#[test]
fn a_stolen_id_is_told_with_what_happens_to_the_session() {
    for (kind, on_reuse) in
        KINDS.into_iter().flat_map(|kind| [OnReuse::EndSession, OnReuse::Refuse].map(|on| (kind, on)))
    {
        let scene = Scene::with(kind, |builder| builder.rotate_every(PERIOD).on_reuse(on_reuse));
        let first = scene.user();
        let read = |id: &SessionId| {
            let session = scene.begin(Some(id));
            let is_there = session.principal().unwrap().is_some();
            let closed = session.close().unwrap();
            (is_there, closed.delivery)
        };
        scene.place.clock.advance(PERIOD);
        let Delivery::Send { id: second, .. } = read(&first).1 else { panic!("{kind:?}: it is due") };
        assert!(read(&second).0, "{kind:?}");
        scene.place.clock.advance(GRACE);
        scene.told();
        let before = log::mark();
        assert!(!read(&first).0, "{kind:?}");
        let key = scene.key(&first);
        let theft = Told::Theft(key, on_reuse);
        let expected = match on_reuse {
            OnReuse::EndSession => vec![theft, Told::Ended(key, EndReason::IdReused)],
            _ => vec![theft],
        };
        assert_eq!(scene.told(), expected, "{kind:?}");
        let warned = log::since(before)
            .iter()
            .filter(|line| line.contains("stolen") && line.contains(&format!("{key:?}")))
            .count();
        assert_eq!(warned, 1, "{kind:?}: it is logged once");
    }
}

/// A manager as that of the scene, whose sessions can be waited for.
#[cfg(feature = "tokio")]
fn waited_for(scene: &Scene, on_reuse: OnReuse) -> gsession::AsyncManager {
    let storage = gsession::AnyStorage::blocking(scene.storage.clone());
    let builder = gsession::AsyncManager::builder(storage).clock(scene.place.clock.clone()).idle_timeout(IDLE);
    builder.rotate_every(PERIOD).on_reuse(on_reuse).observer(scene.recorder.clone()).build().unwrap()
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn waiting_for_the_end_of_a_session_that_nobody_has_tells_nothing_more() {
    for scene in scenes() {
        let kind = scene.place.kind;
        let manager = waited_for(&scene, OnReuse::EndSession);
        let id = SessionId::from_random([0; 32]);
        for (reads, waits_first) in [(false, true), (true, true), (true, false)] {
            let request = manager.begin([id.as_str()], ClientInfo::default);
            let early = waits_first.then(|| request.ended());
            if reads {
                assert!(!request.contains_key("cart").await.unwrap());
            }
            early.unwrap_or_else(|| request.ended()).await.unwrap();
            let _ = request.close().await.unwrap();
            let refused = Told::Refused(Some(scene.key(&id)), RefusalReason::Unknown);
            let expected = if reads { vec![refused] } else { Vec::new() };
            assert_eq!(scene.told(), expected, "{kind:?}: {reads}, {waits_first}");
        }
    }
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn waiting_with_a_stolen_id_tells_nothing_and_ends_nothing_beyond_what_the_request_does() {
    for (kind, on_reuse) in
        KINDS.into_iter().flat_map(|kind| [OnReuse::EndSession, OnReuse::Refuse].map(|on| (kind, on)))
    {
        let scene = Scene::with(kind, |builder| builder.rotate_every(PERIOD).on_reuse(on_reuse));
        let manager = waited_for(&scene, on_reuse);
        let first = scene.user();
        scene.place.clock.advance(PERIOD);
        let second = closed(&read(&scene, &first)).unwrap();
        assert_eq!(closed(&read(&scene, &second)), Some(second.clone()), "{kind:?}");
        scene.place.clock.advance(GRACE);
        scene.told();
        let (key, before) = (scene.key(&first), log::mark());
        let warnings = || {
            let lines = log::since(before);
            lines.iter().filter(|line| line.contains("stolen") && line.contains(&format!("{key:?}"))).count()
        };
        let request = manager.begin([first.as_str()], ClientInfo::default);
        request.ended().await.unwrap();
        assert_eq!((scene.told(), warnings()), (Vec::new(), 0), "{kind:?}: the request has not looked");
        assert!(request.principal().await.unwrap().is_none(), "{kind:?}");
        request.ended().await.unwrap();
        let _ = request.close().await.unwrap();
        let theft = Told::Theft(key, on_reuse);
        let expected = match on_reuse {
            OnReuse::EndSession => vec![theft, Told::Ended(key, EndReason::IdReused)],
            _ => vec![theft],
        };
        assert_eq!((scene.told(), warnings()), (expected, 1), "{kind:?}: {on_reuse:?}");
        let lives = read(&scene, &second).principal().unwrap().is_some();
        assert_eq!(lives, on_reuse == OnReuse::Refuse, "{kind:?}");
        scene.told();
    }
}

#[cfg(feature = "tokio")]
fn read(scene: &Scene, id: &SessionId) -> Exchange<Session> {
    let session = scene.begin(Some(id));
    assert!(session.principal().unwrap().is_some() || session.is_empty().unwrap());
    session
}
