//! Sessions that a storage removes by itself.

use gsession::{FileStorage, IntoStorage, MemoryStorage, Storage, observe::Reporter};
use tempfile::TempDir;

use super::*;

/// Those of the storages that remove sessions themselves. Redis lets them expire, and tells nobody.
const REMOVING: [Kind; 2] = [Kind::Memory, Kind::File];

#[test]
fn a_session_that_a_sweep_removes_has_expired_and_is_told_once() {
    for kind in REMOVING {
        let scene = Scene::with(kind, |builder| builder.max_sessions(9, AtLimit::Refuse));
        let (one, two) = (scene.visitor(), scene.user());
        let session = scene.begin(Some(&one));
        session.log_in(gsession::Login::new("bob").tag("sid")).unwrap();
        let renewed = scene.told_before(&session);
        scene.place.clock.advance(IDLE / 2);
        let living = scene.visitor();
        scene.place.clock.advance(IDLE / 2);
        // Reading one that has expired does not remove it.
        assert!(!scene.begin(Some(&two)).contains_key("cart").unwrap(), "{kind:?}");
        assert_eq!(scene.told(), [Told::Refused(Some(scene.key(&two)), RefusalReason::Unknown)], "{kind:?}");

        let swept = scene.manager.sweep().unwrap();
        let mut told = scene.told();
        assert_eq!(told.pop(), Some(Told::Swept { removed: swept.removed }), "{kind:?}");
        assert_eq!(told.len(), 2, "{kind:?}: no tombstone and no list is a session: {told:?}");
        for id in [&renewed, &two] {
            assert!(told.contains(&Told::Ended(scene.key(id), EndReason::Expired)), "{kind:?}: {told:?}");
        }
        scene.manager.sweep().unwrap();
        assert_eq!(scene.told(), [Told::Swept { removed: 0 }], "{kind:?}");
        assert!(scene.begin(Some(&living)).contains_key("cart").unwrap(), "{kind:?}");
        // At last the lists of the tag and of the logins, too.
        scene.place.clock.advance(IDLE * 9);
        assert!(scene.manager.sweep().unwrap().removed > 1, "{kind:?}");
        let ended: Vec<_> = scene.told().into_iter().filter(|told| matches!(told, Told::Ended(..))).collect();
        assert_eq!(ended, [Told::Ended(scene.key(&living), EndReason::Expired)], "{kind:?}");
    }
}

#[test]
fn a_session_that_takes_the_place_of_an_expired_one_ends_it() {
    for kind in REMOVING {
        let scene = Scene::new(kind);
        let id = scene.visitor();
        scene.place.clock.advance(IDLE);
        let session = scene.begin(None);
        session.set_id(id.clone()).unwrap();
        session.set("cart", &2).unwrap();
        let _ = session.close().unwrap();
        let told = scene.told();
        let key = scene.key(&id);
        let expected = [Told::Ended(key, EndReason::Expired), Told::Created(key)];
        let changes: Vec<_> = told.into_iter().filter(|told| !matches!(told, Told::Refused(..))).collect();
        assert_eq!(changes, expected, "{kind:?}");
    }
}

#[test]
fn a_session_that_makes_room_for_another_was_evicted() {
    let storage = MemoryStorage::builder().max_sessions(2).sweep_interval(Duration::MAX).build();
    let recorder = Arc::new(Recorder::default());
    let manager = Manager::builder(storage).observer(recorder.clone()).build().unwrap();
    let create = || {
        let session = manager.begin(None, ClientInfo::default);
        session.set("cart", &1).unwrap();
        manager.key_of(&closed(&session).unwrap())
    };
    let keys: Vec<_> = (0..3).map(|_| create()).collect();
    let mut told = recorder.take();
    let evicted = told.iter().position(|told| matches!(told, Told::Ended(_, EndReason::Evicted))).unwrap();
    let Told::Ended(key, _) = told.remove(evicted) else { panic!("it is one") };
    assert!(keys[..2].contains(&key));
    assert_eq!(told, keys.iter().map(|key| Told::Created(*key)).collect::<Vec<_>>());
}

