//! Listing a part of the sessions of a principal.

use super::{
    super::{format::Native, header::tag_of},
    entries, open, without_data,
};
use crate::{
    StoreKey, Timestamp,
    storage::{
        Found, Lookup,
        redis::{errors::Answered, layout::PageOf, servers::Servers},
    },
};

/// The active sessions on one page of a principal's.
///
/// All entries are read, which are small and come in one answer, but only the sessions of the page, at once. If some of the entries have
/// no session, those that follow are read too, as many each time as the page can hold. Nothing is followed: a session that was renewed
/// has another entry under its new key.
pub(in super::super) async fn find_page<N: Native>(
    layout: &N,
    servers: &Servers,
    principal: &str,
    page: PageOf,
    now: Timestamp,
) -> Answered<Vec<Found>> {
    let tag = tag_of(Some(principal));
    let mut entries = entries::entries(layout, servers, tag, now).await?;
    entries.retain(|entry| page.after.is_none_or(|after| entry.key > after));
    entries.sort_unstable_by_key(|entry| entry.key);
    let (most, mut found, mut without) = (page.most.get(), Vec::new(), Vec::new());
    for some in entries.chunks(most) {
        let keys: Vec<StoreKey> = some.iter().map(|entry| entry.key).collect();
        for (entry, lookup) in some.iter().zip(open(layout, servers, &keys, now).await?) {
            match lookup {
                Lookup::Found(snapshot) if snapshot.record.principal.as_deref() == Some(principal) => {
                    found.push(without_data(entry.key, snapshot.record));
                }
                _ => without.push(*entry),
            }
        }
        if found.len() >= most {
            found.truncate(most);
            break;
        }
    }
    entries::prune(layout.context(), servers, tag, &without, now).await;
    Ok(found)
}
