//! Listing the sessions of a principal.

use std::{collections::HashSet, sync::Arc};

use redis::Value;

use super::{
    format::{Native, or_wrong_type},
    header::{Head, Header, Kind, tag_of},
    scan::{STEP, Seen, ask_headers, walk},
};
use crate::{
    Entries, Record, StoreKey, Timestamp,
    record::{Access, Snapshot},
    storage::{
        Found, Lookup, StorageError, StorageErrorKind, TOMBSTONE_LIFETIME,
        redis::{
            errors::Answered,
            layout::Layout as _,
            servers::{Effect, Request, Servers},
        },
    },
};

const LISTING: &str = "listing the sessions in Redis";
/// Renewals after which a session of the principal is no longer followed, but listed as it was last seen.
const HOPS: u32 = 100;
/// Renewals after which a session of which only tombstones were seen is given up: more than happen during a listing.
const BLIND_HOPS: u32 = 1_000;

/// A session that is being followed.
struct Chase {
    /// Where it may be.
    key: StoreKey,
    /// The tombstone that leads there.
    from: Option<StoreKey>,
    hops: u32,
    /// Its header when it was last seen as a session of the principal.
    header: Option<Header>,
}

impl Chase {
    const fn new(key: StoreKey, from: Option<StoreKey>, header: Option<Header>) -> Self {
        Self { key, from, hops: 0, header }
    }
}

/// The active sessions of a principal.
///
/// Each session that exists when this begins is listed under one of its keys, even if it is renewed meanwhile: `SCAN` returns every
/// key that exists all the time, and sessions that have moved since they were seen are followed.
///
/// This ends, however fast a client renews. The walk ends because `SCAN` does. Then each round makes one hop on every trail, and a
/// trail on which a session of the principal was seen ends after [`HOPS`]: the session is listed under a key that it had, and
/// ending it follows the tombstones from there. A trail on which only tombstones were seen may belong to anyone, so it cannot be listed.
/// To stay unseen for [`BLIND_HOPS`], a session would have to be renewed faster than a header is read, every time. Then the listing
/// fails, because it must not report that there was nothing.
pub(super) async fn find<N: Native>(
    layout: &N,
    servers: &Servers,
    principal: &str,
    now: Timestamp,
) -> Answered<Vec<Found>> {
    let tag = tag_of(Some(principal));
    let (mut seen, mut to_open, mut tombstones) = (HashSet::new(), Vec::new(), Vec::new());
    walk(layout, servers, LISTING, now, |thing| match thing {
        Seen::Session(key, header) if seen.insert(key) && header.tag == tag => {
            to_open.push(Chase::new(key, None, Some(header)));
        }
        Seen::Tombstone(key, to) if seen.insert(key) => tombstones.push((key, to)),
        _ => {}
    })
    .await?;
    // The walk may have missed where these lead: it passed that key before the renewal, or the renewal is in progress.
    let missed = tombstones.into_iter().filter(|(_, to)| seen.insert(*to));
    let mut to_ask: Vec<Chase> = missed.map(|(key, to)| Chase::new(to, Some(key), None)).collect();
    let mut found = Vec::new();
    loop {
        for chase in to_open.drain(..) {
            match layout.load(servers, &chase.key, Some(&[]), &Access::passive(now)).await? {
                Lookup::Found(Snapshot { record, .. }) if record.principal.as_deref() == Some(principal) => {
                    found.push(Found::new(chase.key, Record { entries: Entries::EMPTY, ..record }));
                }
                // It was renewed since its header was read.
                Lookup::Renewed(_) => to_ask.push(Chase { hops: chase.hops + 1, ..chase }),
                Lookup::Found(_) | Lookup::Absent => {}
            }
        }
        let mut asked = Vec::with_capacity(to_ask.len());
        for chase in to_ask.drain(..) {
            match chase.header {
                Some(header) if chase.hops >= HOPS => {
                    let record = Record { principal: Some(principal.into()), ..header.record() };
                    found.push(Found::new(chase.from.unwrap_or(chase.key), record));
                }
                None if chase.hops >= BLIND_HOPS => return Err(StorageError::new(StorageErrorKind::Other, LISTING)),
                _ => asked.push(chase),
            }
        }
        if asked.is_empty() {
            return Ok(found);
        }
        for (chase, head) in asked.iter().zip(headers(layout, servers, &asked).await?) {
            let (key, hops) = (chase.key, chase.hops + 1);
            match head {
                Some(Head::Session(header)) if header.tag == tag && header.expires_at() > now => {
                    if header.kind == Kind::Prepared
                        && let Some(from) = &chase.from
                    {
                        // The renewal may still be in progress, or its process may have died. This completes it.
                        layout.tombstone(servers, from, now).await?;
                    }
                    to_open.push(Chase { key, from: chase.from, hops, header: Some(header) });
                }
                // Tombstones that form a cycle were planted; none of them leads to a session.
                Some(Head::Tombstone(tombstone))
                    if now < tombstone.at + TOMBSTONE_LIFETIME && seen.insert(tombstone.to) =>
                {
                    to_ask.push(Chase { key: tombstone.to, from: Some(key), hops, header: chase.header });
                }
                _ => {}
            }
        }
    }
}

/// The headers under these keys. The servers are asked for many at once.
async fn headers<N: Native>(layout: &N, servers: &Servers, chases: &[Chase]) -> Answered<Vec<Option<Head>>> {
    let names: Vec<Vec<u8>> = chases.iter().map(|chase| layout.name(&chase.key)).collect();
    let mut answers = vec![None; names.len()];
    let mut by_node: Vec<(Arc<_>, Vec<usize>)> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let Some(node) = servers.known_node_of(name) else { continue };
        match by_node.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &node)) {
            Some((_, places)) => places.push(at),
            None => by_node.push((node, vec![at])),
        }
    }
    for (node, places) in &by_node {
        for step in places.chunks(STEP) {
            let some: Vec<_> = step.iter().filter_map(|&at| names.get(at)).collect();
            // What this does not return is asked for one by one, which finds keys that are on other nodes by now.
            let Ok(values) = ask_headers::<N>(servers, node, some.into_iter()).await else { continue };
            for (&at, value) in step.iter().zip(values) {
                if let Some(answer) = answers.get_mut(at) {
                    *answer = Some(value);
                }
            }
        }
    }
    let mut heads = Vec::with_capacity(names.len());
    for ((chase, name), answer) in chases.iter().zip(&names).zip(answers) {
        heads.push(match answer {
            Some(Value::BulkString(bytes)) => Head::decode(&bytes),
            Some(Value::Nil) => None,
            _ => one_header::<N>(servers, &chase.key, name).await?,
        });
    }
    Ok(heads)
}

async fn one_header<N: Native>(servers: &Servers, key: &StoreKey, name: &[u8]) -> Answered<Option<Head>> {
    match servers.ask(Request::command(LISTING, name, N::read_header(name), Effect::Read)).await {
        Ok(reply) => Ok(if let Value::BulkString(bytes) = reply { Head::decode(&bytes) } else { None }),
        Err(error) => or_wrong_type(error, key).map(|_| None),
    }
}

#[cfg(test)]
mod tests;
