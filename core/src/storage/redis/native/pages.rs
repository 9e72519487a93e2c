//! Lists all sessions, page by page.

use super::{
    format::Native,
    scan::{Seen, Walk},
};
use crate::{
    Timestamp,
    storage::{
        ScanCursor, Scanned,
        redis::{errors::Answered, layout::LISTING, servers::Servers},
    },
};

/// The next page. A session that is renewed leaves its tombstone under its key, so it is found there although `SCAN` may have passed
/// its new key.
pub(super) async fn page<N: Native>(
    layout: &N,
    servers: &Servers,
    after: Option<&ScanCursor>,
    now: Timestamp,
) -> Answered<Scanned> {
    let mut walk = Walk::resume(layout, servers, LISTING, after, now).await?;
    let keys = walk.next().await?.unwrap_or_default().into_iter().filter_map(|thing| match thing {
        Seen::Session(key, _) | Seen::Tombstone(_, key) => Some(key),
        Seen::Ended(_) | Seen::Set(_) | Seen::Foreign => None,
    });
    let keys = keys.collect();
    Ok(Scanned::new(keys, walk.cursor()?))
}
