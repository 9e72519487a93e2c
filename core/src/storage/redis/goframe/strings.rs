//! The format of GoFrame's `StorageRedis`: a JSON object for each session.

use std::time::Duration;

use redis::Cmd;

use super::{
    count::first_bytes,
    format::{GoFormat, GoFrame},
    json,
    scripts::{self, Scripts},
    session::{digits, idle_seconds, interval_millis, moved, renewed, snapshot},
    tombstone::Tombstone,
};
use crate::{
    Changes, Limits, StoreKey,
    record::{Access, Applied, Commit, Entries, Snapshot},
    storage::{
        Created, Lookup, StorageError, StorageErrorKind,
        redis::{
            errors::Answered,
            layout::{COMMITTING, CREATING, Change, Format, LayoutSettings, Names, READING, RENEWING},
            servers::{Answer, Effect, Servers},
        },
    },
};

/// Attempts to change a session before giving up. An attempt fails if another change was faster.
const ATTEMPTS: usize = 1000;

/// A JSON object for each session.
#[derive(Debug)]
pub struct Json;

/// The layout of a storage that shares sessions with GoFrame's `StorageRedis`.
pub type GoStrings = GoFrame<Json>;

/// A value that was verified to be a session.
struct Stored {
    entries: Entries,
    left: Duration,
    revision: u64,
}

impl Stored {
    /// The session in an answer; `None` if the value is not one.
    fn read(limits: &Limits, key: &StoreKey, answer: &mut Answer) -> Answered<Option<Self>> {
        let (left, revision, text) = (answer.left()?, answer.revision()?, answer.bytes()?);
        match json::decode(&text, limits) {
            Ok(entries) => Ok(Some(Self { entries, left, revision })),
            Err(error) => {
                tracing::warn!(?key, error = &error as &dyn std::error::Error, "a GoFrame session is unreadable");
                Ok(None)
            }
        }
    }

    /// Whether the session has to be extended.
    fn is_due(&self, idle: u64, interval: u64) -> bool {
        let left = u64::try_from(self.left.as_millis()).unwrap_or(u64::MAX);
        idle > 0 && (idle * 1000).checked_sub(left).is_some_and(|unused| unused >= interval)
    }

    fn snapshot(self, access: &Access) -> Snapshot {
        Snapshot { revision: self.revision, ..snapshot(self.entries, self.left, access) }
    }
}

impl Format for GoStrings {
    fn new(settings: LayoutSettings) -> Answered<Self> {
        Self::with(settings)
    }

    async fn load(&self, servers: &Servers, key: &StoreKey, _names: Names<'_>, access: &Access) -> Answered<Lookup> {
        let Some(names) = self.names(key) else { return Ok(Lookup::Absent) };
        let [name, tombstone] = &names;
        let mut answer = servers.call(READING, &scripts::STRING_READ, &[name, tombstone], &[], Effect::Read).await?;
        match answer.case {
            0 => {
                let Some(mut stored) = Stored::read(&self.limits, key, &mut answer)? else {
                    return Ok(Lookup::Absent);
                };
                let (idle, mut extended) = (idle_seconds(access), false);
                if stored.is_due(idle, interval_millis(access)) {
                    // If it has changed since, what was read was true then, and the touch is left to the other request.
                    let (revision, idle) = (digits(stored.revision), idle.to_string());
                    let args: [&[u8]; 2] = [revision.as_bytes(), idle.as_bytes()];
                    let mut answer =
                        servers.call(READING, &scripts::STRING.touch, &[name, tombstone], &args, Effect::Read).await?;
                    if answer.case == 0 {
                        stored.left = answer.left()?;
                        extended = true;
                    }
                }
                Ok(Lookup::Found(Snapshot { extended, ..stored.snapshot(access) }))
            }
            2 => Ok(moved(answer.tombstone()?, access)),
            _ => Ok(Lookup::Absent),
        }
    }

