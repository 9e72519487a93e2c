//! The form of GoFrame's `StorageRedis`: one JSON object a session.

use std::time::Duration;

use super::{
    Common,
    form::{COMMITTING, CREATING, Change, Form, READING, RENEWING, digits, idle_seconds, interval_millis, snapshot},
    json,
    judged::touch_as_read,
    scripts::{self, Scripts},
    trace::Trace,
};
use crate::{
    Changes, StoreKey,
    record::{Access, Applied, Commit, Entries, Snapshot},
    storage::{
        FORWARD_FOR, Lookup, StorageError, StorageErrorKind,
        redis::{
            server::Dialer,
            wire::{Answer, Nature, Wire, shape},
        },
    },
};

/// Tries to change a session before giving up: each lost one means that another change was faster.
const TRIES: usize = 1000;

/// The form.
#[derive(Debug)]
pub(in crate::storage::redis) struct GoStrings;

/// What stands under a key and was judged to be a session.
struct Stored {
    entries: Entries,
    left: Duration,
    revision: u64,
}

impl Stored {
    /// The session, unless what stands there is none.
    fn read(
        common: &Common,
        key: &StoreKey,
        answer: &mut Answer,
        doing: &'static str,
    ) -> Result<Option<Self>, StorageError> {
        let (left, revision, text) = (answer.left(), answer.revision(), answer.bytes());
        let (Some(left), Some(revision), Some(text)) = (left, revision, text) else { return Err(shape(doing)) };
        match json::decode(&text, &common.limits) {
            Ok(entries) => Ok(Some(Self { entries, left, revision })),
            Err(error) => {
                tracing::warn!(?key, error = &error as &dyn std::error::Error, "a session of GoFrame's is unreadable");
                Ok(None)
            }
        }
    }

    /// Whether it is time to push its end forward.
    fn is_due(&self, idle: u64, interval: u64) -> bool {
        let left = u64::try_from(self.left.as_millis()).unwrap_or(u64::MAX);
        idle > 0 && (idle * 1000).checked_sub(left).is_some_and(|unused| unused >= interval)
    }

    fn snapshot(self, access: &Access) -> Snapshot {
        Snapshot { revision: self.revision, ..snapshot(self.entries, self.left, access) }
    }
}

