//! What one form of value has to bring along.

use std::{future::Future, time::Duration};

use super::{Common, scripts::Scripts, trace::Trace};
use crate::{
    Changes, Record, StoreKey, Timestamp,
    record::{Access, Commit, Entries, JsonText, Snapshot},
    storage::{
        Lookup, StorageError,
        redis::{
            server::Dialer,
            wire::{Answer, Wire, shape},
        },
    },
};

pub(super) const READING: &str = "reading a session of GoFrame's from Redis";
pub(super) const CREATING: &str = "storing a new session of GoFrame's in Redis";
pub(super) const COMMITTING: &str = "changing a session of GoFrame's in Redis";
pub(super) const RENEWING: &str = "renewing a session of GoFrame's in Redis";
/// A hundred years in seconds: what Redis can count, and nobody lives to see. As `FOREVER` in `common.lua`.
pub(super) const FOREVER: u64 = 3_155_760_000;

/// A form of value: a JSON text or a hash.
pub(super) trait Form: Send + Sync + 'static {
    /// The scripts that do not depend on what a session holds.
    fn scripts(&self) -> &'static Scripts;

    /// Reads a session and touches it if that is due.
    fn read<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> impl Future<Output = Result<Lookup, StorageError>> + Send;

    /// Stores a session for some seconds, unless there is something; whether it did. All its entries are new, or those that
    /// `changes` has set.
    fn create<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        entries: &Entries,
        changes: Option<&Changes>,
        seconds: u64,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Changes a session, and moves it if `to` is given, which has to lie on the same node.
    fn change<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        to: Option<&StoreKey>,
        commit: &Commit,
    ) -> impl Future<Output = Result<Change, StorageError>> + Send;

    /// Removes a session of this revision and leaves a trace: {0} done, {1} gone, {2, trace} renewed, {3} changed.
    fn claim<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        revision: u64,
        trace: &Trace,
    ) -> impl Future<Output = Result<Answer, StorageError>> + Send;
}

/// What a change came to.
pub(super) enum Change {
    Done { left: Duration, revision: u64 },
    Gone,
    Moved(Trace),
    Conflict(Option<JsonText>),
    Taken,
}

/// A lifetime in whole seconds, as GoFrame counts them and Redis takes them; at least one.
pub(super) fn whole_seconds(lifetime: Duration) -> u64 {
    lifetime.as_secs().clamp(1, FOREVER)
}

/// The seconds for which a session lives without use. 0 if it is not extended.
pub(super) fn idle_seconds(access: &Access) -> u64 {
    access.extend.as_ref().map_or(0, |extend| whole_seconds(extend.idle_timeout))
}

pub(super) fn interval_millis(access: &Access) -> u64 {
    let interval = access.extend.as_ref().map_or(Duration::ZERO, |extend| extend.interval);
    u64::try_from(interval.as_millis()).unwrap_or(u64::MAX)
}

/// A session as far as GoFrame keeps it. When it was created is not known, so it counts as created when it was last seen.
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
    /// The milliseconds that a session has left.
    pub(super) fn left(&mut self) -> Option<Duration> {
        // A session that another program has left without an end, and that is not extended now, ends some time.
        Some(u64::try_from(self.number()?).map_or(Duration::from_secs(1), Duration::from_millis))
    }

    /// A revision; 0 for none.
    pub(super) fn revision(&mut self) -> Option<u64> {
        let digits = self.bytes()?;
        if digits.is_empty() {
            return Some(0);
        }
        u64::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok().map(|revision| revision.max(1))
    }

    pub(super) fn trace(&mut self, doing: &'static str) -> Result<Trace, StorageError> {
        self.bytes().and_then(|bytes| Trace::decode(&bytes)).ok_or_else(|| shape(doing))
    }
}

/// A revision as the scripts compare it.
pub(super) fn digits(revision: u64) -> String {
    format!("{revision:016x}")
}
