//! Reading the entries of a principal, and removing those that are stale.

use std::time::Duration;

use redis::{Cmd, Value};

use super::{
    super::{
        context::Context,
        format::Native,
        header::{Tag, millis},
        index::{LAST_MINUTE, minutes, set_of},
        scripts::FORGET,
    },
    complete::complete,
};
use crate::{
    StoreKey, Timestamp,
    storage::redis::{
        errors::Answered,
        layout::LISTING,
        servers::{Effect, Request, Servers, malformed},
    },
};

/// An entry without a session is stale when it is older: no request takes that long between noting a session and storing it.
const STALE: Duration = Duration::from_secs(60 * 60);
/// Entries that one call of `forget.lua` removes at most.
const MOST_FORGOTTEN: usize = 500;

/// An entry of the index.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) key: StoreKey,
    score: u64,
}

impl Entry {
    /// Whether it was noted so long ago that no request is still about to store the session.
    fn is_old(&self, now: Timestamp) -> bool {
        (self.score & LAST_MINUTE) < minutes(stale_before(now))
    }
}

fn stale_before(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_sub(millis(STALE)))
}

/// The entries of the principal with this tag, after all sessions are known to be noted.
pub(super) async fn entries<N: Native>(
    layout: &N,
    servers: &Servers,
    tag: Tag,
    now: Timestamp,
) -> Answered<Vec<Entry>> {
    complete(layout, servers, now).await?;
    let set = set_of(&layout.context().prefix, tag);
    let mut command = Cmd::with_capacity(5, 160);
    command.arg("ZRANGEBYSCORE").arg(&set).arg(minutes(now) * (LAST_MINUTE + 1)).arg("+inf").arg("WITHSCORES");
    let answer = servers.ask(Request::command(LISTING, &set, command, Effect::Read)).await?;
    read_entries(answer).ok_or_else(|| malformed(LISTING))
}

/// Members with their scores: pairs in RESP3, alternating in RESP2. `None` if it is neither; what is not a key of a session is left
/// out.
fn read_entries(answer: Value) -> Option<Vec<Entry>> {
    let Value::Array(list) = answer else { return None };
    let mut flat = Vec::with_capacity(list.len());
    for item in list {
        match item {
            Value::Array(pair) => flat.extend(pair),
            other => flat.push(other),
        }
    }
    let mut entries = Vec::with_capacity(flat.len() / 2);
    let mut rest = flat.into_iter();
    while let Some(member) = rest.next() {
        let score: f64 = match rest.next()? {
            Value::Double(score) => score,
            Value::BulkString(digits) => std::str::from_utf8(&digits).ok()?.parse().ok()?,
            _ => return None,
        };
        let Value::BulkString(member) = member else { return None };
        let Ok(key) = <[u8; 32]>::try_from(member) else { continue };
        // Scores are whole numbers below 2^52.
        entries.push(Entry { key: StoreKey::from_bytes(key), score: score as u64 });
    }
    Some(entries)
}

/// Removes those of these entries, which have no session, that are old.
pub(super) async fn prune(context: &Context, servers: &Servers, tag: Tag, without: &[Entry], now: Timestamp) {
    let old: Vec<_> = without.iter().filter(|entry| entry.is_old(now)).collect();
    for some in old.chunks(MOST_FORGOTTEN) {
        let mut args = vec![minutes(stale_before(now)).to_string().into_bytes()];
        for entry in some {
            args.extend([entry.key.as_bytes().to_vec(), entry.score.to_string().into_bytes()]);
        }
        let args: Vec<_> = args.iter().map(Vec::as_slice).collect();
        let done = servers.call(LISTING, &FORGET, &[&set_of(&context.prefix, tag)], &args, Effect::Repeatable).await;
        if let Err(error) = done {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "stale entries could not be removed from the index"
            );
        }
    }
}
