//! The hash layout: one hash a session, one field an entry.
//!
//! | field | what |
//! |---|---|
//! | `m` | the header (62 bytes) and the principal |
//! | `:` and the entry's key | the entry's JSON text |
//!
//! A read fetches the entries that are asked for and no others; a commit sends what the request did, and one script does it.

use redis::{Cmd, Value};

use super::{
    Common,
    body::{Body, COMMITTING, CREATING, Change, READING, RENEWING, not_a_session},
    header::{Head, Header, Kind, LEN, encode_trace, tag_of},
    packed::{self, PREPARED_FOR, bound},
    scripts::{HASH, Scripts},
};
use crate::{
    Limits, Record, StoreKey, Timestamp,
    record::{Access, Commit, Entries, JsonText, LimitExceeded, Snapshot, depth_of},
    storage::{
        Created, FORWARD_FOR, Lookup, StorageError, Trace,
        redis::{
            server::Dialer,
            wire::{Answer, Nature, Wire, shape},
        },
    },
};

/// The field of the header.
const HEAD: &[u8] = b"m";

/// The hash layout.
#[derive(Debug)]
pub(in crate::storage::redis) struct Hashes;

/// The field of an entry.
fn field(key: &str) -> Vec<u8> {
    let mut field = Vec::with_capacity(1 + key.len());
    field.push(b':');
    field.extend_from_slice(key.as_bytes());
    field
}

/// Fields and values, in turns, as a hash is read.
fn pairs(value: Value) -> Option<Vec<(Value, Value)>> {
    match value {
        Value::Map(pairs) => Some(pairs),
        Value::Array(list) if list.len() % 2 == 0 => {
            let mut list = list.into_iter();
            Some(std::iter::from_fn(|| Some((list.next()?, list.next()?))).collect())
        }
        _ => None,
    }
}

/// What was read: the header's value, and fields with their values.
fn found(
    common: &Common,
    key: &StoreKey,
    head: &[u8],
    fields: Vec<(Value, Value)>,
    is_all: bool,
    extended: bool,
    access: &Access,
) -> Lookup {
    let header = match Head::decode(head) {
        Some(Head::Trace(Trace { at, .. })) if access.now < at + FORWARD_FOR => return Lookup::Moved(at),
        Some(Head::Trace(_)) => return Lookup::Absent,
        Some(Head::Session(header)) if header.kind == Kind::Prepared => return Lookup::Absent,
        Some(Head::Session(header)) => header,
        None => {
            tracing::warn!(?key, "what Redis holds in the place of a session is none");
            return Lookup::Absent;
        }
    };
    let Some(mut record) = record_of(&common.limits, key, &header, head, &fields) else {
        warn_unreadable(key);
        return Lookup::Absent;
    };
    if access.has_ended(&record, record.last_seen) {
        return Lookup::Absent;
    }
    if extended {
        record.extend(access);
    }
    common.recent.note(key, record.last_seen);
    let revision = header.revision;
    Lookup::Found(Snapshot { extended, revision, complete: is_all, ..Snapshot::complete(record) })
}

fn warn_unreadable(key: &StoreKey) {
    tracing::warn!(?key, "a session in Redis is unreadable");
}

/// Whose session it is, from the value of the header; `None` if no request can read the session.
fn principal_of<'a>(limits: &Limits, header: &Header, head: &'a [u8]) -> Option<Option<&'a str>> {
    limits.check_total(header.entries as usize, header.bytes as usize).ok()?;
    let principal = std::str::from_utf8(head.get(LEN..)?).ok()?;
    Some((header.tag != tag_of(None)).then_some(principal))
}

/// The session; `None` if it cannot be read. An entry that cannot be read is left out: it damages no other.
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
        // The header, and what a later version may add, are no entries.
        let Some(name) = field.strip_prefix(b":") else { continue };
        match (std::str::from_utf8(name), std::str::from_utf8(json)) {
            (Ok(name), Ok(json)) if depth_of(json.as_bytes()) <= limits.max_depth => entries.push((name, json)),
            _ => tracing::warn!(?key, "an entry of a session in Redis is unreadable; it counts as absent"),
        }
    }
    let bytes = entries.iter().map(|(key, json)| key.len() + json.len()).sum();
    limits.check_total(entries.len(), bytes).ok()?;
    Some(header.record(principal.map(Into::into), Entries::pack(entries)?))
}

