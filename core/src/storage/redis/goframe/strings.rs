//! The format of GoFrame's `StorageRedis`: a JSON object for each session.

use std::time::Duration;

use super::{
    json, scripts,
    session::{
        Namespace, check_commit, check_record, digits, idle_seconds, interval_millis, moved, renewed, snapshot,
        whole_seconds,
    },
    trace::Trace,
    verified,
};
use crate::{
    Changes, KeyScheme, Record, StoreKey, Timestamp,
    record::{Access, Applied, Commit, Entries, Snapshot},
    storage::{
        Created, Found, Lookup, Removed, StorageError, StorageErrorKind, Touched,
        redis::{
            layout::{
                COMMITTING, CREATING, Change, Claim, Format, Layout, LayoutSettings, PREPARED_FOR, READING, RENEWING,
            },
            servers::{Answer, Effect, Request, Servers},
        },
    },
};

/// Attempts to change a session before giving up. An attempt fails if another change was faster.
const ATTEMPTS: usize = 1000;

/// The layout of a storage that shares sessions with GoFrame's `StorageRedis`.
#[derive(Debug)]
pub struct GoStrings {
    namespace: Namespace,
}

/// A value that was verified to be a session.
struct Stored {
    entries: Entries,
    left: Duration,
    revision: u64,
}

