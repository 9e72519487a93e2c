//! The index: the sessions of a principal, so that listing them does not read everybody's ([S16](crate::design#s16)).
//!
//! A sorted set for each principal, named by its [`Tag`], has the keys of the sessions. In a cluster it is on another node than they
//! are, so no script reaches both. Therefore an entry is written before its session, and can be stale, but not missing:
//!
//! - A create, a commit that sets the principal, and a renewal note the session first.
//! - Activity notes it again, each time half of its idle timeout has passed, or half an hour. So entries that got lost come back, and
//!   an entry counts for three idle timeouts and no longer.
//! - What is listed but not there is removed, when its note is so old that no request is still between the two steps.
//! - A mark says that all sessions are noted. Without it, the first listing reads all sessions, and notes those from before.

use std::time::Duration;

use redis::Cmd;

use super::{
    header::{Header, Tag, millis, tag_of},
    script_args::FOREVER,
    scripts::NOTE,
};
use crate::{
    StoreKey, Timestamp,
    record::Snapshot,
    storage::{
        Lookup,
        redis::{
            errors::{Answered, Failure},
            servers::{Effect, Request, Servers},
        },
    },
};

pub(super) const NOTING: &str = "noting a session of a user in Redis";
const SWEEPING: &str = "sweeping the index in Redis";

/// What the names of the sorted sets begin with, after the prefix.
const SETS: &str = "of:";
/// The name of the mark, after the prefix.
const MARK: &str = "indexed";
/// How long activity can go on without noting the session.
const MOST_BETWEEN: Duration = Duration::from_secs(30 * 60);
/// Idle timeouts for which an entry counts. Activity notes the session again after half of one.
const COUNTS_FOR: u32 = 3;

const MINUTE: u64 = 60_000;
/// The largest number of minutes: 26 bits.
pub(super) const LAST_MINUTE: u64 = (1 << 26) - 1;

/// The name of the sorted set of a principal.
pub(super) fn set_of(prefix: &str, tag: Tag) -> Vec<u8> {
    format!("{prefix}{SETS}{:016x}", u64::from_be_bytes(tag)).into_bytes()
}

/// What a key is to the index.
pub(super) enum Part {
    Set,
    Mark,
    None,
}

/// What a key with this name, after the prefix, is.
pub(super) fn part(rest: &[u8]) -> Part {
    match rest {
        rest if rest.starts_with(SETS.as_bytes()) => Part::Set,
        rest if rest == MARK.as_bytes() => Part::Mark,
        _ => Part::None,
    }
}

/// Removes the entries of a sorted set that count no more.
pub(super) async fn sweep_set(servers: &Servers, name: &[u8], now: Timestamp) -> Answered<()> {
    let mut command = Cmd::with_capacity(4, 128);
    command.arg("ZREMRANGEBYSCORE").arg(name).arg("-inf").arg(format!("({}", minutes(now) * (LAST_MINUTE + 1)));
    match servers.ask(Request::command(SWEEPING, name, command, Effect::Repeatable)).await {
        // Something that is not ours has such a name.
        Err(error) if Failure::of(&error).is_some_and(Failure::is_wrong_type) => Ok(()),
        answer => answer.map(drop),
    }
}

pub(super) fn mark_of(prefix: &str) -> Vec<u8> {
    format!("{prefix}{MARK}").into_bytes()
}

pub(super) fn minutes(time: Timestamp) -> u64 {
    (time.as_millis() / MINUTE).min(LAST_MINUTE)
}

/// Until when an entry counts that is noted now, for a session with these deadlines.
pub(super) fn counts_until(idle_timeout: Duration, absolute_deadline: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let idle = now + idle_timeout.saturating_mul(COUNTS_FOR);
    let end = absolute_deadline.map_or(idle, |deadline| idle.min(deadline));
    // Minutes are rounded down, and clocks differ a little.
    end + Duration::from_millis(2 * MINUTE)
}

/// An entry that is to be written: the sorted set, and the arguments of `note.lua`.
pub(super) struct Note {
    pub(super) set: Vec<u8>,
    pub(super) args: [Vec<u8>; 5],
}

impl Note {
    pub(super) fn new(prefix: &str, key: &StoreKey, tag: Tag, until: Timestamp, now: Timestamp) -> Self {
        let number = |number: u64| number.to_string().into_bytes();
        let kept = millis(until.since(now)).min(FOREVER);
        let (until, now) = (number(minutes(until)), number(minutes(now)));
        let args = [key.as_bytes().to_vec(), until, now.clone(), now, number(kept)];
        Self { set: set_of(prefix, tag), args }
    }

    /// Of a session that is stored, or about to be stored, with this header.
    pub(super) fn of(prefix: &str, key: &StoreKey, header: &Header, now: Timestamp) -> Self {
        let until = counts_until(header.idle_timeout, header.absolute_deadline, now);
        Self::new(prefix, key, header.tag, until, now)
    }

    pub(super) async fn write(&self, servers: &Servers) -> Answered<()> {
        let args = self.args.each_ref().map(Vec::as_slice);
        servers.call(NOTING, &NOTE, &[&self.set], &args, Effect::Repeatable).await?;
        Ok(())
    }
}

/// Notes a session that is about to be stored under `key` with this header. Nothing if it has no principal.
pub(super) async fn note(
    prefix: &str,
    servers: &Servers,
    key: &StoreKey,
    header: &Header,
    now: Timestamp,
) -> Answered<()> {
    if header.tag == tag_of(None) { Ok(()) } else { Note::of(prefix, key, header, now).write(servers).await }
}

/// Notes a session again if its activity, which was recorded `before` and now, has passed half of its idle timeout, or half an
/// hour: its idle timeout may have been shorter before.
///
/// Time is divided into halves of the idle timeout, from the creation of the session on. So all processes notice it, although they
/// do not know of each other, and each of them notes a session at most once in each half.
pub(super) async fn keep(prefix: &str, servers: &Servers, key: &StoreKey, before: Option<Timestamp>, header: &Header) {
    let half = (millis(header.idle_timeout) / 2).clamp(1, millis(MOST_BETWEEN));
    let part = |time: Timestamp| millis(time.since(header.created_at)) / half;
    if before.is_some_and(|before| part(before) == part(header.last_seen)) {
        return;
    }
    // The session itself is stored. If this fails, the next half of the idle timeout is in time.
    if let Err(error) = note(prefix, servers, key, header, header.last_seen).await {
        tracing::debug!(
            ?key,
            error = &error as &dyn std::error::Error,
            "a session could not be noted again in the index"
        );
    }
}

/// As [`keep`], after a read that has touched the session, whose header was `before`.
pub(super) async fn keep_read(prefix: &str, servers: &Servers, key: &StoreKey, before: &Header, lookup: &Lookup) {
    let Lookup::Found(Snapshot { record, .. }) = lookup else { return };
    let is_known = before.idle_timeout == record.idle_timeout;
    keep(prefix, servers, key, is_known.then_some(before.last_seen), &before.with_times(record)).await;
}

/// Removes the entry of a session that is gone. If this fails, the entry is stale.
pub(super) async fn forget(prefix: &str, servers: &Servers, key: &StoreKey, tag: Tag) {
    if tag == tag_of(None) {
        return;
    }
    let set = set_of(prefix, tag);
    let mut command = Cmd::with_capacity(3, 128);
    command.arg("ZREM").arg(&set).arg(key.as_bytes());
    if let Err(error) = servers.ask(Request::command(NOTING, &set, command, Effect::Repeatable)).await {
        tracing::debug!(?key, error = &error as &dyn std::error::Error, "an entry could not be removed from the index");
    }
}
