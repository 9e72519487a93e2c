//! Sessions in hashes, decoded.

use redis::Value;

use super::super::{
    context::Context,
    format::warn_no_header,
    header::{Head, Header, Kind, LEN, tag_of},
};
use crate::{
    Limits, Record, StoreKey,
    record::{Access, Entries, JsonText, LimitExceeded, Snapshot, StoredValue, depth_of},
    storage::{
        Lookup, StorageError, TOMBSTONE_LIFETIME, Tombstone,
        redis::{
            errors::Answered,
            layout::Change,
            servers::{Answer, Servers, malformed},
        },
    },
};

/// Fields with their values, in an answer that alternates them.
pub(super) fn pairs(value: Value) -> Option<Vec<(Value, Value)>> {
    match value {
        Value::Map(pairs) => Some(pairs),
        Value::Array(list) if list.len() % 2 == 0 => {
            let mut list = list.into_iter();
            Some(std::iter::from_fn(|| Some((list.next()?, list.next()?))).collect())
        }
        _ => None,
    }
}

/// The session in what was read: the value of the header, and fields with their values.
pub(super) fn found(
    context: &Context,
    key: &StoreKey,
    mut head: Vec<u8>,
    fields: Vec<(Value, Value)>,
    is_all: bool,
    extended: bool,
    access: &Access,
) -> Lookup {
    let header = match Head::decode(&head) {
        Some(Head::Tombstone(Tombstone { at, .. })) if access.now < at + TOMBSTONE_LIFETIME => {
            return Lookup::Renewed(at);
        }
        Some(Head::Tombstone(_)) => return Lookup::Absent,
        Some(Head::Session(header)) if header.kind == Kind::Prepared => return Lookup::Absent,
        Some(Head::Session(header)) => header,
        None => {
            warn_no_header(key);
            return Lookup::Absent;
        }
    };
    let Some(mut record) = record_of(&context.limits, key, &header, &head, &fields) else {
        warn_unreadable(key);
        return Lookup::Absent;
    };
    if access.has_ended(&record, record.last_seen) {
        return Lookup::Absent;
    }
    if extended {
        record.extend(access);
        header.with_times(&record).put_into(&mut head);
    }
    context.recently_touched.note(key, record.last_seen);
    let (revision, stored) = (header.revision, Some(StoredValue::whole_of(head)));
    Lookup::Found(Snapshot { extended, revision, stored, complete: is_all, ..Snapshot::complete(record) })
}

fn warn_unreadable(key: &StoreKey) {
    tracing::warn!(?key, "a session in Redis is unreadable");
}

/// The principal in the value of the header; `None` if the session cannot be read.
fn principal_of<'a>(limits: &Limits, header: &Header, head: &'a [u8]) -> Option<Option<&'a str>> {
    limits.check_total(header.entries as usize, header.bytes as usize).ok()?;
    let principal = std::str::from_utf8(head.get(LEN..)?).ok()?;
    Some((header.tag != tag_of(None)).then_some(principal))
}

/// The session; `None` if it cannot be read. An entry that cannot be read is left out.
fn record_of(
    limits: &Limits,
    key: &StoreKey,
    header: &Header,
    head: &[u8],
    fields: &[(Value, Value)],
) -> Option<Record> {
    let principal = principal_of(limits, header, head)?;
    let mut entries = Vec::with_capacity(fields.len());
    for (field, value) in fields {
        let (Value::BulkString(field), Value::BulkString(json)) = (field, value) else { continue };
        // The header, and fields that a later version may add, are not entries.
        let Some(name) = field.strip_prefix(b":") else { continue };
        match (std::str::from_utf8(name), std::str::from_utf8(json)) {
            (Ok(name), Ok(json)) if depth_of(json.as_bytes()) <= limits.max_depth => entries.push((name, json)),
            _ => tracing::warn!(?key, "an entry of a session in Redis is unreadable; it counts as absent"),
        }
    }
    let bytes = entries.iter().map(|(key, json)| key.len() + json.len()).sum();
    limits.check_total(entries.len(), bytes).ok()?;
    Some(Record { principal: principal.map(Into::into), entries: Entries::pack(entries)?, ..header.record() })
}

/// The result of a change after which the session under `key` has this header field.
pub(super) async fn changed_to(
    context: &Context,
    servers: &Servers,
    key: &StoreKey,
    head: &[u8],
    operation: &'static str,
) -> Answered<Change> {
    let Some(Head::Session(header)) = Head::decode(head) else { return Err(malformed(operation)) };
    if principal_of(&context.limits, &header, head).is_none() {
        warn_unreadable(key);
        return Ok(Change::Unreadable);
    }
    Ok(context.changed(servers, key, &header, 0).await)
}

/// The result of the general script of a change, after which the session is under `key`.
pub(super) async fn changed(
    context: &Context,
    servers: &Servers,
    key: &StoreKey,
    mut answer: Answer,
    limits: &Limits,
    operation: &'static str,
) -> Answered<Change> {
    Ok(match answer.case {
        0 => changed_to(context, servers, key, &answer.bytes()?, operation).await?,
        1 => Change::Gone,
        2 => Change::Renewed(answer.time()?),
        4 => {
            let current = answer.optional_bytes().map(|bytes| String::from_utf8_lossy(&bytes).as_ref().into());
            Change::Conflict(current.map(JsonText::whole))
        }
        5 => {
            let (which, actual) = (answer.number()?, answer.number()?);
            let actual = usize::try_from(actual).map_err(|_| answer.malformed())?;
            let limit = if which == 0 {
                LimitExceeded::Entries { limit: limits.max_entries, actual }
            } else {
                LimitExceeded::Record { limit: limits.max_record_bytes, actual }
            };
            return Err(StorageError::limit(limit, operation));
        }
        6 => Change::Taken,
        _ => return Err(answer.malformed()),
    })
}
