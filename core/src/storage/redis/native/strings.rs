//! The string layout: a string for each session.
//!
//! ```text
//! header (62 bytes) | the record, as the codec writes it | changes | changes | …
//! ```
//!
//! A commit appends what the request did, so it need not read the session. When the log of changes has become as long as the
//! rest, or the session may have reached a limit, the server returns the value instead. The session is then rebuilt here, and
//! written if it has not changed.

use std::sync::Arc;

use redis::{Cmd, Value};

use super::{
    context::Context,
    format::{Native, or_wrong_type, wrong_type},
    header::{Kind, LEN, LONGEST_TOMBSTONE, encode_tombstone, tag_of},
    script_args::{self, bound},
    scripts::{STRING, Scripts},
    string_value::{Stored, StringValues},
};
use crate::{
    BincodeCodec, CodecError, Limits, Record, StoreKey, Timestamp,
    record::{Access, Applied, Commit, JsonText, Snapshot},
    storage::{
        Created, Lookup, StorageError, StorageErrorKind, Tombstone,
        redis::{
            errors::Answered,
            layout::{COMMITTING, CREATING, Change, Format, LayoutSettings, Names, READING, RENEWING},
            servers::{Answer, Effect, Request, Servers, malformed},
        },
    },
};

/// Attempts to rebuild a session before giving up. An attempt fails if another commit was faster.
const ATTEMPTS: usize = 1000;

/// Sessions of up to this many bytes are written as a whole after they were read.
const SHORT: usize = 1024;

/// The layout of [`RedisStorage`](super::super::RedisStorage): a string for each session.
#[derive(Debug)]
pub struct Strings {
    context: Context,
    values: StringValues,
    /// Whether changes may be appended as they are. A codec of the application, which may encrypt, has to see all that is stored.
    appends: bool,
}

impl Strings {
    /// The whole session after this commit, if it is short and was read. If not, nothing.
    fn as_a_whole(&self, limits: &Limits, commit: &Commit, revision: u64) -> Answered<Vec<u8>> {
        let Some(base) = &commit.base else { return Ok(Vec::new()) };
        let bytes = base.record.entries.text_bytes() + commit.changes.edit_bytes();
        if !base.complete || base.revision == 0 || bytes > SHORT {
            return Ok(Vec::new());
        }
        // What was read may be out of date, so it is the server that refuses a change.
        match base.record.apply(&Commit { limits: *limits, ..commit.clone() }) {
            Ok(Applied::Changed(record)) => self.values.encode(&record, revision, Kind::Session, COMMITTING),
            _ => Ok(Vec::new()),
        }
    }

    /// The result of the script of a change, after which the session is under `key` with this `revision`. `read` is the revision
    /// that the request has read.
    fn changed(&self, key: &StoreKey, mut answer: Answer, read: u64, revision: u64) -> Answered<Change> {
        Ok(match answer.case {
            0 => {
                let header = answer.header()?;
                // If others have changed the session since the request read it, the request does not know it as it is now.
                let is_known = answer.bytes()? == read.to_le_bytes();
                // The server appends without decoding. A request that has not read the session learns only now if it is readable.
                if answer.optional_bytes().is_some_and(|before| !self.values.is_readable(key, &before)) {
                    return Ok(Change::Unreadable);
                }
                self.context.changed(key, &header, if is_known { revision } else { 0 })
            }
            1 => Change::Gone,
            2 => Change::Renewed(answer.time()?),
            6 => Change::Taken,
            _ => return Err(answer.malformed()),
        })
    }

    fn found(&self, key: &StoreKey, value: &[u8], extended: bool, access: &Access) -> Lookup {
        match self.values.look_up(key, value, access) {
            Ok(Stored { header, mut record }) => {
                if extended {
                    record.extend(access);
                }
                self.context.recently_touched.note(key, record.last_seen);
                Lookup::Found(Snapshot { extended, revision: header.revision, ..Snapshot::complete(record) })
            }
            Err(lookup) => lookup,
        }
    }
}

/// Whether the condition of a commit, if it has one, holds for what was read.
fn holds(commit: &Commit, base: &Snapshot) -> bool {
    commit.expect.as_ref().is_none_or(|expect| {
        let held = base.record.entries.get(&expect.key);
        base.complete && held.as_ref().map(JsonText::as_bytes) == expect.json.as_ref().map(JsonText::as_bytes)
    })
}

impl Native for Strings {
    fn context(&self) -> &Context {
        &self.context
    }

    fn scripts() -> &'static Scripts {
        &STRING
    }

    fn read_header(name: &[u8]) -> Cmd {
        get_range(name, LEN)
    }

    fn read_tombstone(name: &[u8]) -> Cmd {
        get_range(name, LONGEST_TOMBSTONE)
    }

    async fn store(
        &self,
        servers: &Servers,
        key: &StoreKey,
        record: &Record,
        kind: Kind,
        now: Timestamp,
    ) -> Answered<Created> {
        let name = self.context.name(key);
        let value = self.values.encode(record, self.context.revisions.next(), kind, CREATING)?;
        let (expiry, replaceable) = script_args::expiry(kind, record, now);
        let mut command = Cmd::with_capacity(6, 128 + value.len());
        command.arg("SET").arg(&name).arg(&value).arg("NX").arg("PX").arg(expiry);
        match servers.ask(Request::command(CREATING, &name, command, Effect::Once)).await?.value {
            Value::Okay => return Ok(Created::Done),
            Value::Nil => {}
            _ => return Err(malformed(CREATING)),
        }
        // Something exists there. If it has ended, it is replaced.
        let access = script_args::access(&Access::passive(now));
        let expiry = expiry.to_string();
        let args: [&[u8]; 4] = [&access, &value, replaceable, expiry.as_bytes()];
        let request = Request::script(CREATING, &STRING.create, &[&name], &args, Effect::Once);
        let answer = servers.ask(request).await?.into_answer()?;
        Ok(if answer.case == 0 { Created::Done } else { Created::Exists })
    }
}