/// What the script of a change answered.
fn changed(
    common: &Common,
    key: &StoreKey,
    answer: &mut Answer,
    doing: &'static str,
    limits: &Limits,
) -> Result<Change, StorageError> {
    let malformed = || shape(doing);
    Ok(match answer.case {
        0 => {
            let head = answer.bytes().ok_or_else(malformed)?;
            let Some(Head::Session(header)) = Head::decode(&head) else { return Err(malformed()) };
            if principal_of(&common.limits, &header, &head).is_none() {
                warn_unreadable(key);
                return Ok(Change::Unreadable);
            }
            Change::Done { header, revision: 0 }
        }
        1 => Change::Gone,
        2 => Change::Moved(answer.time().ok_or_else(malformed)?),
        4 => {
            let current = answer.bytes().map(|bytes| String::from_utf8_lossy(&bytes).as_ref().into());
            Change::Conflict(current.map(JsonText::written))
        }
        5 => {
            let which = answer.number().ok_or_else(malformed)?;
            let actual = answer.number().and_then(|number| usize::try_from(number).ok()).ok_or_else(malformed)?;
            let limit = if which == 0 {
                LimitExceeded::Entries { limit: limits.max_entries, actual }
            } else {
                LimitExceeded::Record { limit: limits.max_record_bytes, actual }
            };
            return Err(StorageError::limit(limit, doing));
        }
        6 => Change::Taken,
        _ => return Err(malformed()),
    })
}

