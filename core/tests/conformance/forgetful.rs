//! What storages do to a remembered session that are broken in that respect.

use std::time::Duration;

use gsession::{Record, Timestamp, record::Commit, storage::Access};

use crate::fault::Fault;

/// Whether the session has ended by this access.
pub(crate) fn has_ended(fault: Option<Fault>, record: &Record, access: &Access) -> bool {
    if fault == Some(Fault::RememberedObeysTheManager) {
        let mut ordinary = record.clone();
        ordinary.is_remembered = false;
        return access.has_ended(&ordinary, ordinary.last_seen);
    }
    access.has_ended(record, record.last_seen)
}

/// The record that a create stores.
pub(crate) fn created(fault: Option<Fault>, record: &mut Record) {
    match fault {
        Some(Fault::CreateForgetsThatItIsRemembered) => record.is_remembered = false,
        Some(Fault::RememberedForEver) if record.is_remembered => record.absolute_deadline = None,
        _ => {}
    }
}

/// The record after activity.
pub(crate) fn extended(fault: Option<Fault>, record: &mut Record, access: &Access, is_reading: bool) {
    let before = record.clone();
    record.extend(access);
    let Some(extend) = access.extend.filter(|_| before.is_remembered) else { return };
    match fault {
        Some(Fault::TouchTakesTheManagersTimeout) if !is_reading => record.idle_timeout = extend.idle_timeout,
        Some(Fault::ReadingTakesTheManagersTimeout) if is_reading => record.idle_timeout = extend.idle_timeout,
        Some(Fault::TouchWaitsForTheInterval) if access.now < before.last_seen + extend.interval => *record = before,
        _ => {}
    }
}

/// The record after a commit or a move that changed it from `before`.
pub(crate) fn changed(fault: Option<Fault>, before: &Record, commit: &Commit, is_move: bool, record: &mut Record) {
    let keeps = match fault {
        Some(Fault::CommitKeepsTheLifespan) => !is_move,
        Some(Fault::MoveKeepsTheLifespan) => is_move,
        Some(Fault::StaysRemembered) => before.is_remembered && !record.is_remembered,
        _ => false,
    };
    if keeps && commit.changes.lifespan().is_some() {
        record.created_at = before.created_at;
        (record.idle_timeout, record.absolute_deadline) = (before.idle_timeout, before.absolute_deadline);
        record.is_remembered = before.is_remembered;
    }
    if fault == Some(Fault::CommitForgetsThatItIsRemembered) && commit.changes.lifespan().is_none() {
        record.is_remembered = false;
    }
}

/// Whether a listing has the session.
pub(crate) fn is_listed(fault: Option<Fault>, record: &Record, now: Timestamp) -> bool {
    let forgets = fault == Some(Fault::FindForgetsTheRemembered) && record.is_remembered;
    !(forgets && record.created_at + Duration::from_secs(24 * 60 * 60) < now)
}

/// The record in a listing.
pub(crate) fn listed(fault: Option<Fault>, record: &mut Record) {
    if fault == Some(Fault::FindForgetsWhoIsRemembered) {
        record.is_remembered = false;
    }
}