    async fn change(
        &self,
        servers: &Servers,
        key: &StoreKey,
        to: Option<&StoreKey>,
        commit: &Commit,
    ) -> Answered<Change> {
        let operation = if to.is_some() { RENEWING } else { COMMITTING };
        let Some(names) = self.names(key) else { return Ok(Change::Gone) };
        let target = to.and_then(|to| self.names(to)).map(|[name, _]| name);
        let keys: Vec<&[u8]> = names.iter().chain(&target).map(Vec::as_slice).collect();
        let tombstone = to.map(|to| Tombstone { to: *to, at: commit.access.now }.encode()).unwrap_or_default();
        let idle = idle_seconds(&commit.access).to_string();
        // What the request has read may be out of date: then what the server returns counts. Without a session to start from, the
        // revision is empty, which no session has, and the answer contains the session.
        let begin = commit.base.as_ref().filter(|base| base.complete && base.revision != 0);
        let mut base = begin.filter(|base| matches!(base.record.apply(commit), Ok(Applied::Changed(_)))).cloned();
        for _ in 0..ATTEMPTS {
            let (revision, value) = match &base {
                None => (String::new(), String::new()),
                Some(base) => match base.record.apply(commit).map_err(|limit| StorageError::limit(limit, operation))? {
                    Applied::Changed(record) => {
                        let is_new = |key: &str| commit.changes.get(key).is_some();
                        (digits(base.revision), json::encode(&record.entries, is_new))
                    }
                    Applied::Expired => return Ok(Change::Gone),
                    Applied::Conflict(current) => return Ok(Change::Conflict(current)),
                },
            };
            let args: [&[u8]; 4] = [revision.as_bytes(), value.as_bytes(), idle.as_bytes(), &tombstone];
            let mut answer = servers.call(operation, &scripts::STRING_COMMIT, &keys, &args, Effect::Once).await?;
            return Ok(match answer.case {
                0 => {
                    let (left, revision) = (answer.left()?, answer.revision()?);
                    // If others have changed the session since the request read it, the request does not know it as it is now.
                    let is_known = base.map(|base| base.revision) == commit.base.as_ref().map(|base| base.revision);
                    let revision = if is_known { revision } else { 0 };
                    Change::Done { expires_at: commit.access.now + left, is_remembered: false, revision }
                }
                1 => Change::Gone,
                2 => renewed(answer.tombstone()?, to),
                3 => match Stored::read(&self.limits, key, &mut answer)? {
                    Some(stored) => {
                        base = Some(stored.snapshot(&commit.access));
                        continue;
                    }
                    None => Change::Gone,
                },
                6 => Change::Taken,
                _ => return Err(answer.malformed()),
            });
        }
        Err(StorageError::new(StorageErrorKind::Other, "changing a session that others keep changing"))
    }
}

impl GoFormat for GoStrings {
    const TYPE: &'static str = "string";

    fn scripts() -> &'static Scripts {
        &scripts::STRING
    }

    fn read_beginning(name: &[u8]) -> Option<Cmd> {
        Some(first_bytes(name))
    }

    async fn store(
        &self,
        servers: &Servers,
        key: &StoreKey,
        entries: &Entries,
        changes: Option<&Changes>,
        seconds: u64,
    ) -> Answered<Created> {
        let [name, tombstone] = self.names_to_store(key, CREATING)?;
        let are_new = |key: &str| changes.is_none_or(|changes| changes.get(key).is_some());
        let (value, seconds) = (json::encode(entries, are_new), seconds.to_string());
        let (keys, args): ([&[u8]; 2], [&[u8]; 2]) = ([&name, &tombstone], [value.as_bytes(), seconds.as_bytes()]);
        let answer = servers.call(CREATING, &scripts::STRING_CREATE, &keys, &args, Effect::Once).await?;
        Ok(if answer.case == 0 { Created::Done } else { Created::Exists })
    }

    async fn leave_tombstone(
        servers: &Servers,
        names: &[&[u8]; 2],
        revision: &[u8],
        tombstone: &[u8],
    ) -> Answered<Answer> {
        servers
            .call(RENEWING, &scripts::STRING_COMMIT, names, &[revision, b"", b"0", tombstone], Effect::Repeatable)
            .await
    }
}
