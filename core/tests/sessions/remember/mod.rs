//! "Remember me" (S17): deadlines of one session's own, on every storage.

mod back;
mod clients;
mod deadlines;
#[cfg(feature = "redis")]
mod redis_expiry;
mod settings;
mod storages;

use std::time::Duration;

use gsession::{ClientInfo, Closed, Delivery, Exchange, Login, Manager, Session, SessionId, SessionInfo};

use crate::support::Place;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn begin(manager: &Manager, id: Option<&SessionId>) -> Exchange<Session> {
    manager.begin(id.map(SessionId::as_str), ClientInfo::default)
}

/// The id that the client has after a request that is closed.
fn id_after(session: &Exchange<Session>, Closed { delivery, .. }: Closed) -> SessionId {
    match delivery {
        Delivery::Send { id, .. } => id,
        _ => session.id().expect("it has a session"),
    }
}

fn log_in(manager: &Manager, id: Option<&SessionId>, login: Login) -> SessionId {
    let session = begin(manager, id);
    session.log_in(login).unwrap();
    let closed = session.close().unwrap();
    id_after(&session, closed)
}

/// What is known of the session, in a request that counts as no activity; `None` if it has ended.
fn info(manager: &Manager, id: &SessionId) -> Option<SessionInfo> {
    let session = begin(manager, Some(id));
    session.set_passive(true);
    let info = session.info().unwrap();
    let _ = session.close().unwrap();
    info
}

/// Whether the session opens, in a request like any other.
fn visits(manager: &Manager, id: &SessionId) -> bool {
    let session = begin(manager, Some(id));
    let opens = session.principal().unwrap().is_some();
    let _ = session.close().unwrap();
    opens
}

/// A manager whose sessions end after an hour without use, and after two in any case.
fn strict(place: &Place) -> Manager {
    place.builder().idle_timeout(HOUR).absolute_lifetime(2 * HOUR).build().unwrap()
}
