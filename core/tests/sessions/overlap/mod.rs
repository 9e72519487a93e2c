//! Requests that overlap, in interleavings that are forced: nothing is lost, nothing comes back, one successor survives.

mod adoption;
mod asynchronous;
mod logouts;
mod renewals;
mod within_a_request;
mod writes;

use std::{
    sync::Arc,
    thread::{Scope, ScopedJoinHandle},
    time::Duration,
};

use gsession::{ClientInfo, Closed, Delivery, Error, Exchange, Manager, Saved, Session, SessionId, Storage as _};

use crate::support::{
    self, NOW, Place, found, key,
    pausing_storage::{Op, PausingStorage},
    record,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A storage behind gates, with a manager over it whose sessions are extended whenever they are read.
struct World {
    place: Place,
    gated: PausingStorage,
    manager: Manager,
}

impl World {
    fn new(kind: support::Kind) -> Self {
        let place = Place::new(kind);
        let gated = PausingStorage::new(Arc::clone(&place.storage));
        let manager = place.builder_over(gated.clone()).touch_interval(Duration::ZERO).build().unwrap();
        Self { place, gated, manager }
    }

    /// A request with this id.
    fn request(&self, id: &SessionId) -> Exchange<Session> {
        self.manager.begin(Some(id.as_str()), ClientInfo::default)
    }

    /// A logged-in session.
    fn login(&self) -> SessionId {
        let session = self.manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        session.set_principal("ada").unwrap();
        sent(&session.close().unwrap())
    }

    fn living(&self) -> Vec<SessionId> {
        self.place.ids.living(&*self.place.storage, NOW)
    }

    /// Nothing lives, under an id that was ever issued or under any other key.
    fn assert_empty(&self) {
        assert_eq!(self.living(), []);
        assert!(self.place.storage.find("ada", NOW).unwrap().is_empty());
        assert_eq!(self.place.survivors(), 0);
    }
}

fn sent(closed: &Closed) -> SessionId {
    match &closed.delivery {
        Delivery::Send { id, .. } => id.clone(),
        other => panic!("no id for the client: {other:?}"),
    }
}

fn logged_in(session: &Exchange<Session>) -> bool {
    session.get::<String>("user").unwrap().as_deref() == Some("ada")
}

fn closing<'s>(scope: &'s Scope<'s, '_>, session: &Exchange<Session>) -> ScopedJoinHandle<'s, Result<Closed, Error>> {
    let session = session.clone();
    scope.spawn(move || session.close())
}

fn log_out(world: &World, id: &SessionId) {
    let session = world.request(id);
    session.destroy();
    let closed = session.close().unwrap();
    assert_eq!((closed.saved, closed.delivery), (Saved::Destroyed, Delivery::Withdraw));
}

/// Whether a client that holds `id` would end with an id that opens nothing, where it was told to keep or take one.
fn gives_out(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Send { .. } | Delivery::Refresh { .. })
}

/// A renewal whose session has ended is an error: a login must not look as if it had worked.
fn is_lost(closed: &Result<Closed, Error>) -> bool {
    matches!(closed, Err(Error::Gone))
}

/// The test's own tools are right: a gate holds exactly one operation, on the side it was asked for.
#[test]
fn gates_hold_one_operation_on_their_side() {
    let place = Place::new(support::Kind::Memory);
    let gated = PausingStorage::new(Arc::clone(&place.storage));
    for (before, seen_inside) in [(true, false), (false, true)] {
        let gate = if before { gated.before(Op::Create) } else { gated.after(Op::Create) };
        let number = key(u8::from(before));
        std::thread::scope(|scope| {
            let gated = &gated;
            let creating = scope.spawn(move || gated.create(&number, &record(&[]), NOW).unwrap());
            gate.reached();
            assert_eq!(found(&*place.storage, &number, NOW).is_some(), seen_inside);
            gate.open();
            creating.join().unwrap();
        });
        assert!(found(&*place.storage, &number, NOW).is_some());
    }
}
