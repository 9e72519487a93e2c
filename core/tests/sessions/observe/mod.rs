//! What observers are told, on every storage: each event once, and only once the storage has confirmed it (S19).

mod births;
mod calls;
mod commits;
mod endings;
mod failures;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "redis")]
mod near;
mod recorder;
mod refusals;
mod removals;
mod secrets;

use std::{sync::Arc, thread, time::Duration};

use gsession::{
    AtLimit, ClientInfo, Delivery, Error, Exchange, Manager, ManagerBuilder, OnReuse, Saved, Session, SessionId,
    StorageErrorKind, StoreKey,
    observe::{CallOutcome, CommitOutcome, EndReason, Observer, Operation, RefusalReason},
};
use recorder::{Recorder, Told};

use crate::support::{
    self, IDLE, KINDS, Kind, Place, log,
    pausing_storage::{Op, PausingStorage},
};

const PERIOD: Duration = Duration::from_secs(15 * 60);
const GRACE: Duration = Duration::from_secs(60);

/// A place, its manager, and what this is told.
struct Scene {
    place: Place,
    storage: PausingStorage,
    manager: Manager,
    recorder: Arc<Recorder>,
}

impl Scene {
    fn new(kind: Kind) -> Self {
        Self::with(kind, |builder| builder)
    }

    /// With other settings.
    fn with(kind: Kind, set: impl FnOnce(ManagerBuilder<Manager>) -> ManagerBuilder<Manager>) -> Self {
        let place = Place::new(kind);
        let (storage, recorder) = (PausingStorage::new(Arc::clone(&place.storage)), Arc::new(Recorder::default()));
        let manager = set(place.builder_over(storage.clone())).observer(recorder.clone()).build().unwrap();
        Self { place, storage, manager, recorder }
    }

    fn begin(&self, id: Option<&SessionId>) -> Exchange<Session> {
        self.manager.begin(id.map(SessionId::as_str), ClientInfo::default)
    }

    fn key(&self, id: &SessionId) -> StoreKey {
        self.manager.key_of(id)
    }

    /// What was told since the last time, without calls of the storage.
    fn told(&self) -> Vec<Told> {
        self.recorder.take()
    }

    /// A new session, of which everything was told.
    fn visitor(&self) -> SessionId {
        let session = self.begin(None);
        session.set("cart", &1).unwrap();
        self.told_before(&session)
    }

    /// A new session of a user, likewise.
    fn user(&self) -> SessionId {
        let session = self.begin(None);
        session.log_in("ada").unwrap();
        self.told_before(&session)
    }

    fn told_before(&self, session: &Exchange<Session>) -> SessionId {
        let id = closed(session).unwrap();
        assert!(!self.told().is_empty());
        id
    }
}

/// Ends the request. The id that the client has then.
fn closed(session: &Exchange<Session>) -> Option<SessionId> {
    match session.close().unwrap().delivery {
        Delivery::Send { id, .. } => Some(id),
        _ => session.id(),
    }
}

/// One scene for each storage.
fn scenes() -> impl Iterator<Item = Scene> {
    KINDS.into_iter().map(Scene::new)
}
