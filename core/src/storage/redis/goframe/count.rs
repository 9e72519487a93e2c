//! Counts and lists what looks like a session. GoFrame marks nothing as one.

use std::collections::HashSet;

use redis::{Cmd, Value};

use super::{format::GoFormat, tombstone};
use crate::{
    StoreKey,
    storage::{
        ScanCursor, Scanned,
        redis::{
            errors::{Answered, Failure},
            layout::LISTING,
            servers::{Effect, Request, Scan, Servers},
        },
    },
};

const COUNTING: &str = "counting the sessions in Redis";

/// Counts the keys with a value of this format whose name, after the prefix, can be an id.
pub(super) async fn count<F: GoFormat>(servers: &Servers, prefix: &str) -> Answered<u64> {
    // `SCAN` may name a key twice.
    let mut living = HashSet::new();
    let mut scan = Scan::begin(servers, COUNTING, prefix, Some(F::TYPE)).await?;
    while let Some((_, mut names)) = scan.next().await? {
        names.retain(|name| key_of(name, prefix).is_some() && !living.contains(name));
        living.extend(sessions_among::<F>(servers, COUNTING, names).await?);
    }
    Ok(living.len() as u64)
}

/// The keys that a count counts, page by page.
pub(super) async fn page<F: GoFormat>(
    servers: &Servers,
    prefix: &str,
    after: Option<&ScanCursor>,
) -> Answered<Scanned> {
    let mut scan = Scan::resume(servers, LISTING, prefix, Some(F::TYPE), after).await?;
    let (_, mut names) = scan.next().await?.unzip();
    let names = names.get_or_insert_default();
    names.retain(|name| key_of(name, prefix).is_some());
    let sessions = sessions_among::<F>(servers, LISTING, std::mem::take(names)).await?;
    Ok(Scanned::new(sessions.iter().filter_map(|name| key_of(name, prefix)).collect(), scan.cursor()?))
}

/// The key of the session with this name, if it can be that of one.
fn key_of(name: &[u8], prefix: &str) -> Option<StoreKey> {
    let id = name.get(prefix.len()..)?;
    StoreKey::from_raw_id(id).filter(|_| !tombstone::is_name(name))
}

/// Those of these names, of keys of the right type, that have sessions.
async fn sessions_among<F: GoFormat>(
    servers: &Servers,
    operation: &'static str,
    names: Vec<Vec<u8>>,
) -> Answered<Vec<Vec<u8>>> {
    let commands = names.iter().filter_map(|name| Some((name, F::read_beginning(name)?)));
    let requests = commands.map(|(name, command)| Request::command(operation, name, command, Effect::Read));
    let answers = servers.ask_each(requests.collect()).await?;
    if answers.is_empty() {
        return Ok(names);
    }
    let mut sessions = Vec::with_capacity(names.len());
    for (name, answer) in names.into_iter().zip(answers) {
        match answer {
            Ok(beginning) if is_object(&beginning) => sessions.push(name),
            Ok(_) => {}
            Err(error) if Failure::of(&error).is_some_and(Failure::is_wrong_type) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sessions)
}

/// The command that reads what a JSON object begins with.
pub(super) fn first_bytes(name: &[u8]) -> Cmd {
    let mut command = Cmd::with_capacity(4, 96);
    command.arg("GETRANGE").arg(name).arg(0).arg(4);
    command
}

/// Whether a text begins like an object, or is the `null` that GoFrame takes for an empty session.
fn is_object(beginning: &Value) -> bool {
    matches!(beginning, Value::BulkString(bytes) if bytes.first() == Some(&b'{') || bytes == b"null")
}
