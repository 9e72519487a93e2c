//! Calls of the storage.

use std::{
    future::{Future as _, pending},
    pin::pin,
    task::{Context, Poll, Waker},
};

use gsession::{
    AsyncManager, AsyncStorage, Record, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Lookup, Removed, StorageFuture},
};

use super::*;

const OK: CallOutcome = CallOutcome::Answered;

#[test]
fn each_call_is_told_with_its_key() {
    for scene in scenes() {
        let kind = scene.place.kind;
        let session = scene.begin(None);
        session.set("cart", &1).unwrap();
        let id = closed(&session).unwrap();
        let key = Some(scene.key(&id));
        assert_eq!(scene.recorder.take_calls(), [(Operation::Create, key, OK)], "{kind:?}");

        let session = scene.begin(Some(&id));
        assert_eq!(session.get::<u8>("cart").unwrap(), Some(1));
        session.set("cart", &2).unwrap();
        let _ = session.close().unwrap();
        let expected = [(Operation::Fetch, key, OK), (Operation::Commit, key, OK)];
        assert_eq!(scene.recorder.take_calls(), expected, "{kind:?}");

        let session = scene.begin(Some(&id));
        assert!(session.principal().unwrap().is_none());
        session.destroy();
        let _ = session.close().unwrap();
        let expected = [(Operation::Load, key, OK), (Operation::Remove, key, OK)];
        assert_eq!(scene.recorder.take_calls(), expected, "{kind:?}");

        assert!(scene.manager.sessions_of("ada").unwrap().is_empty());
        scene.manager.sweep().unwrap();
        let expected = [(Operation::Find, None, OK), (Operation::Sweep, None, OK)];
        assert_eq!(scene.recorder.take_calls(), expected, "{kind:?}");
        let _ = scene.begin(Some(&id)).close().unwrap();
        assert_eq!(scene.recorder.take_calls(), [], "{kind:?}: an unused session costs nothing");
    }
}

#[test]
fn a_call_that_fails_is_told_with_the_kind_of_error() {
    for scene in scenes() {
        let id = scene.visitor();
        scene.recorder.take_calls();
        scene.storage.fail(Op::Remove);
        let session = scene.begin(Some(&id));
        session.destroy();
        session.close().unwrap_err();
        let failed = (Operation::Remove, Some(scene.key(&id)), CallOutcome::Failed(StorageErrorKind::Timeout));
        assert_eq!(scene.recorder.take_calls(), [failed], "{:?}", scene.place.kind);
    }
}

/// A storage that never answers.
struct Silent;

impl AsyncStorage for Silent {
    fn load<'a>(&'a self, _: &'a StoreKey, _: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(pending())
    }

    fn create<'a>(&'a self, _: &'a StoreKey, _: &'a Record, _: Timestamp) -> StorageFuture<'a, Created> {
        Box::pin(pending())
    }

    fn commit<'a>(&'a self, _: &'a StoreKey, _: &'a Commit) -> StorageFuture<'a, Committed> {
        Box::pin(pending())
    }

    fn remove<'a>(&'a self, _: &'a StoreKey) -> StorageFuture<'a, Removed> {
        Box::pin(pending())
    }
}

#[test]
fn a_call_that_nobody_waits_for_any_more_was_dropped() {
    let recorder = Arc::new(Recorder::default());
    let manager = AsyncManager::builder(Silent).observer(recorder.clone()).build().unwrap();
    let id = SessionId::from_random([7; 32]);
    let session = manager.begin([id.as_str()], ClientInfo::default);
    {
        let mut reading = pin!(session.is_empty());
        let polled = reading.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
        assert_eq!(recorder.take_calls(), [], "it is under way");
    }
    let key = Some(manager.key_of(&id));
    assert_eq!(recorder.take_calls(), [(Operation::Load, key, CallOutcome::Dropped)]);
    assert_eq!(recorder.take(), [], "nothing is known of the session");
}
