//! The form of GoFrame's `StorageRedis`: one JSON object a session.

use super::{
    Common,
    form::{COMMITTING, CREATING, Change, Form, READING, RENEWING, digits, idle_seconds, interval_millis, snapshot},
    json,
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

/// The session, unless what stands there is none.
fn found(common: &Common, key: &StoreKey, mut answer: Answer, access: &Access) -> Option<Lookup> {
    let (left, revision) = (answer.left()?, answer.revision()?);
    Some(match json::decode(&answer.bytes()?, &common.limits) {
        Ok(entries) => Lookup::Found(Snapshot { revision, ..snapshot(entries, left, access) }),
        Err(error) => {
            tracing::warn!(?key, error = &error as &dyn std::error::Error, "a session of GoFrame's is unreadable");
            Lookup::Absent
        }
    })
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
        let Some([name, trace]) = common.names(key) else { return Ok(Lookup::Absent) };
        let (idle, interval) = (idle_seconds(access).to_string(), interval_millis(access).to_string());
        let (keys, args): ([&[u8]; 2], [&[u8]; 2]) = ([&name, &trace], [idle.as_bytes(), interval.as_bytes()]);
        let mut answer = wire.script(READING, &scripts::STRING_READ, &keys, &args, Nature::Read).await?;
        match answer.case {
            0 => {
                let extended = answer.number().ok_or_else(|| shape(READING))? == 1;
                let lookup = found(common, key, answer, access).ok_or_else(|| shape(READING))?;
                Ok(match lookup {
                    Lookup::Found(snapshot) => Lookup::Found(Snapshot { extended, ..snapshot }),
                    other => other,
                })
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
                3 => match found(common, key, answer, &commit.access).ok_or_else(|| shape(doing))? {
                    Lookup::Found(snapshot) => {
                        base = Some(snapshot);
                        continue;
                    }
                    _ => Change::Gone,
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
