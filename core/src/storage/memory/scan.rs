//! Lists all sessions, page by page.

use super::{
    slot::Content,
    store::{STEP, Store},
};
use crate::{
    Timestamp,
    storage::{ScanCursor, Scanned, StorageError},
};

/// Places that a page looks at, at most.
const PAGE: usize = 2 * STEP;

/// The place where a page begins.
struct Place {
    shard: usize,
    /// How often the shard had been compacted. Then its sessions have other places, and it is looked at from its beginning again.
    compactions: u32,
    at: usize,
}

impl Store {
    /// A session that is renewed leaves its tombstone in its place, so it is found there although it may have gone to a place that a
    /// page has passed.
    pub(super) fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<Scanned, StorageError> {
        let start = Place { shard: 0, compactions: 0, at: 0 };
        let mut place = after.map_or(Ok(start), Place::parse)?;
        let (mut keys, mut looked_at) = (Vec::new(), 0);
        while let Some(shard) = self.shards.get(place.shard) {
            if looked_at >= PAGE {
                return Ok(Scanned::new(keys, Some(place.cursor()?)));
            }
            let shard = shard.read();
            if place.compactions != shard.compactions() {
                place = Place { compactions: shard.compactions(), at: 0, ..place };
            }
            if place.at >= shard.places() {
                place = Place { shard: place.shard + 1, compactions: 0, at: 0 };
                continue;
            }
            let living = shard.walk(place.at..place.at + STEP).filter(|slot| !slot.is_expired(now));
            keys.extend(living.map(|slot| match slot.content() {
                Content::Session { .. } => slot.key,
                Content::Tombstone { to, .. } => *to,
            }));
            place.at += STEP;
            looked_at += STEP;
        }
        Ok(Scanned::new(keys, None))
    }
}

impl Place {
    fn parse(cursor: &ScanCursor) -> Result<Self, StorageError> {
        let mut numbers = cursor.as_str().split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(shard)), Some(Ok(compactions)), Some(Ok(at)), None) => {
                Ok(Self { shard: shard as usize, compactions, at: at as usize })
            }
            _ => Err(ScanCursor::not_mine()),
        }
    }

    fn cursor(&self) -> Result<ScanCursor, StorageError> {
        let text = format!("{}.{}.{}", self.shard, self.compactions, self.at);
        text.parse().map_err(|_| ScanCursor::not_mine())
    }
}
