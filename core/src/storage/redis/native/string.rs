//! The key-value layout: one string a session.
//!
//! ```text
//! header (62 bytes) | the record, as the codec writes it | changes | changes | …
//! ```
//!
//! A commit appends what the request did, so it needs to know nothing of the session. When the log of changes has become
//! as long as the rest, or the session may have reached a limit, the server hands the value back instead; it is put
//! together here and written as a whole, if it still is the same.

use std::sync::Arc;

use redis::{Cmd, Value};

use super::{
    Common,
    body::{Body, COMMITTING, CREATING, Change, READING, RENEWING, not_a_session},
    header::{Head, Header, Kind, LEN, LONGEST_TRACE, encode_trace, tag_of},
    packed::{self, PREPARED_FOR, bound},
    scripts::{STRING, Scripts},
};
use crate::{
    BincodeCodec, Codec, CodecError, Limits, Record, StoreKey, Timestamp,
    record::{Access, Applied, Commit, JsonText, Snapshot, replay},
    storage::{
        Created, FORWARD_FOR, Lookup, StorageError, StorageErrorKind, Trace,
        redis::{
            server::Dialer,
            wire::{Answer, Nature, Wire, shape},
        },
    },
};

/// Tries to put a session together before giving up: each lost one means that another commit was faster.
const TRIES: usize = 1000;

/// Sessions of so many bytes are written as a whole after they were read.
const SHORT: usize = 1024;

/// The key-value layout.
#[derive(Debug)]
pub(in crate::storage::redis) struct Strings {
    codec: Arc<dyn Codec>,
    /// Whether changes may be appended as they are: not if another codec, which may encrypt, has to see all that is stored.
    appends: bool,
}

/// A stored session, read.
struct Stored {
    header: Header,
    record: Record,
}

impl Strings {
    pub(in crate::storage::redis) fn new(codec: Option<Arc<dyn Codec>>) -> Self {
        Self { appends: codec.is_none(), codec: codec.unwrap_or_else(|| Arc::new(BincodeCodec)) }
    }

    fn encode(
        &self,
        limits: &Limits,
        record: &Record,
        revision: u64,
        kind: Kind,
        doing: &'static str,
    ) -> Result<Vec<u8>, StorageError> {
        limits.check_record(record).map_err(|limit| StorageError::limit(limit, doing))?;
        let failed = |error: CodecError| StorageError::new(StorageErrorKind::Other, doing).with_source(error);
        let body = self.codec.encode(record).map_err(failed)?;
        let mut header = Header::of(record, revision, kind);
        header.log = u32::try_from(LEN + body.len()).map_err(|_| StorageError::new(StorageErrorKind::Full, doing))?;
        let mut value = Vec::with_capacity(LEN + body.len());
        value.extend_from_slice(&header.encode());
        value.extend_from_slice(&body);
        Ok(value)
    }

    /// Reads a session's value, behind its header.
    fn decode(&self, limits: &Limits, header: Header, value: &[u8]) -> Result<Stored, CodecError> {
        const CUT: CodecError = CodecError::Malformed { reason: "cut short" };
        let log = header.log as usize;
        let read = self.codec.decode(value.get(LEN..log).ok_or(CUT)?, limits)?;
        let log = value.get(log..).ok_or(CUT)?;
        let (entries, principal) = replay(log, &read.entries, read.principal, limits)?;
        Ok(Stored { header, record: header.record(principal, entries) })
    }

    /// The whole session after this commit, if it is short and was read; otherwise nothing.
    fn as_a_whole(
        &self,
        common: &Common,
        limits: &Limits,
        commit: &Commit,
        revision: u64,
    ) -> Result<Vec<u8>, StorageError> {
        let Some(base) = &commit.base else { return Ok(Vec::new()) };
        let bytes = base.record.entries.text_bytes() + commit.changes.edit_bytes();
        if !base.complete || base.revision == 0 || bytes > SHORT {
            return Ok(Vec::new());
        }
        // What was read may be out of date, so only the server says that something does not work out.
        match base.record.apply(&Commit { limits: *limits, ..commit.clone() }) {
            Ok(Applied::Changed(record)) => self.encode(&common.limits, &record, revision, Kind::Session, COMMITTING),
            _ => Ok(Vec::new()),
        }
    }

    /// Says what stands there, as far as it is anybody's business.
    fn look_up(&self, limits: &Limits, key: &StoreKey, value: &[u8], access: &Access) -> Result<Stored, Lookup> {
        match Head::decode(value) {
            Some(Head::Trace(Trace { at, .. })) if access.now < at + FORWARD_FOR => Err(Lookup::Moved(at)),
            Some(Head::Trace(_)) => Err(Lookup::Absent),
            Some(Head::Session(header)) if header.kind == Kind::Prepared => Err(Lookup::Absent),
            Some(Head::Session(header)) => match self.decode(limits, header, value) {
                Ok(stored) if access.has_ended(&stored.record, stored.record.last_seen) => Err(Lookup::Absent),
                Ok(stored) => Ok(stored),
                Err(error) => {
                    warn_unreadable(key, &error);
                    Err(Lookup::Absent)
                }
            },
            None => {
                tracing::warn!(?key, "what Redis holds in the place of a session is none");
                Err(Lookup::Absent)
            }
        }
    }

