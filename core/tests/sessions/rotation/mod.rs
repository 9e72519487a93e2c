//! Rotation of ids on every storage: nobody is logged out, there is one session, and a stolen id is found out.

mod due;
mod renewals;
mod settings;
mod thieves;
mod users;

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use gsession::{
    ClientInfo, ConfigError, CustomIds, Delivery, Error, Exchange, HashedIds, IdError, IdGenerator, Limits, Login,
    Manager, ManagerBuilder, MemoryStorage, OnReuse, Saved, Session, SessionId,
};

use crate::support::{
    self, KINDS, Kind, Place, log,
    pausing_storage::{Op, PausingStorage},
};

const PERIOD: Duration = Duration::from_secs(15 * 60);
const GRACE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// What a handler does with its session.
type Act = fn(&Exchange<Session>);

fn rotating(builder: ManagerBuilder<Manager>) -> Manager {
    builder.rotate_every(PERIOD).build().unwrap()
}

fn begin(manager: &Manager, id: &SessionId) -> Exchange<Session> {
    manager.begin([id.as_str()], ClientInfo::default)
}

/// The id that the client is sent, if any.
fn sent(session: &Exchange<Session>) -> Option<SessionId> {
    match session.close().unwrap().delivery {
        Delivery::Send { id, .. } => Some(id),
        _ => None,
    }
}

fn log_in(manager: &Manager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.log_in("ada").unwrap();
    sent(&session).unwrap()
}

/// A request that reads: whether somebody is logged in, and the id that it is sent.
fn visit(manager: &Manager, id: &SessionId) -> (bool, Option<SessionId>) {
    let session = begin(manager, id);
    let is_logged_in = session.principal().unwrap().is_some();
    (is_logged_in, sent(&session))
}

/// Whether it was logged that this id may be stolen.
fn is_reported(manager: &Manager, id: &SessionId, lines: &[String]) -> bool {
    let key = format!("{:?}", manager.key_of(id));
    lines.iter().any(|line| line.contains("WARN") && line.contains("stolen") && line.contains(&key))
}

/// A client that has had two ids: the first is from before a rotation, the second was used.
fn rotated(place: &Place, manager: &Manager) -> (SessionId, SessionId) {
    let first = log_in(manager);
    place.clock.advance(PERIOD);
    let (is_logged_in, second) = visit(manager, &first);
    let second = second.unwrap();
    assert!(is_logged_in && visit(manager, &second) == (true, None), "{:?}", place.kind);
    (first, second)
}