impl Body for Hashes {
    fn scripts(&self) -> &'static Scripts {
        &HASH
    }

    fn head(&self, name: &[u8]) -> Cmd {
        let mut command = Cmd::with_capacity(3, 96);
        command.arg("HGET").arg(name).arg(HEAD);
        command
    }

    fn trace(&self, name: &[u8]) -> Cmd {
        self.head(name)
    }

    fn plain(&self, name: &[u8], names: Option<&[&str]>) -> Cmd {
        let mut command = Cmd::with_capacity(3, 128);
        match names {
            None => {
                command.arg("HGETALL").arg(name);
            }
            Some(names) => {
                command.arg("HMGET").arg(name).arg(HEAD);
                for name in names {
                    command.arg(field(name));
                }
            }
        }
        command
    }

    fn understood(
        &self,
        common: &Common,
        key: &StoreKey,
        reply: Value,
        names: Option<&[&str]>,
        access: &Access,
    ) -> Lookup {
        let (head, fields) = match (reply, names) {
            (Value::Array(values), Some(names)) => {
                let mut values = values.into_iter();
                let head = values.next();
                let fields = names.iter().map(|name| Value::BulkString(field(name))).zip(values).collect();
                (head, fields)
            }
            (reply, None) => {
                let Some(pairs) = pairs(reply) else { return not_a_session(key) };
                if pairs.is_empty() {
                    return Lookup::Absent;
                }
                let is_head = |field: &Value| matches!(field, Value::BulkString(field) if field == HEAD);
                let head = pairs.iter().find(|(field, _)| is_head(field)).map(|(_, head)| head.clone());
                (head, pairs)
            }
            _ => return not_a_session(key),
        };
        match head {
            Some(Value::BulkString(head)) => found(common, key, &head, fields, names.is_none(), false, access),
            Some(Value::Nil) => Lookup::Absent,
            _ => not_a_session(key),
        }
    }

    async fn read<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Lookup, StorageError> {
        let (name, packed) = (common.name(key), packed::access(access));
        // The script takes no fields for all of them; who asks for none gets the header alone.
        let fields: Vec<Vec<u8>> = match names {
            Some([]) => vec![HEAD.to_vec()],
            Some(names) => names.iter().map(|name| field(name)).collect(),
            None => Vec::new(),
        };
        let args: Vec<&[u8]> = std::iter::once(&packed[..]).chain(fields.iter().map(Vec::as_slice)).collect();
        let mut answer = wire.script(READING, &HASH.read, &[&name], &args, Nature::Read).await?;
        match answer.case {
            0 => Ok(Lookup::Absent),
            1 => {
                let malformed = || shape(READING);
                let extended = answer.number().ok_or_else(malformed)? == 1;
                let head = answer.bytes().ok_or_else(malformed)?;
                let fields = answer.next().and_then(pairs).ok_or_else(malformed)?;
                Ok(found(common, key, &head, fields, names.is_none(), extended, access))
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
        common.limits.check_record(record).map_err(|limit| StorageError::limit(limit, CREATING))?;
        let mut fields = Vec::with_capacity(2 * record.entries.len());
        for (key, json) in record.entries.iter() {
            fields.push(field(key));
            fields.push(json.as_bytes().to_vec());
        }
        let mut head = Header::of(record, common.revisions.next(), kind).encode().to_vec();
        head.extend_from_slice(record.principal.as_deref().unwrap_or_default().as_bytes());
        let (replaceable, expiry) = match kind {
            Kind::Session => (&b""[..], packed::expiry(record, now)),
            Kind::Prepared => (&b"P"[..], PREPARED_FOR.as_millis() as u64),
        };
        let (name, access, expiry) = (common.name(key), packed::access(&Access::passive(now)), expiry.to_string());
        let mut args: Vec<&[u8]> = vec![&access, &head, replaceable, expiry.as_bytes()];
        args.extend(fields.iter().map(Vec::as_slice));
        let answer = wire.script(CREATING, &HASH.create, &[&name], &args, Nature::Once).await?;
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
        limits.check_changes(&commit.changes).map_err(|limit| StorageError::limit(limit, doing))?;
        let changes = &commit.changes;
        let principal = changes.principal();
        let sets: Vec<_> = changes.edits().filter_map(|(key, edit)| Some((field(key), edit?))).collect();
        let removals: Vec<_> = changes.edits().filter(|(_, edit)| edit.is_none()).map(|(key, _)| field(key)).collect();
        let condition = commit.expect.as_ref().map(|expect| (field(&expect.key), expect.json.as_ref()));
        let mut what = [0; 23];
        what[0] = u8::from(changes.is_cleared());
        what[1] = u8::from(principal.is_some());
        what[2] = match &condition {
            None => 0,
            Some((_, None)) => 1,
            Some((_, Some(_))) => 2,
        };
        what[3..7].copy_from_slice(&bound(sets.len()));
        what[7..11].copy_from_slice(&bound(limits.max_entries));
        what[11..15].copy_from_slice(&bound(limits.max_record_bytes));
        what[15..19].copy_from_slice(&bound(common.limits.max_entries));
        what[19..23].copy_from_slice(&bound(common.limits.max_record_bytes));

        let names: Vec<Vec<u8>> = [Some(key), to].into_iter().flatten().map(|key| common.name(key)).collect();
        let keys: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let (access, revision) = (packed::access(&commit.access), common.revisions.next().to_le_bytes());
        let tag = tag_of(principal.flatten());
        let trace = to.map(|to| encode_trace(&Trace::new(*to, commit.access.now, commit.sealed.clone())));
        let (expected_field, expected) = match &condition {
            None => (&[][..], &[][..]),
            Some((field, json)) => (field.as_slice(), json.map_or(&[][..], JsonText::as_bytes)),
        };
        let mut args: Vec<&[u8]> = Vec::with_capacity(8 + 2 * sets.len() + removals.len());
        args.extend([
            &access[..],
            &revision,
            &what,
            principal.flatten().unwrap_or_default().as_bytes(),
            &tag,
            expected_field,
            expected,
            trace.as_ref().map_or(&[][..], |trace| &trace[..]),
        ]);
        args.extend(sets.iter().flat_map(|(field, json)| [field.as_slice(), json.as_bytes()]));
        args.extend(removals.iter().map(Vec::as_slice));
        let mut answer = wire.script(doing, &HASH.commit, &keys, &args, Nature::Once).await?;
        changed(common, key, &mut answer, doing, &limits)
    }
}
