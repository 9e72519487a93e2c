//! The format of GoFrame's `StorageRedisHashTable`: a hash for each session, with a field for each entry, as plain text.

use redis::Value;

use super::{
    format::{GoFormat, GoFrame},
    scripts::{self, Scripts},
    session::{idle_seconds, interval_millis, moved, renewed, snapshot},
    text,
    tombstone::Tombstone,
};
use crate::{
    Changes, LimitExceeded, Limits, StoreKey,
    record::{Access, Commit, Entries, JsonText, Snapshot},
    storage::{
        Created, Lookup, StorageError,
        redis::{
            errors::Answered,
            layout::{COMMITTING, CREATING, Change, Format, LayoutSettings, Names, READING, RENEWING},
            servers::{Answer, Effect, Servers},
        },
    },
};

/// A hash for each session.
#[derive(Debug)]
pub struct Fields;

/// The layout of a storage that shares sessions with GoFrame's `StorageRedisHashTable`.
pub type GoHashes = GoFrame<Fields>;

/// The entries of a session, from fields and values that alternate.
pub(super) fn entries(values: Value, limits: &Limits) -> Option<Entries> {
    let Value::Array(list) = values else { return None };
    let mut list = list.into_iter();
    let mut entries = Vec::new();
    while let (Some(field), Some(value)) = (list.next(), list.next()) {
        let (Value::BulkString(field), Value::BulkString(value)) = (field, value) else { continue };
        // GoFrame stores byte slices as they are. Invalid UTF-8 is replaced.
        let json = text::to_json(&String::from_utf8_lossy(&value), limits.max_depth);
        match String::from_utf8(field) {
            Ok(field) => entries.push((field, json)),
            Err(_) => {
                tracing::warn!("an entry of a GoFrame session has a name that is not text; it counts as absent")
            }
        }
    }
    let bytes = entries.iter().map(|(key, json)| key.len() + json.len()).sum();
    limits.check_total(entries.len(), bytes).ok()?;
    Entries::pack(entries.iter().map(|(key, json)| (key.as_str(), json.as_str())))
}

impl Format for GoHashes {
    fn new(settings: LayoutSettings) -> Answered<Self> {
        Self::with(settings)
    }

    async fn load(&self, servers: &Servers, key: &StoreKey, names: Names<'_>, access: &Access) -> Answered<Lookup> {
        let Some([name, tombstone]) = self.names(key) else { return Ok(Lookup::Absent) };
        let (idle, interval) = (idle_seconds(access).to_string(), interval_millis(access).to_string());
        // A passive read of everything may be the start of a move, which needs the revision.
        let what: &[u8] = match names {
            Some(_) => b"0",
            None if access.extend.is_none() => b"2",
            None => b"1",
        };
        let mut args: Vec<&[u8]> = vec![idle.as_bytes(), interval.as_bytes(), what];
        args.extend(names.unwrap_or_default().iter().map(|name| name.as_bytes()));
        let keys: [&[u8]; 2] = [&name, &tombstone];
        let mut answer = servers.call(READING, &scripts::HASH_READ, &keys, &args, Effect::Read).await?;
        match answer.case {
            0 => {
                let (extended, left, revision) = (answer.number()? == 1, answer.left()?, answer.revision()?);
                let Some(entries) = entries(answer.next().ok_or_else(|| answer.malformed())?, &self.limits) else {
                    tracing::warn!(?key, "a GoFrame session is unreadable");
                    return Ok(Lookup::Absent);
                };
                let complete = names.is_none();
                Ok(Lookup::Found(Snapshot { extended, complete, revision, ..snapshot(entries, left, access) }))
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
        let limits = &commit.limits;
        let over = |limit| StorageError::limit(limit, operation);
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
        let tombstone = to.map(|to| Tombstone { to: *to, at: commit.access.now }.encode()).unwrap_or_default();
        let idle = idle_seconds(&commit.access).to_string();
        let (most, count) = (limits.max_entries.min(self.limits.max_entries).to_string(), sets.len().to_string());
        let cleared = if commit.changes.is_cleared() { "1" } else { "0" };
        let mut args: Vec<&[u8]> = vec![
            idle.as_bytes(),
            cleared.as_bytes(),
            condition.as_bytes(),
            field.as_bytes(),
            value.as_bytes(),
            &tombstone,
            most.as_bytes(),
            count.as_bytes(),
        ];
        args.extend(sets.iter().flat_map(|(field, text)| [field.as_bytes(), text.as_bytes()]));
        args.extend(removals);
        let mut answer = servers.call(operation, &scripts::HASH_COMMIT, &keys, &args, Effect::Once).await?;
        Ok(match answer.case {
            0 => Change::Done { expires_at: commit.access.now + answer.left()?, is_remembered: false, revision: 0 },
            1 => Change::Gone,
            2 => renewed(answer.tombstone()?, to),
            4 => {
                let text = answer.optional_bytes();
                let current = text.map(|text| text::to_json(&String::from_utf8_lossy(&text), self.limits.max_depth));
                Change::Conflict(current.map(|json| JsonText::whole(json.into())))
            }
            5 => {
                let actual = usize::try_from(answer.number()?).map_err(|_| answer.malformed())?;
                return Err(over(LimitExceeded::Entries { limit: limits.max_entries, actual }));
            }
            6 => Change::Taken,
            _ => return Err(answer.malformed()),
        })
    }
}

impl GoFormat for GoHashes {
    const TYPE: &'static str = "hash";

    fn scripts() -> &'static Scripts {
        &scripts::HASH
    }

    async fn store(
        &self,
        servers: &Servers,
        key: &StoreKey,
        entries: &Entries,
        _changes: Option<&Changes>,
        seconds: u64,
    ) -> Answered<Created> {
        let [name, tombstone] = self.names_to_store(key, CREATING)?;
        let seconds = seconds.to_string();
        let texts: Vec<(&str, String)> = entries.iter().map(|(key, json)| (key, text::from_json(json))).collect();
        let mut args: Vec<&[u8]> = vec![seconds.as_bytes()];
        args.extend(texts.iter().flat_map(|(field, text)| [field.as_bytes(), text.as_bytes()]));
        let keys: [&[u8]; 2] = [&name, &tombstone];
        let answer = servers.call(CREATING, &scripts::HASH_CREATE, &keys, &args, Effect::Once).await?;
        Ok(if answer.case == 0 { Created::Done } else { Created::Exists })
    }

    async fn leave_tombstone(
        servers: &Servers,
        names: &[&[u8]; 2],
        revision: &[u8],
        tombstone: &[u8],
    ) -> Answered<Answer> {
        servers.call(RENEWING, &scripts::HASH_CLAIM, names, &[revision, tombstone], Effect::Repeatable).await
    }
}