    /// What the script of a change answered.
    fn changed(&self, common: &Common, key: &StoreKey, mut answer: Answer, read: u64, revision: u64) -> Option<Change> {
        Some(match answer.case {
            0 => {
                let header = answer.header()?;
                // If somebody else has changed the session since the request read it, the request does not know what it is now.
                let is_known = answer.bytes()? == read.to_le_bytes();
                // The server appends without reading, so a request that has not read the session either learns only now.
                if answer.bytes().is_some_and(|before| !self.is_readable(common, key, &before)) {
                    return Some(Change::Unreadable);
                }
                Change::Done { header, revision: if is_known { revision } else { 0 } }
            }
            1 => Change::Gone,
            2 => Change::Moved(answer.time()?),
            6 => Change::Taken,
            _ => return None,
        })
    }

    /// Whether a value with the header of a session is one.
    fn is_readable(&self, common: &Common, key: &StoreKey, value: &[u8]) -> bool {
        let Some(Head::Session(header)) = Head::decode(value) else { return false };
        match self.decode(&common.limits, header, value) {
            Ok(_) => true,
            Err(error) => {
                warn_unreadable(key, &error);
                false
            }
        }
    }

    fn found(&self, common: &Common, key: &StoreKey, value: &[u8], extended: bool, access: &Access) -> Lookup {
        match self.look_up(&common.limits, key, value, access) {
            Ok(Stored { header, mut record }) => {
                if extended {
                    record.extend(access);
                }
                common.recent.note(key, record.last_seen);
                Lookup::Found(Snapshot { extended, revision: header.revision, ..Snapshot::complete(record) })
            }
            Err(lookup) => lookup,
        }
    }
}

fn warn_unreadable(key: &StoreKey, error: &CodecError) {
    tracing::warn!(?key, error = error as &dyn std::error::Error, "a session in Redis is unreadable");
}

/// Whether the condition of a commit, if it has one, holds on what was read.
fn holds(commit: &Commit, base: &Snapshot) -> bool {
    commit.expect.as_ref().is_none_or(|expect| {
        let held = base.record.entries.get(&expect.key);
        base.complete && held.as_ref().map(JsonText::as_bytes) == expect.json.as_ref().map(JsonText::as_bytes)
    })
}