impl Stored {
    /// The session in an answer, unless the value is none.
    fn read(namespace: &Namespace, key: &StoreKey, answer: &mut Answer) -> Result<Option<Self>, StorageError> {
        let (left, revision, text) = (answer.left()?, answer.revision()?, answer.bytes()?);
        match json::decode(&text, &namespace.limits) {
            Ok(entries) => Ok(Some(Self { entries, left, revision })),
            Err(error) => {
                tracing::warn!(?key, error = &error as &dyn std::error::Error, "a session of GoFrame's is unreadable");
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

impl GoStrings {
    /// Stores a session for some seconds, unless something exists under the key. All its entries are new, or those that `changes`
    /// has set.
    async fn store(
        &self,
        servers: &Servers,
        key: &StoreKey,
        entries: &Entries,
        changes: Option<&Changes>,
        seconds: u64,
    ) -> Result<Created, StorageError> {
        let [name, trace] = self.namespace.names_to_store(key, CREATING)?;
        let are_new = |key: &str| changes.is_none_or(|changes| changes.get(key).is_some());
        let (value, seconds) = (json::encode(entries, are_new), seconds.to_string());
        let (keys, args): ([&[u8]; 2], [&[u8]; 2]) = ([&name, &trace], [value.as_bytes(), seconds.as_bytes()]);
        let request = Request::script(CREATING, &scripts::STRING_CREATE, &keys, &args, Effect::Once);
        let answer = servers.ask(request).await?.into_answer()?;
        Ok(if answer.case == 0 { Created::Done } else { Created::Exists })
    }
}

impl Format for GoStrings {
    const KEY_SCHEME: KeyScheme = KeyScheme::RawIds;

    fn new(settings: LayoutSettings) -> Result<Self, StorageError> {
        Ok(Self { namespace: Namespace::new(settings)? })
    }

    fn check(&self, commit: &Commit) -> Result<(), StorageError> {
        check_commit(commit)
    }

    fn name(&self, key: &StoreKey) -> Vec<u8> {
        self.namespace.name(key)
    }

    fn name_of_trace(&self, key: &StoreKey) -> Option<Vec<u8>> {
        self.namespace.name_of_trace(key)
    }

    async fn load(
        &self,
        servers: &Servers,
        key: &StoreKey,
        _names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Lookup, StorageError> {
        let Some(names) = self.namespace.names(key) else { return Ok(Lookup::Absent) };
        let [name, trace] = &names;
        let request = Request::script(READING, &scripts::STRING_READ, &[name, trace], &[], Effect::Read);
        let mut answer = servers.ask(request).await?.into_answer()?;
        match answer.case {
            0 => {
                let Some(mut stored) = Stored::read(&self.namespace, key, &mut answer)? else {
                    return Ok(Lookup::Absent);
                };
                let (idle, mut extended) = (idle_seconds(access), false);
                if stored.is_due(idle, interval_millis(access)) {
                    let (touch, revision) = (&scripts::STRING.touch, stored.revision);
                    // If it has changed since, what was read was true then, and the touch is left to the other request.
                    if let Some(mut answer) =
                        verified::touch_as_read(servers, READING, touch, &names, revision, idle).await?
                    {
                        stored.left = answer.left()?;
                        extended = true;
                    }
                }
                Ok(Lookup::Found(Snapshot { extended, ..stored.snapshot(access) }))
            }
            2 => Ok(moved(answer.trace()?, access)),
            _ => Ok(Lookup::Absent),
        }
    }

    async fn change(
        &self,
        servers: &Servers,
        key: &StoreKey,
        to: Option<&StoreKey>,
        commit: &Commit,
    ) -> Result<Change, StorageError> {
        let operation = if to.is_some() { RENEWING } else { COMMITTING };
        let Some(names) = self.namespace.names(key) else { return Ok(Change::Gone) };
        let target = to.and_then(|to| self.namespace.names(to)).map(|[name, _]| name);
        let keys: Vec<&[u8]> = names.iter().chain(&target).map(Vec::as_slice).collect();
        let trace = to.map(|to| Trace { to: *to, at: commit.access.now }.encode()).unwrap_or_default();
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
            let args: [&[u8]; 4] = [revision.as_bytes(), value.as_bytes(), idle.as_bytes(), &trace];
            let request = Request::script(operation, &scripts::STRING_COMMIT, &keys, &args, Effect::Once);
            let mut answer = servers.ask(request).await?.into_answer()?;
            return Ok(match answer.case {
                0 => {
                    let (left, revision) = (answer.left()?, answer.revision()?);
                    // If others have changed the session since the request read it, the request does not know it as it is now.
                    let is_known = base.map(|base| base.revision) == commit.base.as_ref().map(|base| base.revision);
                    Change::Done { expires_at: commit.access.now + left, revision: if is_known { revision } else { 0 } }
                }
                1 => Change::Gone,
                2 => renewed(answer.trace()?, to),
                3 => match Stored::read(&self.namespace, key, &mut answer)? {
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

impl Layout for GoStrings {
    const REPLACES_PREPARED: bool = false;

    async fn create(
        &self,
        servers: &Servers,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> Result<Created, StorageError> {
        check_record(record)?;
        self.namespace.limits.check_record(record).map_err(|limit| StorageError::limit(limit, CREATING))?;
        let seconds = whole_seconds(record.expires_at().since(now));
        self.store(servers, key, &record.entries, None, seconds).await
    }

    /// Whatever has happened to the session, the next read tells.
    async fn claim(
        &self,
        servers: &Servers,
        from: &StoreKey,
        revision: u64,
        to: &StoreKey,
        commit: &Commit,
    ) -> Result<Claim, StorageError> {
        let [name, trace_name] = self.namespace.names_to_store(from, RENEWING)?;
        let trace = Trace { to: *to, at: commit.access.now }.encode();
        let (keys, revision): ([&[u8]; 2], _) = ([&name, &trace_name], digits(revision));
        let args: [&[u8]; 4] = [revision.as_bytes(), b"", b"0", &trace];
        let request = Request::script(RENEWING, &scripts::STRING_COMMIT, &keys, &args, Effect::Repeatable);
        let answer = servers.ask(request).await?.into_answer()?;
        Ok(if answer.case == 0 { Claim::Done } else { Claim::Changed })
    }

    async fn touch(&self, servers: &Servers, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        verified::touch(&self.namespace, &scripts::STRING, servers, key, access).await
    }

    async fn remove(&self, servers: &Servers, key: &StoreKey) -> Result<Removed, StorageError> {
        verified::remove(&self.namespace, &scripts::STRING, servers, key).await
    }

    async fn find(&self, _servers: &Servers, _principal: &str, _now: Timestamp) -> Result<Vec<Found>, StorageError> {
        Err(StorageError::unsupported("listing the sessions of a principal in GoFrame's format"))
    }

    /// GoFrame could see the prepared session, but nobody knows its id yet.
    async fn prepare(
        &self,
        servers: &Servers,
        to: &StoreKey,
        record: &Record,
        commit: &Commit,
    ) -> Result<Created, StorageError> {
        self.store(servers, to, &record.entries, Some(&commit.changes), PREPARED_FOR.as_secs()).await
    }

    async fn activate(
        &self,
        servers: &Servers,
        to: &StoreKey,
        access: &Access,
    ) -> Result<Option<Timestamp>, StorageError> {
        verified::activate(&self.namespace, &scripts::STRING, servers, to, access).await
    }

    async fn was_moved_to(
        &self,
        servers: &Servers,
        from: &StoreKey,
        to: &StoreKey,
        _commit: &Commit,
    ) -> Result<bool, StorageError> {
        verified::was_moved_to(&self.namespace, &scripts::STRING, servers, from, to).await
    }
}