fn get_range(name: &[u8], bytes: usize) -> Cmd {
    let mut command = Cmd::with_capacity(4, 96);
    command.arg("GETRANGE").arg(name).arg(0).arg(bytes - 1);
    command
}

impl Format for Strings {
    fn new(settings: LayoutSettings) -> Answered<Self> {
        let context = Context::new(&settings)?;
        let appends = settings.codec.is_none();
        let codec = settings.codec.unwrap_or_else(|| Arc::new(BincodeCodec));
        Ok(Self { context, values: StringValues { codec, limits: settings.limits }, appends })
    }

    fn plain_read(&self, key: &StoreKey, _names: Names<'_>, access: &Access) -> Option<Cmd> {
        if self.context.recently_touched.may_be_due(key, access) {
            return None;
        }
        let mut command = Cmd::with_capacity(2, 96);
        command.arg("GET").arg(self.context.name(key));
        Some(command)
    }

    fn decode(&self, key: &StoreKey, reply: Value, _names: Names<'_>, access: &Access) -> Lookup {
        match reply {
            Value::Nil => Lookup::Absent,
            Value::BulkString(value) => self.found(key, &value, false, access),
            _ => wrong_type(key),
        }
    }

    async fn load(&self, servers: &Servers, key: &StoreKey, names: Names<'_>, access: &Access) -> Answered<Lookup> {
        let name = self.context.name(key);
        if let Some(command) = self.plain_read(key, names, access) {
            return match servers.ask(Request::command(READING, &name, command, Effect::Read)).await {
                Ok(reply) => Ok(self.decode(key, reply.value, names, access)),
                Err(error) => or_wrong_type(error, key),
            };
        }
        let packed = script_args::access(access);
        let request = Request::script(READING, &STRING.read, &[&name], &[&packed], Effect::Read);
        let mut answer = servers.ask(request).await?.into_answer()?;
        match answer.case {
            0 => Ok(Lookup::Absent),
            1 => {
                let (extended, value) = (answer.number()? == 1, answer.bytes()?);
                Ok(self.found(key, &value, extended, access))
            }
            _ => Ok(wrong_type(key)),
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
        let limits = commit.limits.and(&self.context.limits);
        let over = |limit| StorageError::limit(limit, operation);
        limits.check_changes(&commit.changes).map_err(over)?;
        let (name, target) = (self.context.name(key), to.map(|to| self.context.name(to)));
        let both_keys: [&[u8]; 2] = [&name, target.as_deref().unwrap_or_default()];
        let keys = if to.is_some() { &both_keys[..] } else { &both_keys[..1] };
        let tombstone = to.map(|to| encode_tombstone(&Tombstone::new(*to, commit.access.now, commit.sealed.clone())));
        let tombstone = tombstone.as_ref().map_or(&[][..], |tombstone| &tombstone[..]);
        let access = script_args::access(&commit.access);
        let mut revision = self.context.revisions.next();

        // A condition on an entry holds if it held when the session was read, and the session has not changed.
        let read = commit.base.as_ref().map_or(0, |base| base.revision);
        let known = if commit.base.as_ref().is_some_and(|base| holds(commit, base)) { read } else { 0 };
        // A short session that was read is written as a whole, if it has not changed. This keeps the log short.
        let whole = self.as_a_whole(&limits, commit, revision)?;
        let mut frame = Vec::new();
        // A codec of the application may encrypt: then the server must not see the changes in plain text.
        if self.appends && !commit.changes.is_empty() {
            let failed = |error: CodecError| StorageError::new(StorageErrorKind::Other, operation).with_source(error);
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
        let args: [&[u8]; 9] = [&access, &known, &next, &frame, &costs, tag, tombstone, &whole, must_be];
        let request = Request::script(operation, &STRING.commit, keys, &args, Effect::Once);
        let mut answer = servers.ask(request).await?.into_answer()?;

        for _ in 0..ATTEMPTS {
            if answer.case != 3 {
                break;
            }
            let stored = match self.values.look_up(key, &answer.bytes()?, &commit.access) {
                Ok(stored) => stored,
                Err(Lookup::Renewed(at)) => return Ok(Change::Renewed(at)),
                Err(_) => return Ok(Change::Gone),
            };
            let limited = Commit { limits, ..commit.clone() };
            let record = match stored.record.apply(&limited).map_err(over)? {
                Applied::Changed(record) => record,
                Applied::Expired => return Ok(Change::Gone),
                Applied::Conflict(current) => return Ok(Change::Conflict(current)),
            };
            revision = self.context.revisions.next();
            let value = self.values.encode(&record, revision, Kind::Session, operation)?;
            let (known, next) = (stored.header.revision.to_le_bytes(), revision.to_le_bytes());
            let args: [&[u8]; 9] = [&access, &known, &next, &[], &costs, &[], tombstone, &value, b"1"];
            let request = Request::script(operation, &STRING.commit, keys, &args, Effect::Once);
            answer = servers.ask(request).await?.into_answer()?;
        }
        if answer.case == 3 {
            return Err(StorageError::new(StorageErrorKind::Other, "changing a session that others keep changing"));
        }
        self.changed(to.unwrap_or(key), answer, read, revision)
    }
}
