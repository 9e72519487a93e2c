//! Listing the sessions of a principal.

mod complete;
mod entries;
mod page;

pub(super) use self::page::find_page;

use std::collections::HashSet;

use redis::Value;

use super::{
    format::{Native, or_wrong_type},
    header::{Head, Header, Kind, tag_of},
};
use crate::{
    Record, StoreKey, Timestamp,
    record::{Access, Snapshot, reserved},
    storage::{
        Found, Lookup, StorageError, StorageErrorKind, TOMBSTONE_LIFETIME,
        redis::{
            errors::Answered,
            layout::{LISTING, Layout as _},
            servers::{Effect, Request, Servers},
        },
    },
};

/// Renewals since a listing began after which a session of the principal is no longer followed, but listed as it was last seen.
const HOPS: u32 = 100;
/// Renewals since a listing began after which a session of which only tombstones were seen is given up.
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
    const fn new(key: StoreKey) -> Self {
        Self { key, from: None, hops: 0, header: None }
    }
}

/// The active sessions of a principal.
///
/// Each session that exists when this begins is listed under one of its keys, even if it is renewed meanwhile: it is in the index
/// before it exists, and if it has moved since the index was read, it is followed.
///
/// This ends, however fast a client renews. Each round makes one hop on every trail, and a trail on which a session of the principal
/// was seen ends after [`HOPS`]: the session is listed under a key that it had, and ending it follows the tombstones from there. A
/// trail on which only tombstones were seen may belong to anyone, so it cannot be listed. To stay unseen for [`BLIND_HOPS`], a session
/// would have to be renewed faster than a header is read, every time. Then the listing fails, because it must not report that there
/// was nothing.
pub(super) async fn find<N: Native>(
    layout: &N,
    servers: &Servers,
    principal: &str,
    now: Timestamp,
) -> Answered<Vec<Found>> {
    let tag = tag_of(Some(principal));
    let entries = entries::entries(layout, servers, tag, now).await?;
    let mut to_open: Vec<Chase> = entries.iter().map(|entry| Chase::new(entry.key)).collect();
    let (mut found, mut living, mut followed) = (Vec::new(), HashSet::new(), HashSet::new());
    let mut to_ask = Vec::new();
    loop {
        let keys: Vec<StoreKey> = to_open.iter().map(|chase| chase.key).collect();
        for (chase, lookup) in to_open.iter().zip(open(layout, servers, &keys, now).await?) {
            match lookup {
                Lookup::Found(Snapshot { record, .. }) if record.principal.as_deref() != Some(principal) => {}
                Lookup::Found(Snapshot { record, .. }) if living.insert(chase.key) => {
                    found.push(without_data(chase.key, record));
                }
                // It was renewed since it was noted.
                Lookup::Renewed(_) => to_ask.push(Chase { hops: chase.hops + 1, ..*chase }),
                Lookup::Found(_) | Lookup::Absent => {}
            }
        }
        to_open.clear();
        let mut asked = Vec::with_capacity(to_ask.len());
        for chase in to_ask.drain(..) {
            match chase.header {
                Some(header) if chase.hops >= HOPS => {
                    let record = Record { principal: Some(principal.into()), ..header.record() };
                    let key = chase.from.unwrap_or(chase.key);
                    if living.insert(key) {
                        found.push(Found::new(key, record));
                    }
                }
                None if chase.hops >= BLIND_HOPS => return Err(StorageError::new(StorageErrorKind::Other, LISTING)),
                _ => asked.push(chase),
            }
        }
        if asked.is_empty() {
            break;
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
                    if now < tombstone.at + TOMBSTONE_LIFETIME
                        && !living.contains(&tombstone.to)
                        && followed.insert(tombstone.to) =>
                {
                    // What happened before this listing began comes to an end, however long it is.
                    let hops = if tombstone.at < now { chase.hops } else { hops };
                    to_ask.push(Chase { key: tombstone.to, from: Some(key), hops, header: chase.header });
                }
                _ => {}
            }
        }
    }
    let without: Vec<_> = entries.into_iter().filter(|entry| !living.contains(&entry.key)).collect();
    entries::prune(layout.context(), servers, tag, &without, now).await;
    Ok(found)
}

/// A session as it is listed, without the application's entries.
fn without_data(key: StoreKey, record: Record) -> Found {
    Found::new(key, Record { entries: record.entries.reserved(), ..record })
}

/// The sessions under these keys, without the application's entries where the layout can leave them out.
async fn open<N: Native>(layout: &N, servers: &Servers, keys: &[StoreKey], now: Timestamp) -> Answered<Vec<Lookup>> {
    let access = Access::passive(now);
    let names: Vec<Vec<u8>> = keys.iter().map(|key| layout.name(key)).collect();
    let mut requests = Vec::with_capacity(names.len());
    for (key, name) in keys.iter().zip(&names) {
        // A passive read never has to touch, so there is always one.
        let Some(read) = layout.plain_read(key, name, Some(&reserved::KEYS), &access) else { continue };
        requests.push(Request::command(LISTING, name, read, Effect::Read));
    }
    let answers = keys.iter().zip(servers.ask_each(requests).await?);
    answers
        .map(|(key, answer)| match answer {
            Ok(reply) => Ok(layout.decode(key, reply, Some(&reserved::KEYS), &access)),
            Err(error) => or_wrong_type(error, key),
        })
        .collect()
}

/// The headers under these keys.
async fn headers<N: Native>(layout: &N, servers: &Servers, chases: &[Chase]) -> Answered<Vec<Option<Head>>> {
    let names: Vec<Vec<u8>> = chases.iter().map(|chase| layout.name(&chase.key)).collect();
    let requests = names.iter().map(|name| Request::command(LISTING, name, N::read_header(name), Effect::Read));
    let answers = chases.iter().zip(servers.ask_each(requests.collect()).await?);
    answers
        .map(|(chase, answer)| match answer {
            Ok(Value::BulkString(bytes)) => Ok(Head::decode(&bytes)),
            Ok(_) => Ok(None),
            Err(error) => or_wrong_type(error, &chase.key).map(|_| None),
        })
        .collect()
}

#[cfg(test)]
mod tests;