impl Body for Strings {
    fn scripts(&self) -> &'static Scripts {
        &STRING
    }

    fn head(&self, name: &[u8]) -> Cmd {
        let mut command = Cmd::with_capacity(4, 96);
        command.arg("GETRANGE").arg(name).arg(0).arg(LEN - 1);
        command
    }

    fn trace(&self, name: &[u8]) -> Cmd {
        let mut command = Cmd::with_capacity(4, 96);
        command.arg("GETRANGE").arg(name).arg(0).arg(LONGEST_TRACE - 1);
        command
    }

    fn plain(&self, name: &[u8], _names: Option<&[&str]>) -> Cmd {
        let mut command = Cmd::with_capacity(2, 96);
        command.arg("GET").arg(name);
        command
    }

    fn understood(
        &self,
        common: &Common,
        key: &StoreKey,
        reply: Value,
        _names: Option<&[&str]>,
        access: &Access,
    ) -> Lookup {
        match reply {
            Value::Nil => Lookup::Absent,
            Value::BulkString(value) => self.found(common, key, &value, false, access),
            _ => not_a_session(key),
        }
    }

    async fn read<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        _names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Lookup, StorageError> {
        let (name, packed) = (common.name(key), packed::access(access));
        let mut answer = wire.script(READING, &STRING.read, &[&name], &[&packed], Nature::Read).await?;
        match answer.case {
            0 => Ok(Lookup::Absent),
            1 => {
                let extended = answer.number().ok_or_else(|| shape(READING))? == 1;
                let value = answer.bytes().ok_or_else(|| shape(READING))?;
                Ok(self.found(common, key, &value, extended, access))
            }
            _ => Ok(not_a_session(key)),
        }
    }

    async fn create<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        record: &Record,
        kind: Kind,
        now: Timestamp,
    ) -> Result<Created, StorageError> {
        let name = common.name(key);
        let value = self.encode(&common.limits, record, common.revisions.next(), kind, CREATING)?;
        let (replaceable, expiry) = match kind {
            Kind::Session => (&b""[..], packed::expiry(record, now)),
            Kind::Prepared => (&b"P"[..], PREPARED_FOR.as_millis() as u64),
        };
        let mut command = Cmd::with_capacity(6, 128 + value.len());
        command.arg("SET").arg(&name).arg(&value).arg("NX").arg("PX").arg(expiry);
        match wire.command(CREATING, &name, command, Nature::Once).await? {
            Value::Okay => return Ok(Created::Done),
            Value::Nil => {}
            _ => return Err(shape(CREATING)),
        }
        // Something is there; if it has ended, its place is free.
        let access = packed::access(&Access::passive(now));
        let expiry = expiry.to_string();
        let args: [&[u8]; 4] = [&access, &value, replaceable, expiry.as_bytes()];
        let answer = wire.script(CREATING, &STRING.create, &[&name], &args, Nature::Once).await?;
        Ok(if answer.case == 0 { Created::Done } else { Created::Exists })
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
        let limits = commit.limits.and(&common.limits);
        let over = |limit| StorageError::limit(limit, doing);
        limits.check_changes(&commit.changes).map_err(over)?;
        let (name, target) = (common.name(key), to.map(|to| common.name(to)));
        let both_keys: [&[u8]; 2] = [&name, target.as_deref().unwrap_or_default()];
        let keys = if to.is_some() { &both_keys[..] } else { &both_keys[..1] };
        let trace = to.map(|to| encode_trace(&Trace::new(*to, commit.access.now, commit.sealed.clone())));
        let trace = trace.as_ref().map_or(&[][..], |trace| &trace[..]);
        let access = packed::access(&commit.access);
        let revision = common.revisions.next();

        // A condition on an entry is known to hold if it held when the session was read, and the session still is the same.
        let read = commit.base.as_ref().map_or(0, |base| base.revision);
        let known = if commit.base.as_ref().is_some_and(|base| holds(commit, base)) { read } else { 0 };
        // A short session that was read is written as a whole, if it still is what was read: then the log stays short.
        let whole = self.as_a_whole(common, &limits, commit, revision)?;
        let mut frame = Vec::new();
        // Another codec may encrypt: then the server must not even see what is not stored in the end.
        if self.appends && !commit.changes.is_empty() {
            let failed = |error: CodecError| StorageError::new(StorageErrorKind::Other, doing).with_source(error);
            commit.changes.encode(&mut frame).map_err(failed)?;
        }
        let mut costs = [0; 17];
        costs[0] = u8::from(self.appends);
        costs[1..5].copy_from_slice(&bound(commit.changes.edit_count()));
        costs[5..9].copy_from_slice(&bound(commit.changes.edit_bytes()));
        costs[9..13].copy_from_slice(&bound(limits.max_entries));
        costs[13..17].copy_from_slice(&bound(limits.max_record_bytes));
        let tag = commit.changes.principal().map(tag_of);
        let tag = tag.as_ref().map_or(&[][..], |tag| &tag[..]);
        let must_be = if commit.expect.is_some() { b"1" } else { b"0" };
        let (known, next) = (known.to_le_bytes(), revision.to_le_bytes());
        let args: [&[u8]; 9] = [&access, &known, &next, &frame, &costs, tag, trace, &whole, must_be];
        let mut answer = wire.script(doing, &STRING.commit, keys, &args, Nature::Once).await?;

        for _ in 0..TRIES {
            if answer.case != 3 {
                return self.changed(common, key, answer, read, revision).ok_or_else(|| shape(doing));
            }
            let value = answer.bytes().ok_or_else(|| shape(doing))?;
            let stored = match self.look_up(&common.limits, key, &value, &commit.access) {
                Ok(stored) => stored,
                Err(Lookup::Moved(at)) => return Ok(Change::Moved(at)),
                Err(_) => return Ok(Change::Gone),
            };
            let limited = Commit { limits, ..commit.clone() };
            let record = match stored.record.apply(&limited).map_err(over)? {
                Applied::Changed(record) => record,
                Applied::Expired => return Ok(Change::Gone),
                Applied::Conflict(current) => return Ok(Change::Conflict(current)),
            };
            let revision = common.revisions.next();
            let value = self.encode(&common.limits, &record, revision, Kind::Session, doing)?;
            let (known, next) = (stored.header.revision.to_le_bytes(), revision.to_le_bytes());
            let args: [&[u8]; 9] = [&access, &known, &next, &[], &costs, &[], trace, &value, b"1"];
            let again = wire.script(doing, &STRING.commit, keys, &args, Nature::Once).await?;
            if again.case != 3 {
                return self.changed(common, key, again, read, revision).ok_or_else(|| shape(doing));
            }
            answer = again;
        }
        Err(StorageError::new(StorageErrorKind::Other, "changing a session that others keep changing"))
    }
}
