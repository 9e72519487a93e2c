//! What GoFrame stores of a session, and what it does not: shared by strings and hashes.

use std::time::Duration;

use super::tombstone::Tombstone;
use crate::{
    Record, StoreKey, Timestamp,
    record::{Access, Commit, Entries, Lifespan, Snapshot},
    storage::{
        Lookup, StorageError, TOMBSTONE_LIFETIME,
        redis::{errors::Answered, layout::Change, servers::Answer},
    },
};

/// A hundred years in seconds, which Redis can count.
const FOREVER: u64 = 3_155_760_000;

/// Refuses what GoFrame's formats cannot store.
pub(super) fn check_commit(commit: &Commit) -> Answered<()> {
    check_principal(commit.changes.principal().flatten())?;
    check_lifespan(matches!(commit.changes.lifespan(), Some(Lifespan::Own { .. })))
}

/// As [`check_commit`], for a new session.
pub(super) fn check_record(record: &Record) -> Answered<()> {
    check_principal(record.principal.as_deref())?;
    check_lifespan(record.is_remembered)?;
    if record.absolute_deadline.is_some() {
        return Err(StorageError::unsupported("keeping a session's absolute lifetime in GoFrame's format"));
    }
    Ok(())
}

fn check_principal(principal: Option<&str>) -> Answered<()> {
    if principal.is_some() {
        return Err(StorageError::unsupported("keeping a session's principal in GoFrame's format"));
    }
    Ok(())
}

fn check_lifespan(is_remembered: bool) -> Answered<()> {
    if is_remembered {
        return Err(StorageError::unsupported("remembering a session in GoFrame's format"));
    }
    Ok(())
}

/// A lifetime in whole seconds, as GoFrame counts and Redis takes them; at least one.
pub(super) fn whole_seconds(lifetime: Duration) -> u64 {
    lifetime.as_secs().clamp(1, FOREVER)
}

/// The seconds by which an access extends a session; 0 if it does not.
pub(super) fn idle_seconds(access: &Access) -> u64 {
    access.extend.as_ref().map_or(0, |extend| whole_seconds(extend.idle_timeout))
}

pub(super) fn interval_millis(access: &Access) -> u64 {
    let interval = access.extend.as_ref().map_or(Duration::ZERO, |extend| extend.interval);
    u64::try_from(interval.as_millis()).unwrap_or(u64::MAX)
}

/// What a read of a renewed session returns.
pub(super) fn moved(tombstone: Tombstone, access: &Access) -> Lookup {
    if access.now < tombstone.at + TOMBSTONE_LIFETIME { Lookup::Renewed(tombstone.at) } else { Lookup::Absent }
}

/// The result of a change, or of a move to `to`, of a renewed session.
pub(super) fn renewed(tombstone: Tombstone, to: Option<&StoreKey>) -> Change {
    if to == Some(&tombstone.to) { Change::AlreadyRenewed(tombstone.at) } else { Change::Renewed(tombstone.at) }
}

/// A session as GoFrame keeps it. GoFrame does not store when it was created: here it counts as created when it was last seen.
pub(super) fn snapshot(entries: Entries, left: Duration, access: &Access) -> Snapshot {
    let allowed = access.bounds.idle_timeout;
    let idle = access.extend.as_ref().map_or(if allowed == Duration::MAX { left } else { allowed }, |extend| {
        Duration::from_secs(whole_seconds(extend.idle_timeout))
    });
    let left = left.min(idle);
    let last_seen = access.now.as_millis().saturating_sub(u64::try_from((idle - left).as_millis()).unwrap_or(u64::MAX));
    let mut record = Record::new(Timestamp::from_millis(last_seen), idle, None);
    record.entries = entries;
    Snapshot::complete(record)
}

impl Answer {
    /// How long a session has left.
    pub(super) fn left(&mut self) -> Answered<Duration> {
        // Another program may have left the session without an expiry.
        Ok(u64::try_from(self.number()?).map_or(Duration::from_secs(1), Duration::from_millis))
    }

    /// A revision; 0 for none.
    pub(super) fn revision(&mut self) -> Answered<u64> {
        let digits = self.bytes()?;
        if digits.is_empty() {
            return Ok(0);
        }
        let revision = std::str::from_utf8(&digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        revision.map(|revision| revision.max(1)).ok_or_else(|| self.malformed())
    }

    pub(super) fn tombstone(&mut self) -> Answered<Tombstone> {
        Tombstone::decode(&self.bytes()?).ok_or_else(|| self.malformed())
    }
}

/// A revision as the scripts compare it.
pub(super) fn digits(revision: u64) -> String {
    format!("{revision:016x}")
}
