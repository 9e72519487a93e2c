//! Iterating over all keys of the prefix: for listings and for sweeping, both of which are rare.

use std::{collections::HashSet, sync::Arc};

use redis::{Pipeline, Value};

use super::{
    format::Native,
    header::{Head, Header, Kind},
    script_args,
};
use crate::{
    StoreKey, Timestamp,
    record::Access,
    storage::{
        Swept, TOMBSTONE_LIFETIME,
        redis::{
            connection::Node,
            errors::{Answered, Failure},
            servers::{Effect, Servers, malformed},
        },
    },
};

const SWEEPING: &str = "sweeping the sessions in Redis";
/// Keys read in one step, which takes the server well under a millisecond.
pub(super) const STEP: usize = 500;

/// What was found under a key.
pub(super) enum Seen {
    Session(StoreKey, Header),
    Tombstone(StoreKey, StoreKey),
    Ended(StoreKey),
    Foreign,
}

/// Reads the header of every key, at least once.
pub(super) async fn walk<N: Native>(
    layout: &N,
    servers: &Servers,
    operation: &'static str,
    now: Timestamp,
    mut each: impl FnMut(Seen) + Send,
) -> Answered<()> {
    let failed = |failure: Failure| failure.while_doing(operation);
    let prefix = &layout.context().prefix;
    for node in servers.primaries().await.map_err(failed)? {
        let mut cursor = b"0".to_vec();
        loop {
            let mut scan = Pipeline::with_capacity(1);
            scan.cmd("SCAN").arg(&cursor).arg("MATCH").arg(pattern(prefix)).arg("COUNT").arg(STEP);
            let answer = servers.ask_node(&node, &scan).await.map_err(failed)?;
            let names;
            (cursor, names) = scanned(answer).ok_or_else(|| malformed(operation))?;
            let answers = ask_headers::<N>(servers, &node, names.iter()).await.map_err(failed)?;
            for (name, answer) in names.iter().zip(answers) {
                let text = name.get(prefix.len()..).and_then(|rest| std::str::from_utf8(rest).ok());
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
                    (Some(key), Some(Head::Tombstone(tombstone))) if tombstone.at + TOMBSTONE_LIFETIME <= now => {
                        each(Seen::Ended(key))
                    }
                    (Some(key), Some(Head::Tombstone(tombstone))) => each(Seen::Tombstone(key, tombstone.to)),
                    // It has ended since `SCAN` returned it.
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

/// The headers under these keys of a node, read in one go. An answer may be an error.
pub(super) async fn ask_headers<'a, N: Native>(
    servers: &Servers,
    node: &Arc<Node>,
    names: impl ExactSizeIterator<Item = &'a Vec<u8>> + Send,
) -> Result<Vec<Value>, Failure> {
    if names.len() == 0 {
        return Ok(Vec::new());
    }
    let mut heads = Pipeline::with_capacity(names.len());
    heads.ignore_errors();
    for name in names {
        heads.add_command(N::read_header(name));
    }
    servers.ask_node(node, &heads).await
}

/// A `SCAN` pattern that matches the keys with a prefix.
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

/// The next cursor and the keys in an answer to `SCAN`.
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

/// Removes sessions and tombstones that have ended but are still stored, and counts the rest.
pub(super) async fn sweep<N: Native>(layout: &N, servers: &Servers, now: Timestamp) -> Answered<Swept> {
    let mut swept = Swept::default();
    let (mut seen, mut ended) = (HashSet::new(), Vec::new());
    walk(layout, servers, SWEEPING, now, |thing| match thing {
        Seen::Session(key, _) | Seen::Tombstone(key, _) => swept.kept += u64::from(seen.insert(key)),
        Seen::Ended(key) => ended.push(key),
        Seen::Foreign => swept.foreign += 1,
    })
    .await?;
    let packed = script_args::access(&Access::passive(now));
    for key in ended {
        let name = layout.context().name(&key);
        let answer = servers.call(SWEEPING, &N::scripts().expire, &[&name], &[&packed], Effect::Repeatable).await?;
        swept.removed += u64::from(answer.case == 0);
    }
    Ok(swept)
}
