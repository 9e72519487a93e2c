//! The form of GoFrame's `StorageRedisHashTable`: one hash a session, one field an entry, plain texts.

use redis::Value;

use super::{
    Common,
    form::{COMMITTING, CREATING, Change, Form, READING, RENEWING, digits, idle_seconds, interval_millis, snapshot},
    scripts::{self, Scripts},
    string::no_raw_id,
    text,
    trace::Trace,
};
use crate::{
    Changes, LimitExceeded, Limits, StoreKey,
    record::{Access, Commit, Entries, JsonText, Snapshot},
    storage::{
        FORWARD_FOR, Lookup, StorageError,
        redis::{
            server::Dialer,
            wire::{Answer, Nature, Wire, shape},
        },
    },
};

/// The form.
#[derive(Debug)]
pub(in crate::storage::redis) struct GoHashes;

pub(super) fn entries(values: Value, limits: &Limits) -> Option<Entries> {
    let Value::Array(list) = values else { return None };
    let mut list = list.into_iter();
    let mut entries = Vec::new();
    while let (Some(field), Some(value)) = (list.next(), list.next()) {
        let (Value::BulkString(field), Value::BulkString(value)) = (field, value) else { continue };
        // GoFrame keeps byte slices as they are; what is no text is read as well as it can be.
        let json = text::to_json(&String::from_utf8_lossy(&value), limits.max_depth);
        match String::from_utf8(field) {
            Ok(field) => entries.push((field, json)),
            Err(_) => {
                tracing::warn!("an entry of a session of GoFrame's has a name that is no text; it counts as absent")
            }
        }
    }
    let bytes = entries.iter().map(|(key, json)| key.len() + json.len()).sum();
    limits.check_total(entries.len(), bytes).ok()?;
    Entries::pack(entries.iter().map(|(key, json)| (key.as_str(), json.as_str())))
}

impl Form for GoHashes {
    fn scripts(&self) -> &'static Scripts {
        &scripts::HASH
    }

    async fn read<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Lookup, StorageError> {
        let Some([name, trace]) = common.names(key) else { return Ok(Lookup::Absent) };
        let (idle, interval) = (idle_seconds(access).to_string(), interval_millis(access).to_string());
        // A passive read of everything may be the start of a move, which has to know whether something changes meanwhile.
        let what: &[u8] = match names {
            Some(_) => b"0",
            None if access.extend.is_none() => b"2",
            None => b"1",
        };
        let mut args: Vec<&[u8]> = vec![idle.as_bytes(), interval.as_bytes(), what];
        args.extend(names.unwrap_or_default().iter().map(|name| name.as_bytes()));
        let keys: [&[u8]; 2] = [&name, &trace];
        let mut answer = wire.script(READING, &scripts::HASH_READ, &keys, &args, Nature::Read).await?;
        match answer.case {
            0 => {
                let malformed = || shape(READING);
                let extended = answer.number().ok_or_else(malformed)? == 1;
                let (left, revision) = (answer.left().ok_or_else(malformed)?, answer.revision().ok_or_else(malformed)?);
                let Some(entries) = entries(answer.next().ok_or_else(malformed)?, &common.limits) else {
                    tracing::warn!(?key, "a session of GoFrame's is unreadable");
                    return Ok(Lookup::Absent);
                };
                let complete = names.is_none();
                Ok(Lookup::Found(Snapshot { extended, complete, revision, ..snapshot(entries, left, access) }))
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
        _changes: Option<&Changes>,
        seconds: u64,
    ) -> Result<bool, StorageError> {
        let Some([name, trace]) = common.names(key) else { return Err(no_raw_id(CREATING)) };
        let seconds = seconds.to_string();
        let texts: Vec<(&str, String)> = entries.iter().map(|(key, json)| (key, text::from_json(json))).collect();
        let mut args: Vec<&[u8]> = vec![seconds.as_bytes()];
        args.extend(texts.iter().flat_map(|(field, text)| [field.as_bytes(), text.as_bytes()]));
        let keys: [&[u8]; 2] = [&name, &trace];
        Ok(wire.script(CREATING, &scripts::HASH_CREATE, &keys, &args, Nature::Once).await?.case == 0)
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
        let limits = &commit.limits;
        let over = |limit| StorageError::limit(limit, doing);
        limits.check_changes(&commit.changes).map_err(over)?;
        let sets: Vec<(&str, String)> =
            commit.changes.edits().filter_map(|(key, edit)| Some((key, text::from_json(edit?)))).collect();
        let removals = commit.changes.edits().filter(|(_, edit)| edit.is_none()).map(|(key, _)| key.as_bytes());
        let expected = commit.expect.as_ref().map(|expect| (&*expect.key, expect.json.as_ref()));
        let (condition, field, value) = match &expected {
            None => ("0", "", String::new()),
            Some((field, None)) => ("1", *field, String::new()),
            Some((field, Some(json))) => ("2", *field, text::from_json(json.as_str())),
        };
        let trace = to.map(|to| Trace { to: *to, at: commit.access.now }.encode()).unwrap_or_default();
        let idle = idle_seconds(&commit.access).to_string();
        let (most, count) = (limits.max_entries.min(common.limits.max_entries).to_string(), sets.len().to_string());
        let cleared = if commit.changes.is_cleared() { "1" } else { "0" };
        let mut args: Vec<&[u8]> = vec![
            idle.as_bytes(),
            cleared.as_bytes(),
            condition.as_bytes(),
            field.as_bytes(),
            value.as_bytes(),
            &trace,
            most.as_bytes(),
            count.as_bytes(),
        ];
        args.extend(sets.iter().flat_map(|(field, text)| [field.as_bytes(), text.as_bytes()]));
        args.extend(removals);
        let mut answer = wire.script(doing, &scripts::HASH_COMMIT, &keys, &args, Nature::Once).await?;
        Ok(match answer.case {
            0 => Change::Done { left: answer.left().ok_or_else(|| shape(doing))?, revision: 0 },
            1 => Change::Gone,
            2 => Change::Moved(answer.trace(doing)?),
            4 => {
                let text = answer.bytes();
                let current = text.map(|text| text::to_json(&String::from_utf8_lossy(&text), common.limits.max_depth));
                Change::Conflict(current.map(|json| JsonText::written(json.into())))
            }
            5 => {
                let actual = answer.number().and_then(|number| usize::try_from(number).ok());
                let actual = actual.ok_or_else(|| shape(doing))?;
                return Err(over(LimitExceeded::Entries { limit: limits.max_entries, actual }));
            }
            6 => Change::Taken,
            _ => return Err(shape(doing)),
        })
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
        wire.script(RENEWING, &scripts::HASH_CLAIM, &keys, &[revision.as_bytes(), &trace], Nature::Repeatable).await
    }
}