impl Form for GoStrings {
    fn scripts(&self) -> &'static Scripts {
        &scripts::STRING
    }

    async fn read<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        _names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Lookup, StorageError> {
        let Some(names) = common.names(key) else { return Ok(Lookup::Absent) };
        let [name, trace] = &names;
        let mut answer = wire.script(READING, &scripts::STRING_READ, &[name, trace], &[], Nature::Read).await?;
        match answer.case {
            0 => {
                let Some(mut stored) = Stored::read(common, key, &mut answer, READING)? else {
                    return Ok(Lookup::Absent);
                };
                let (idle, mut extended) = (idle_seconds(access), false);
                if stored.is_due(idle, interval_millis(access)) {
                    let (touch, revision) = (&scripts::STRING.touch, stored.revision);
                    // If it has changed or gone since, what was read was true then, and whoever was faster has the last word.
                    if let Some(mut answer) = touch_as_read(wire, READING, touch, &names, revision, idle).await? {
                        stored.left = answer.left().ok_or_else(|| shape(READING))?;
                        extended = true;
                    }
                }
                Ok(Lookup::Found(Snapshot { extended, ..stored.snapshot(access) }))
            }
            2 => {
                let at = answer.trace(READING)?.at;
                Ok(if access.now < at + FORWARD_FOR { Lookup::Moved(at) } else { Lookup::Absent })
            }
            _ => Ok(Lookup::Absent),
        }
    }

    async fn create<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        entries: &Entries,
        changes: Option<&Changes>,
        seconds: u64,
    ) -> Result<bool, StorageError> {
        let Some([name, trace]) = common.names(key) else { return Err(no_raw_id(CREATING)) };
        let are_new = |key: &str| changes.is_none_or(|changes| changes.get(key).is_some());
        let (value, seconds) = (json::encode(entries, are_new), seconds.to_string());
        let (keys, args): ([&[u8]; 2], [&[u8]; 2]) = ([&name, &trace], [value.as_bytes(), seconds.as_bytes()]);
        Ok(wire.script(CREATING, &scripts::STRING_CREATE, &keys, &args, Nature::Once).await?.case == 0)
    }

    async fn change<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        to: Option<&StoreKey>,
        commit: &Commit,
    ) -> Result<Change, StorageError> {
        let doing = if to.is_some() { RENEWING } else { COMMITTING };
        let Some(names) = common.names(key) else { return Ok(Change::Gone) };
        let target = to.and_then(|to| common.names(to)).map(|[name, _]| name);
        let keys: Vec<&[u8]> = names.iter().chain(&target).map(Vec::as_slice).collect();
        let trace = to.map(|to| Trace { to: *to, at: commit.access.now }.encode()).unwrap_or_default();
        let idle = idle_seconds(&commit.access).to_string();
        // What the request has read may be out of date: then only what the server hands back counts. Without a session to
        // start from, none has this revision, and the answer brings it.
        let begin = commit.base.as_ref().filter(|base| base.complete && base.revision != 0);
        let mut base = begin.filter(|base| matches!(base.record.apply(commit), Ok(Applied::Changed(_)))).cloned();
        for _ in 0..TRIES {
            let (revision, value) = match &base {
                None => (String::new(), String::new()),
                Some(base) => match base.record.apply(commit).map_err(|limit| StorageError::limit(limit, doing))? {
                    Applied::Changed(record) => {
                        let is_new = |key: &str| commit.changes.get(key).is_some();
                        (digits(base.revision), json::encode(&record.entries, is_new))
                    }
                    Applied::Expired => return Ok(Change::Gone),
                    Applied::Conflict(current) => return Ok(Change::Conflict(current)),
                },
            };
            let args: [&[u8]; 4] = [revision.as_bytes(), value.as_bytes(), idle.as_bytes(), &trace];
            let mut answer = wire.script(doing, &scripts::STRING_COMMIT, &keys, &args, Nature::Once).await?;
            return Ok(match answer.case {
                0 => {
                    let left = answer.left().ok_or_else(|| shape(doing))?;
                    let revision = answer.revision().ok_or_else(|| shape(doing))?;
                    // If somebody else has changed the session since the request read it, it does not know what it is now.
                    let is_known = base.map(|base| base.revision) == commit.base.as_ref().map(|base| base.revision);
                    Change::Done { left, revision: if is_known { revision } else { 0 } }
                }
                1 => Change::Gone,
                2 => Change::Moved(answer.trace(doing)?),
                3 => match Stored::read(common, key, &mut answer, doing)? {
                    Some(stored) => {
                        base = Some(stored.snapshot(&commit.access));
                        continue;
                    }
                    None => Change::Gone,
                },
                6 => Change::Taken,
                _ => return Err(shape(doing)),
            });
        }
        Err(StorageError::new(StorageErrorKind::Other, "changing a session that others keep changing"))
    }

    async fn claim<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        revision: u64,
        trace: &Trace,
    ) -> Result<Answer, StorageError> {
        let Some([name, trace_name]) = common.names(key) else { return Err(no_raw_id(RENEWING)) };
        let (keys, revision, trace): ([&[u8]; 2], _, _) = ([&name, &trace_name], digits(revision), trace.encode());
        let args: [&[u8]; 4] = [revision.as_bytes(), b"", b"0", &trace];
        wire.script(RENEWING, &scripts::STRING_COMMIT, &keys, &args, Nature::Repeatable).await
    }
}

/// A key that is the hash of an id, which GoFrame's format has no place for.
pub(super) fn no_raw_id(doing: &'static str) -> StorageError {
    StorageError::new(StorageErrorKind::Setup, doing)
}
