//! Moving what nobody uses.

use futures::future::join_all;

use super::{
    MovingStorage,
    names::{aside_of, owner_of},
    places::Places,
};
use crate::{
    StoreKey, Timestamp,
    storage::{Access, Created, Lookup, Moved, ScanCursor, Scanned, StorageError, StorageErrorKind},
};

/// Sessions that are moved at the same time.
const AT_ONCE: usize = 32;

/// What [`MovingStorage::move_page`] has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MoveCounts {
    /// Sessions that were moved.
    pub moved: u64,
    /// Sessions that were at the new place already. What was left at the old one was removed.
    pub there: u64,
    /// Keys under which there was no session any more: it has ended or moved since it was listed, or was renewed and is listed again.
    pub gone: u64,
    /// Sessions that a storage refuses: they are too large for one of them, or the new one cannot keep something of them. They stay at the
    /// old place, and requests for them fail until the new one takes them. The log names their keys.
    pub refused: u64,
    /// [Lists](crate::Record::is_list) of gsession's own, which are no sessions, that were moved or had been.
    pub lists: u64,
}

impl MoveCounts {
    const fn add(&mut self, fate: &Fate) {
        match fate {
            Fate::Moved => self.moved += 1,
            Fate::There => self.there += 1,
            Fate::Gone => self.gone += 1,
            Fate::Refused => self.refused += 1,
            Fate::List => self.lists += 1,
        }
    }
}

/// What became of a session.
enum Fate {
    Moved,
    There,
    Gone,
    Refused,
    List,
}

impl MovingStorage {
    /// Moves the sessions of one page of the old storage ([`scan`](crate::Storage::scan)), so that a job can move all: begin without a
    /// cursor, and go on with the one that is returned until there is none. What was moved before is not moved again, so it does no harm
    /// to begin anew. `counts` says what was done, also if it ends with an error.
    ///
    /// After an error, begin anew: sessions that were on their way may be listed before the page that has failed. The same finds what a
    /// service leaves on its way if it dies meanwhile.
    ///
    /// ```
    /// use gsession::{Clock, MemoryStorage, MovingStorage, SystemClock, storage::moving::MoveCounts};
    ///
    /// # futures::executor::block_on(async {
    /// let moving = MovingStorage::new(MemoryStorage::new(), MemoryStorage::new())?;
    /// let (mut counts, mut after) = (MoveCounts::default(), None);
    /// loop {
    ///     after = moving.move_page(after.as_ref(), SystemClock.now(), &mut counts).await?;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// println!("{} sessions were moved", counts.moved);
    /// # Ok::<(), gsession::StorageError>(())
    /// # })?;
    /// # Ok::<(), gsession::StorageError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StorageError`] if one of the storages is broken, or the old one cannot list its sessions.
    pub async fn move_page(
        &self,
        after: Option<&ScanCursor>,
        now: Timestamp,
        counts: &mut MoveCounts,
    ) -> Result<Option<ScanCursor>, StorageError> {
        self.0.clock.see(now);
        let Scanned { mut keys, next } = self.0.old.scan(after, now).await?;
        // A renewed session may be listed under its key and by its tombstone. Two at once would get in each other's way.
        keys.sort_unstable();
        keys.dedup();
        for some in keys.chunks(AT_ONCE) {
            let mut failed = None;
            for fate in join_all(some.iter().map(|key| self.0.move_one(key, now))).await {
                match fate {
                    Ok(fate) => counts.add(&fate),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(next)
    }
}

impl Places {
    async fn move_one(&self, key: &StoreKey, now: Timestamp) -> Result<Fate, StorageError> {
        let fate = match self.try_one(key, now).await {
            Err(error) if matches!(error.kind(), StorageErrorKind::Limit(_) | StorageErrorKind::Unsupported) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(?key, error, "a session cannot be moved");
                Fate::Refused
            }
            fate => fate?,
        };
        Ok(fate)
    }

    async fn try_one(&self, key: &StoreKey, now: Timestamp) -> Result<Fate, StorageError> {
        let access = Access::passive(now);
        let Lookup::Found(found) = self.old.load(key, &access).await? else { return Ok(Fate::Gone) };
        let is_list = found.record.is_list();
        let created = if let Some(owner) = owner_of(&found.record) {
            self.finish(&owner, key, found.record, now).await?
        } else {
            let aside = aside_of(key);
            let (Moved::Done { .. } | Moved::Taken) = self.set_aside(key, &aside, &access).await? else {
                return Ok(Fate::Gone);
            };
            let Lookup::Found(found) = self.old.load(&aside, &access).await? else { return Ok(Fate::Gone) };
            self.finish(key, &aside, found.record, now).await?
        };
        Ok(match created {
            _ if is_list => Fate::List,
            Created::Done => Fate::Moved,
            Created::Exists => Fate::There,
        })
    }
}
