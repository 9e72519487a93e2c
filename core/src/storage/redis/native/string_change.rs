//! Changing a session in a string.
//!
//! Nearly every change is one comparison and one or two writes:
//!
//! - A short session that was read is replaced, if it has not changed: `SET … IFEQ`, or `string_replace.lua`.
//! - A long one that was read gets a longer log, if it has not changed: `string_extend.lua`.
//! - One that was not read gets a longer log, if it is alive and has room: `string_append.lua`.
//!
//! What these decline is decided by `string_commit.lua`: another request has changed the session, it has ended, its log is long,
//! or it moves. That script may return the value instead of changing it. The session is then rebuilt here, and written if it has
//! not changed.

use super::{
    header::{Header, Kind, counted, encode_tombstone, tag_of},
    known::Known,
    script_args::{self, bound},
    scripts::{STRING, STRING_APPEND, STRING_EXTEND, STRING_REPLACE},
    strings::Strings,
};
use crate::{
    CodecError, Limits, StoreKey,
    record::{Applied, Commit, JsonText, LimitExceeded, Snapshot},
    storage::{
        Lookup, StorageError, StorageErrorKind, Tombstone,
        redis::{
            errors::Answered,
            layout::{COMMITTING, Change, RENEWING},
            servers::{Answer, Call, Effect, Replace, Request, Script, Servers, malformed},
        },
    },
};
use redis::Value;

/// Attempts to rebuild a session before giving up. An attempt fails if another commit was faster.
const ATTEMPTS: usize = 1000;

/// Sessions of up to this many bytes are written as a whole after they were read. This keeps their logs short.
const SHORT: usize = 1024;

/// A change, and what is needed to make it.
struct Changing<'a> {
    strings: &'a Strings,
    servers: &'a Servers,
    key: &'a StoreKey,
    name: Vec<u8>,
    commit: &'a Commit,
    limits: Limits,
    operation: &'static str,
}

/// The outcome of a simple attempt.
enum Tried {
    Made(Change),
    /// With the value, as case 3 of `string_commit.lua` has it.
    ToBeRebuilt(Answer),
    Declined,
}

/// Changes a session. If `to` is given, the session moves there.
pub(super) async fn change(
    strings: &Strings,
    servers: &Servers,
    key: &StoreKey,
    to: Option<&StoreKey>,
    commit: &Commit,
) -> Answered<Change> {
    let operation = if to.is_some() { RENEWING } else { COMMITTING };
    let limits = commit.limits.and(&strings.context.limits);
    let name = strings.context.name(key);
    let changing = Changing { strings, servers, key, name, commit, limits, operation };
    limits.check_changes(&commit.changes).map_err(|limit| changing.over(limit))?;
    let tried = if to.is_none() { changing.at_once().await? } else { Tried::Declined };
    match tried {
        Tried::Made(change) => Ok(change),
        Tried::ToBeRebuilt(answer) => changing.in_general(None, Some(answer)).await,
        Tried::Declined => changing.in_general(to, None).await,
    }
}

