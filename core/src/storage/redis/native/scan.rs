//! Going through all sessions, for what is done rarely: listing those of a user, and sweeping.

use std::collections::HashSet;

use redis::{Pipeline, Value};

use super::{
    Native,
    body::Body,
    header::{Head, Header, Kind, tag_of},
    packed,
};
use crate::{
    Record, StoreKey, Timestamp,
    record::{Access, Entries, Snapshot},
    storage::{
        FORWARD_FOR, Found, Lookup, StorageError, Swept,
        redis::{
            layout::Layout,
            server::Dialer,
            wire::{Nature, Wire, shape},
        },
    },
};

const SWEEPING: &str = "sweeping the sessions in Redis";
const LISTING: &str = "listing the sessions in Redis";
/// Keys looked at in one step, which holds up the server for well under a millisecond.
const STEP: usize = 500;

/// What was found under a key.
enum Seen {
    Session(StoreKey, Header),
    Trace(StoreKey, StoreKey),
    Ended(StoreKey),
    Foreign,
}

/// Looks at every key once, at least.
async fn walk<B: Body, D: Dialer>(
    layout: &Native<B>,
    wire: &Wire<'_, D>,
    doing: &'static str,
    now: Timestamp,
    mut each: impl FnMut(Seen) + Send,
) -> Result<(), StorageError> {
    let failed = |failure: crate::storage::redis::server::Failure| failure.while_doing(doing);
    for node in wire.servers.primaries(wire.dialer).await.map_err(failed)? {
        let mut cursor = b"0".to_vec();
        loop {
            let mut scan = Pipeline::with_capacity(1);
            scan.cmd("SCAN").arg(&cursor).arg("MATCH").arg(pattern(&layout.common.prefix)).arg("COUNT").arg(STEP);
            let answer = wire.servers.ask_node(wire.dialer, &node, &scan).await.map_err(failed)?;
            let names;
            (cursor, names) = scanned(answer).ok_or_else(|| shape(doing))?;
            let mut heads = Pipeline::with_capacity(names.len());
            heads.ignore_errors();
            for name in &names {
                heads.add_command(layout.body.head(name));
            }
            let answers = if names.is_empty() {
                Vec::new()
            } else {
                wire.servers.ask_node(wire.dialer, &node, &heads).await.map_err(failed)?
            };
            for (name, answer) in names.iter().zip(answers) {
                let text = name.get(layout.common.prefix.len()..).and_then(|rest| std::str::from_utf8(rest).ok());
                let key = text.and_then(StoreKey::parse);
                let head = match &answer {
                    Value::BulkString(bytes) => Head::decode(bytes),
                    _ => None,
                };
                match (key, head) {
                    (Some(key), Some(Head::Session(header))) if header.expires_at() <= now => each(Seen::Ended(key)),
                    (Some(key), Some(Head::Session(header))) if header.kind == Kind::Session => {
                        each(Seen::Session(key, header));
                    }
                    (_, Some(Head::Session(_))) => {}
                    (Some(key), Some(Head::Trace(trace))) if trace.at + FORWARD_FOR <= now => each(Seen::Ended(key)),
                    (Some(key), Some(Head::Trace(trace))) => each(Seen::Trace(key, trace.to)),
                    // It has ended since it was listed, or it is not ours.
                    _ if matches!(&answer, Value::Nil) || matches!(&answer, Value::BulkString(b) if b.is_empty()) => {}
                    _ => each(Seen::Foreign),
                }
            }
            if cursor == b"0" {
                break;
            }
        }
    }
    Ok(())
}

/// A prefix as a pattern of Redis.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for letter in prefix.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('*');
    pattern
}

fn scanned(answers: Vec<Value>) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let Some(Value::Array(parts)) = answers.into_iter().next() else { return None };
    let mut parts = parts.into_iter();
    match (parts.next()?, parts.next()?) {
        (Value::BulkString(cursor), Value::Array(names)) => {
            let name = |value| if let Value::BulkString(name) = value { Some(name) } else { None };
            Some((cursor, names.into_iter().map(name).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// The living sessions of a principal.
///
/// Each session that lives when this begins is listed under one of its keys, also if it is renewed meanwhile: `SCAN` gives every
/// key that is there all the time, and what has moved since it was seen is followed.
pub(super) async fn find<B: Body, D: Dialer>(
    layout: &Native<B>,
    wire: &Wire<'_, D>,
    principal: &str,
    now: Timestamp,
) -> Result<Vec<Found>, StorageError> {
    let tag = tag_of(Some(principal));
    let (mut seen, mut to_open, mut traces) = (HashSet::new(), Vec::new(), Vec::new());
    walk(layout, wire, LISTING, now, |thing| match thing {
        Seen::Session(key, header) if seen.insert(key) && header.tag == tag => to_open.push(key),
        Seen::Trace(key, to) if seen.insert(key) => traces.push((key, to)),
        _ => {}
    })
    .await?;
    // The walk may have missed where these lead: it had passed that key before the renewal, or the renewal is under way.
    to_open.extend(traces.iter().filter(|(_, to)| !seen.contains(to)).map(|(key, _)| key));
    let passive = Access::passive(now);
    let (mut opened, mut found) = (HashSet::new(), Vec::new());
    while let Some(key) = to_open.pop() {
        // Traces that lead in a circle were planted; none of them leads to a session.
        if !opened.insert(key) {
            continue;
        }
        match layout.load(wire, &key, Some(&[]), &passive).await? {
            Lookup::Found(Snapshot { record, .. }) if record.principal.as_deref() == Some(principal) => {
                found.push(Found::new(key, Record { entries: Entries::EMPTY, ..record }));
            }
            Lookup::Moved(_) => to_open.extend(layout.trace(wire, &key, now).await?.map(|trace| trace.to)),
            Lookup::Found(_) | Lookup::Absent => {}
        }
    }
    Ok(found)
}

/// Removes what has ended and still lies there, and counts the rest.
pub(super) async fn sweep<B: Body, D: Dialer>(
    layout: &Native<B>,
    wire: &Wire<'_, D>,
    now: Timestamp,
) -> Result<Swept, StorageError> {
    let mut swept = Swept::default();
    let (mut seen, mut ended) = (HashSet::new(), Vec::new());
    walk(layout, wire, SWEEPING, now, |thing| match thing {
        Seen::Session(key, _) | Seen::Trace(key, _) => swept.kept += u64::from(seen.insert(key)),
        Seen::Ended(key) => ended.push(key),
        Seen::Foreign => swept.foreign += 1,
    })
    .await?;
    let packed = packed::access(&Access::passive(now));
    for key in ended {
        let name = layout.common.name(&key);
        let script = &layout.body.scripts().expire;
        let answer = wire.script(SWEEPING, script, &[&name], &[&packed], Nature::Repeatable).await?;
        swept.removed += u64::from(answer.case == 0);
    }
    Ok(swept)
}
