//! Going through all sessions, for what is done rarely: listing those of a user, and sweeping.

use std::{collections::HashSet, sync::Arc};

use redis::{Pipeline, Value};

use super::{
    Native,
    body::Body,
    header::{Head, Header, Kind},
    packed,
};
use crate::{
    StoreKey, Timestamp,
    record::Access,
    storage::{
        FORWARD_FOR, StorageError, Swept,
        redis::{
            server::{Dialer, Failure, Node},
            wire::{Nature, Wire, shape},
        },
    },
};

const SWEEPING: &str = "sweeping the sessions in Redis";
/// Keys looked at in one step, which holds up the server for well under a millisecond.
pub(super) const STEP: usize = 500;

/// What was found under a key.
pub(super) enum Seen {
    Session(StoreKey, Header),
    Trace(StoreKey, StoreKey),
    Ended(StoreKey),
    Foreign,
}

/// Looks at every key once, at least.
pub(super) async fn walk<B: Body, D: Dialer>(
    layout: &Native<B>,
    wire: &Wire<'_, D>,
    doing: &'static str,
    now: Timestamp,
    mut each: impl FnMut(Seen) + Send,
) -> Result<(), StorageError> {
    let failed = |failure: Failure| failure.while_doing(doing);
    for node in wire.servers.primaries(wire.dialer).await.map_err(failed)? {
        let mut cursor = b"0".to_vec();
        loop {
            let mut scan = Pipeline::with_capacity(1);
            scan.cmd("SCAN").arg(&cursor).arg("MATCH").arg(pattern(&layout.common.prefix)).arg("COUNT").arg(STEP);
            let answer = wire.servers.ask_node(wire.dialer, &node, &scan).await.map_err(failed)?;
            let names;
            (cursor, names) = scanned(answer).ok_or_else(|| shape(doing))?;
            let answers = ask_heads(layout, wire, &node, names.iter()).await.map_err(failed)?;
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

/// What stands at the beginning of these keys of a node, asked for all at once; an answer may be an error.
pub(super) async fn ask_heads<'a, B: Body, D: Dialer>(
    layout: &Native<B>,
    wire: &Wire<'_, D>,
    node: &Arc<Node>,
    names: impl ExactSizeIterator<Item = &'a Vec<u8>> + Send,
) -> Result<Vec<Value>, Failure> {
    if names.len() == 0 {
        return Ok(Vec::new());
    }
    let mut heads = Pipeline::with_capacity(names.len());
    heads.ignore_errors();
    for name in names {
        heads.add_command(layout.body.head(name));
    }
    wire.servers.ask_node(wire.dialer, node, &heads).await
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