#[test]
fn a_sweep_in_the_background_is_told_too() {
    let folder = TempDir::new().unwrap();
    let clock = gsession::ManualClock::new(support::NOW);
    let often = Duration::from_millis(1);
    let storages: [Arc<dyn Storage>; 2] = [
        Arc::new(MemoryStorage::builder().sweep_interval(often).clock(clock.clone()).build()),
        Arc::new(
            FileStorage::builder(folder.path().join("s")).sweep_interval(often).clock(clock.clone()).build().unwrap(),
        ),
    ];
    for storage in storages {
        let recorder = Arc::new(Recorder::default());
        let manager = Manager::builder(storage).clock(clock.clone()).observer(recorder.clone()).build().unwrap();
        let session = manager.begin(None, ClientInfo::default);
        session.set("cart", &1).unwrap();
        let key = manager.key_of(&closed(&session).unwrap());
        clock.advance(IDLE + GRACE);
        let mut told = Vec::new();
        support::wait_until("it is swept", || {
            told.append(&mut recorder.take());
            told.contains(&Told::Swept { removed: 1 })
        });
        let ended: Vec<_> = told.iter().filter(|told| matches!(told, Told::Ended(..))).collect();
        assert_eq!(ended, [&Told::Ended(key, EndReason::Expired)]);
    }
}

/// Two middlewares of one application share a storage, and the operator gives both the same observer.
#[test]
fn what_a_storage_does_is_told_once_however_many_managers_it_has() {
    for kind in REMOVING {
        let scene = Scene::new(kind);
        let other = Arc::new(Recorder::default());
        let further = |observer: Arc<Recorder>| {
            scene.place.builder_over(scene.storage.clone()).observer(observer).build().unwrap()
        };
        let _same = further(scene.recorder.clone());
        let with_other = further(other.clone());
        let id = scene.visitor();
        scene.place.clock.advance(IDLE);
        scene.place.storage.sweep(support::NOW + IDLE).unwrap();
        let ended = Told::Ended(scene.key(&id), EndReason::Expired);
        assert_eq!((scene.told(), other.take()), (vec![ended.clone()], vec![ended]), "{kind:?}");
        // An observer goes with its managers.
        drop(with_other);
        assert_eq!(Arc::strong_count(&other), 1, "{kind:?}");
    }
}

/// A storage of a user's own, which wraps another as an async one.
#[test]
fn a_storage_that_is_wrapped_reports_as_before() {
    let storage = MemoryStorage::builder().sweep_interval(Duration::MAX).build();
    let wrapped: Arc<dyn Storage> = Arc::new(storage.clone());
    for storage in [gsession::AnyStorage::immediate(wrapped), storage.into_storage()] {
        let recorder = Arc::new(Recorder::default());
        let clock = gsession::ManualClock::new(support::NOW);
        let builder = gsession::AsyncManager::builder(storage).clock(clock.clone()).observer(recorder.clone());
        let manager = builder.build().unwrap();
        futures::executor::block_on(async {
            let exchange = manager.begin(None, ClientInfo::default);
            exchange.set("cart", &1).unwrap();
            let _ = exchange.close().await.unwrap();
            clock.advance(IDLE);
            manager.sweep().await.unwrap();
        });
        let told = recorder.take();
        assert!(matches!(&*told, [Told::Created(a), Told::Ended(b, EndReason::Expired), _] if a == b), "{told:?}");
    }
}

#[test]
fn a_reporter_without_observers_is_heard_by_the_log_alone() {
    let reporter = Reporter::default();
    let (key, before) = (support::key(7), log::mark());
    assert!(reporter.is_heard(), "the log of this test keeps everything");
    reporter.ended(key, EndReason::Evicted);
    let lines = log::since(before);
    let is_told = |line: &String| line.contains("evicted") && line.contains(&format!("{key:?}"));
    assert!(lines.iter().any(is_told), "{lines:?}");
}
