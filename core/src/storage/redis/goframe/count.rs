//! Counts what looks like a session. GoFrame marks nothing as one.

use std::collections::HashSet;

use redis::{Cmd, Value};

use super::{format::GoFormat, tombstone};
use crate::{
    StoreKey,
    storage::redis::{
        errors::{Answered, Failure},
        servers::{Effect, Request, Scan, Servers},
    },
};

const COUNTING: &str = "counting the sessions in Redis";

/// Counts the keys with a value of this format whose name, after the prefix, can be an id.
pub(super) async fn count<F: GoFormat>(servers: &Servers, prefix: &str) -> Answered<u64> {
    // `SCAN` may name a key twice.
    let mut living = HashSet::new();
    let mut scan = Scan::begin(servers, COUNTING, prefix, Some(F::TYPE)).await?;
    while let Some((_, mut names)) = scan.next().await? {
        names.retain(|name| {
            let id = name.get(prefix.len()..).and_then(StoreKey::from_raw_id);
            id.is_some() && !tombstone::is_name(name) && !living.contains(name)
        });
        let commands = names.iter().filter_map(|name| Some((name, F::read_beginning(name)?)));
        let requests = commands.map(|(name, command)| Request::command(COUNTING, name, command, Effect::Read));
        let answers = servers.ask_each(requests.collect()).await?;
        if answers.is_empty() {
            living.extend(names);
            continue;
        }
        for (name, answer) in names.into_iter().zip(answers) {
            match answer {
                Ok(beginning) if is_object(&beginning) => drop(living.insert(name)),
                Ok(_) => {}
                Err(error) if Failure::of(&error).is_some_and(Failure::is_wrong_type) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(living.len() as u64)
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
