//! Counts the sessions.

use std::collections::HashSet;

use super::{
    format::Native,
    header::{Header, tag_of},
    scan::{Seen, Walk},
};
use crate::{
    StoreKey, Timestamp,
    record::{Access, reserved::OF_LISTS},
    storage::{
        Lookup,
        redis::{
            errors::{Answered, Failure},
            servers::{Effect, Request, Servers},
        },
    },
};

const COUNTING: &str = "counting the sessions in Redis";
/// Values that are read at once. The longest may have some MiB.
const STEP: usize = 50;

pub(super) async fn count<N: Native>(layout: &N, servers: &Servers, now: Timestamp) -> Answered<u64> {
    // `SCAN` may name a key twice. Keys are hashes, so that a part of them tells them apart.
    let (mut living, mut others) = (HashSet::new(), HashSet::new());
    let mut walk = Walk::begin(layout, servers, COUNTING, now).await?;
    while let Some(step) = walk.next().await? {
        let mut unclear = Vec::new();
        for thing in step {
            match thing {
                Seen::Session(key, header) if !may_be_list(&header) => drop(living.insert(part_of(&key))),
                Seen::Session(key, _) if others.insert(part_of(&key)) => unclear.push(key),
                _ => {}
            }
        }
        for keys in unclear.chunks(STEP) {
            let sessions = sessions_among(layout, servers, keys, now).await?;
            living.extend(sessions.iter().map(part_of));
        }
    }
    Ok(living.len() as u64)
}

fn part_of(key: &StoreKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Lists have no principal and no absolute deadline.
fn may_be_list(header: &Header) -> bool {
    header.tag == tag_of(None) && header.absolute_deadline.is_none()
}

/// Those of these keys that have sessions, and no lists.
async fn sessions_among<N: Native>(
    layout: &N,
    servers: &Servers,
    keys: &[StoreKey],
    now: Timestamp,
) -> Answered<Vec<StoreKey>> {
    let (access, mut requests) = (Access::passive(now), Vec::with_capacity(keys.len()));
    let names: Vec<_> = keys.iter().map(|key| layout.context().name(key)).collect();
    for (key, name) in keys.iter().zip(&names) {
        // There is a command, because this read touches nothing.
        if let Some(command) = layout.plain_read(key, name, Some(&OF_LISTS), &access) {
            requests.push((key, Request::command(COUNTING, name, command, Effect::Read)));
        }
    }
    let (keys, requests): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
    let mut sessions = Vec::with_capacity(keys.len());
    for (key, answer) in keys.into_iter().zip(servers.ask_each(requests).await?) {
        match answer {
            Ok(reply) => {
                let lookup = layout.decode(key, reply, Some(&OF_LISTS), &access);
                if matches!(lookup, Lookup::Found(snapshot) if !snapshot.record.is_list()) {
                    sessions.push(*key);
                }
            }
            // Something else has taken its place meanwhile.
            Err(error) if Failure::of(&error).is_some_and(Failure::is_wrong_type) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sessions)
}
