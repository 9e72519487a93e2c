//! Simple changes of a string. They are most of all changes, and cost the server one comparison and one or two writes.

use redis::Value;

use super::{
    super::{
        header::{Header, Kind, counted, tag_of},
        known::Known,
        script_args,
        scripts::{STRING_APPEND, STRING_EXTEND, STRING_REPLACE},
    },
    Strings,
    changing::Changing,
};
use crate::{
    StoreKey,
    record::{Applied, Snapshot},
    storage::redis::{
        errors::Answered,
        layout::Change,
        servers::{Answer, Replace, Script, Servers, malformed},
    },
};

/// A simple change.
pub(super) enum Simple<'a> {
    /// A short session that was read is replaced, if it has not changed.
    Replace { known: Known<'a>, old: &'a [u8], new: Vec<u8>, header: Header, expiry: Option<u64>, digits: String },
    /// A long one that was read gets a longer log, if it has not changed.
    Extend { known: Known<'a>, frame: Vec<u8>, header: Header, encoded: Vec<u8>, digits: String },
    /// One that was not read gets a longer log, if it is alive and has room.
    Append { packed: Vec<u8>, frame: Vec<u8> },
}

/// What became of a simple change.
pub(super) enum Tried {
    Made(Change),
    /// The session has to be rebuilt: the answer is case 3 of `string_commit.lua`.
    ToBeRebuilt(Answer),
    /// Nothing was changed. `string_commit.lua` has to decide.
    Declined,
}

impl<'a> Simple<'a> {
    /// The change, if it is a simple one.
    pub(super) fn of(changing: &Changing<'a>) -> Answered<Option<Self>> {
        let Some(base) = &changing.commit.base else { return Self::append(changing) };
        let Some(known) = Known::of(base) else { return Ok(None) };
        if !changing.holds_for(base) {
            return Ok(None);
        }
        match known.stored.whole() {
            Some(old) if changing.is_short(base) => Self::replace(changing, base, known, old),
            _ => Self::extend(changing, known),
        }
    }

    fn replace(changing: &Changing<'a>, base: &'a Snapshot, known: Known<'a>, old: &'a [u8]) -> Answered<Option<Self>> {
        let Changing { strings, commit, limits, operation, .. } = changing;
        // If the session has ended or is too large, then perhaps only as this request knows it.
        let Ok(Applied::Changed(record)) = base.record.apply_within(commit, limits) else { return Ok(None) };
        let tag = commit.changes.principal().map_or(known.header.tag, tag_of);
        let header = Header::with_tag(&record, strings.context.revisions.next(), Kind::Session, tag);
        let new = strings.values.encode(&record, header, operation)?;
        let expiry = known.new_expiry(&header, commit.access.now);
        let digits = expiry.map(|expiry| expiry.to_string()).unwrap_or_default();
        Ok(Some(Self::Replace { known, old, new, header, expiry, digits }))
    }

    fn extend(changing: &Changing<'a>, known: Known<'a>) -> Answered<Option<Self>> {
        let Changing { strings, commit, limits, .. } = changing;
        let Some(frame) = changing.frame()? else { return Ok(None) };
        let Some(before) = known.after(commit) else { return Ok(None) };
        let entries = before.entries as usize + commit.changes.edit_count();
        let bytes = before.bytes as usize + commit.changes.edit_bytes();
        if limits.check_total(entries, bytes).is_err() || known.stored.length() + frame.len() > longest(before.log) {
            return Ok(None);
        }
        let revision = strings.context.revisions.next();
        let tag = commit.changes.principal().map_or(before.tag, tag_of);
        let header = Header { revision, entries: counted(entries), bytes: counted(bytes), tag, ..before };
        let expiry = known.new_expiry(&header, commit.access.now);
        let digits = expiry.map(|expiry| expiry.to_string()).unwrap_or_default();
        Ok(Some(Self::Extend { known, frame, header, encoded: header.encode().to_vec(), digits }))
    }

    fn append(changing: &Changing<'a>) -> Answered<Option<Self>> {
        let Changing { strings, commit, .. } = changing;
        if commit.expect.is_some() || commit.changes.principal().is_some() || commit.changes.lifespan().is_some() {
            return Ok(None);
        }
        let Some(frame) = changing.frame()? else { return Ok(None) };
        let revision = strings.context.revisions.next().to_le_bytes();
        let packed = [&script_args::access(&commit.access)[..], &changing.costs(), &revision].concat();
        Ok(Some(Self::Append { packed, frame }))
    }

    pub(super) fn script(&self) -> &'static Script {
        match self {
            Self::Replace { .. } => &STRING_REPLACE,
            Self::Extend { .. } => &STRING_EXTEND,
            Self::Append { .. } => &STRING_APPEND,
        }
    }

    /// The arguments of the script. Each costs the server time, so the last one is left out if it is empty.
    pub(super) fn args(&self) -> Vec<&[u8]> {
        let mut args = match self {
            Self::Replace { known, new, digits, .. } => vec![known.identity(), new, digits.as_bytes()],
            Self::Extend { known, frame, encoded, digits, .. } => {
                vec![known.identity(), encoded, frame, digits.as_bytes()]
            }
            Self::Append { packed, frame } => vec![packed.as_slice(), frame],
        };
        args.pop_if(|last| last.is_empty());
        args
    }

    /// The command that does the same as the script, on servers that know it.
    pub(super) fn replacement(&self) -> Option<Replace<'_>> {
        match self {
            Self::Replace { old, new, expiry, .. } => Some(Replace { old, new, expiry: *expiry }),
            _ => None,
        }
    }

    /// Reads the answer.
    pub(super) async fn result(
        &self,
        strings: &Strings,
        servers: &Servers,
        key: &StoreKey,
        changing: &Changing<'_>,
        answer: Value,
    ) -> Answered<Tried> {
        let operation = changing.operation;
        Ok(match (self, answer) {
            (_, Value::Nil) => Tried::Declined,
            (Self::Replace { header, .. } | Self::Extend { header, .. }, Value::Okay) => {
                Tried::Made(strings.context.changed(servers, key, header, header.revision).await)
            }
            (Self::Append { .. }, Value::BulkString(before)) => {
                // The server appends without decoding, so only now does it show whether the session can be read.
                let Some(before) = strings.values.readable_header(key, &before) else {
                    return Ok(Tried::Made(Change::Unreadable));
                };
                let mut record = before.record();
                record.extend(&changing.commit.access);
                let after = before.with_times(&record);
                // This request does not know what others have stored.
                Tried::Made(strings.context.changed(servers, key, &after, 0).await)
            }
            (Self::Append { .. }, rebuild @ Value::Array(_)) => Tried::ToBeRebuilt(Answer::of(rebuild, operation)?),
            _ => return Err(malformed(operation)),
        })
    }
}

/// How long a value may become before its log is merged into the record: as in `string_append.lua` and `string_commit.lua`.
const fn longest(log: u32) -> usize {
    2 * log as usize + 512
}