impl Changing<'_> {
    fn over(&self, limit: LimitExceeded) -> StorageError {
        StorageError::limit(limit, self.operation)
    }

    /// Makes the change if it is a simple one.
    async fn at_once(&self) -> Answered<Tried> {
        let Some(base) = &self.commit.base else { return self.append().await };
        let Some(known) = Known::of(base) else { return Ok(Tried::Declined) };
        if !holds(self.commit, base) {
            return Ok(Tried::Declined);
        }
        match known.stored.whole() {
            Some(old) if self.is_short(base) => self.replace(base, &known, old).await,
            _ => self.extend(&known).await,
        }
    }

    fn is_short(&self, base: &Snapshot) -> bool {
        base.record.entries.text_bytes() + self.commit.changes.edit_bytes() <= SHORT
    }

    /// Replaces the whole value, which was read.
    async fn replace(&self, base: &Snapshot, known: &Known<'_>, old: &[u8]) -> Answered<Tried> {
        // If the session has ended or is too large, then perhaps only as this request knows it.
        let Ok(Applied::Changed(record)) = base.record.apply_within(self.commit, &self.limits) else {
            return Ok(Tried::Declined);
        };
        let context = &self.strings.context;
        let revision = context.revisions.next();
        let header = Header::of(&record, revision, Kind::Session);
        let new = self.strings.values.encode(&record, revision, Kind::Session, self.operation)?;
        let expiry = known.new_expiry(&header, self.commit.access.now);
        let digits = expiry.map(|expiry| expiry.to_string()).unwrap_or_default();
        let args = [known.identity(), &new, digits.as_bytes()];
        let args = without_empty_end(&args);
        let keys: [&[u8]; 1] = [&self.name];
        let otherwise = Call { script: &STRING_REPLACE, keys: &keys, args };
        let replace = Replace { old, new: &new, expiry };
        if !self.servers.replace(self.operation, &self.name, replace, otherwise).await? {
            return Ok(Tried::Declined);
        }
        Ok(Tried::Made(context.changed(self.key, &header, revision)))
    }

    /// Appends the changes to a value that was read.
    async fn extend(&self, known: &Known<'_>) -> Answered<Tried> {
        let Some(frame) = self.frame()? else { return Ok(Tried::Declined) };
        let Some(before) = known.after(&self.commit.access) else { return Ok(Tried::Declined) };
        let changes = &self.commit.changes;
        let entries = before.entries as usize + changes.edit_count();
        let bytes = before.bytes as usize + changes.edit_bytes();
        if self.limits.check_total(entries, bytes).is_err() || known.stored.length() + frame.len() > longest(before.log)
        {
            return Ok(Tried::Declined);
        }
        let revision = self.strings.context.revisions.next();
        let tag = changes.principal().map_or(before.tag, tag_of);
        let new = Header { revision, entries: counted(entries), bytes: counted(bytes), tag, ..before };
        let digits =
            known.new_expiry(&new, self.commit.access.now).map(|expiry| expiry.to_string()).unwrap_or_default();
        let header = new.encode();
        let args = [known.identity(), &header, &frame, digits.as_bytes()];
        match self.run(&STRING_EXTEND, without_empty_end(&args)).await? {
            Value::Okay => Ok(Tried::Made(self.strings.context.changed(self.key, &new, revision))),
            Value::Nil => Ok(Tried::Declined),
            _ => Err(malformed(self.operation)),
        }
    }

    /// Appends the changes to a value that was not read.
    async fn append(&self) -> Answered<Tried> {
        let (access, changes) = (&self.commit.access, &self.commit.changes);
        if self.commit.expect.is_some() || changes.principal().is_some() {
            return Ok(Tried::Declined);
        }
        let Some(frame) = self.frame()? else { return Ok(Tried::Declined) };
        let mut packed = [0; 65];
        packed[..41].copy_from_slice(&script_args::access(access));
        packed[41..57].copy_from_slice(&self.costs());
        packed[57..].copy_from_slice(&self.strings.context.revisions.next().to_le_bytes());
        let before = match self.run(&STRING_APPEND, &[&packed, &frame]).await? {
            Value::BulkString(before) => before,
            Value::Nil => return Ok(Tried::Declined),
            rebuild => return Ok(Tried::ToBeRebuilt(Answer::of(rebuild, self.operation)?)),
        };
        // The server appends without decoding, so only now does it show whether the session can be read.
        let Some(header) = self.strings.values.readable_header(self.key, &before) else {
            return Ok(Tried::Made(Change::Unreadable));
        };
        let mut record = header.record();
        record.extend(access);
        self.strings.context.recently_touched.note(self.key, record.last_seen);
        // This request does not know what others have stored.
        Ok(Tried::Made(Change::Done { expires_at: record.expires_at(), revision: 0 }))
    }

    /// Runs a script of one value.
    async fn run(&self, script: &'static Script, args: &[&[u8]]) -> Answered<Value> {
        let keys: [&[u8]; 1] = [&self.name];
        self.servers.ask(Request::script(self.operation, script, &keys, args, Effect::Once)).await
    }

    /// The changes as they are appended, if they may be.
    fn frame(&self) -> Answered<Option<Vec<u8>>> {
        if !self.strings.appends || self.commit.changes.is_empty() {
            return Ok(None);
        }
        let failed = |error: CodecError| StorageError::new(StorageErrorKind::Other, self.operation).with_source(error);
        let mut frame = Vec::new();
        self.commit.changes.encode(&mut frame).map_err(failed)?;
        Ok(Some(frame))
    }

    /// The entries and bytes that the changes add at most, and those allowed.
    fn costs(&self) -> [u8; 16] {
        let (changes, limits) = (&self.commit.changes, &self.limits);
        let mut costs = [0; 16];
        costs[..4].copy_from_slice(&bound(changes.edit_count()));
        costs[4..8].copy_from_slice(&bound(changes.edit_bytes()));
        costs[8..12].copy_from_slice(&bound(limits.max_entries));
        costs[12..].copy_from_slice(&bound(limits.max_record_bytes));
        costs
    }

    /// Makes any change, by the script that knows all cases. `earlier` is an answer that it need not give again.
    async fn in_general(&self, to: Option<&StoreKey>, earlier: Option<Answer>) -> Answered<Change> {
        let Self { strings, servers, commit, .. } = *self;
        let context = &strings.context;
        let target = to.map(|to| context.name(to));
        let both_keys: [&[u8]; 2] = [&self.name, target.as_deref().unwrap_or_default()];
        let keys = if to.is_some() { &both_keys[..] } else { &both_keys[..1] };
        let tombstone = to.map(|to| encode_tombstone(&Tombstone::new(*to, commit.access.now, commit.sealed.clone())));
        let tombstone = tombstone.as_ref().map_or(&[][..], |tombstone| &tombstone[..]);
        let access = script_args::access(&commit.access);
        let mut revision = context.revisions.next();

        // A condition on an entry holds if it held when the session was read, and the session has not changed.
        let read = commit.base.as_ref().map_or(0, |base| base.revision);
        let known = if commit.base.as_ref().is_some_and(|base| holds(commit, base)) { read } else { 0 };
        let whole = self.as_a_whole(revision)?;
        let frame = self.frame()?.unwrap_or_default();
        let mut costs = [u8::from(strings.appends); 17];
        costs[1..].copy_from_slice(&self.costs());
        let tag = commit.changes.principal().map(tag_of);
        let tag = tag.as_ref().map_or(&[][..], |tag| &tag[..]);
        let must_be = if commit.expect.is_some() { b"1" } else { b"0" };
        let (known, next) = (known.to_le_bytes(), revision.to_le_bytes());
        let args: [&[u8]; 9] = [&access, &known, &next, &frame, &costs, tag, tombstone, &whole, must_be];
        let mut answer = match earlier {
            Some(answer) => answer,
            None => servers.call(self.operation, &STRING.commit, keys, &args, Effect::Once).await?,
        };

        for _ in 0..ATTEMPTS {
            if answer.case != 3 {
                break;
            }
            let stored = match strings.values.look_up(self.key, &answer.bytes()?, &commit.access) {
                Ok(stored) => stored,
                Err(Lookup::Renewed(at)) => return Ok(Change::Renewed(at)),
                Err(_) => return Ok(Change::Gone),
            };
            let applied = stored.record.apply_within(commit, &self.limits).map_err(|limit| self.over(limit))?;
            let record = match applied {
                Applied::Changed(record) => record,
                Applied::Expired => return Ok(Change::Gone),
                Applied::Conflict(current) => return Ok(Change::Conflict(current)),
            };
            revision = context.revisions.next();
            let value = strings.values.encode(&record, revision, Kind::Session, self.operation)?;
            let (known, next) = (stored.header.revision.to_le_bytes(), revision.to_le_bytes());
            let args: [&[u8]; 9] = [&access, &known, &next, &[], &costs, &[], tombstone, &value, b"1"];
            answer = servers.call(self.operation, &STRING.commit, keys, &args, Effect::Once).await?;
        }
        if answer.case == 3 {
            return Err(StorageError::new(StorageErrorKind::Other, "changing a session that others keep changing"));
        }
        self.changed(to.unwrap_or(self.key), answer, read, revision)
    }

    /// The whole session after this commit, if it is short and was read. If not, nothing.
    fn as_a_whole(&self, revision: u64) -> Answered<Vec<u8>> {
        let Some(base) = &self.commit.base else { return Ok(Vec::new()) };
        if !base.complete || base.revision == 0 || !self.is_short(base) {
            return Ok(Vec::new());
        }
        // What was read may be out of date, so it is the server that refuses a change.
        match base.record.apply_within(self.commit, &self.limits) {
            Ok(Applied::Changed(record)) => {
                self.strings.values.encode(&record, revision, Kind::Session, self.operation)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The result of the general script, after which the session is under `key` with this `revision`. `read` is the revision that the
    /// request has read.
    fn changed(&self, key: &StoreKey, mut answer: Answer, read: u64, revision: u64) -> Answered<Change> {
        Ok(match answer.case {
            0 => {
                let header = answer.header()?;
                // If others have changed the session since the request read it, the request does not know it as it is now.
                let is_known = answer.bytes()? == read.to_le_bytes();
                // The server appends without decoding. A request that has not read the session learns only now if it is readable.
                if let Some(before) = answer.optional_bytes()
                    && self.strings.values.readable_header(key, &before).is_none()
                {
                    return Ok(Change::Unreadable);
                }
                self.strings.context.changed(key, &header, if is_known { revision } else { 0 })
            }
            1 => Change::Gone,
            2 => Change::Renewed(answer.time()?),
            6 => Change::Taken,
            _ => return Err(answer.malformed()),
        })
    }
}

/// Arguments without the last one if that is empty: each costs the server time.
fn without_empty_end<'a, 'b>(args: &'b [&'a [u8]]) -> &'b [&'a [u8]] {
    match args.split_last() {
        Some(([], others)) => others,
        _ => args,
    }
}

/// How long a value may become before its log is merged into the record: as in `string_append.lua` and `string_commit.lua`.
const fn longest(log: u32) -> usize {
    2 * log as usize + 512
}

/// Whether the condition of a commit, if it has one, holds for what was read.
fn holds(commit: &Commit, base: &Snapshot) -> bool {
    commit.expect.as_ref().is_none_or(|expect| {
        let held = base.record.entries.get(&expect.key);
        base.complete && held.as_ref().map(JsonText::as_bytes) == expect.json.as_ref().map(JsonText::as_bytes)
    })
}
