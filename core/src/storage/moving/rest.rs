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

/// What [`MovingStorage::move_page`] has done.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct MovedPage {
    /// Sessions that were moved.
    pub moved: u64,
    /// Sessions that were at the new place already. What was left at the old one was removed.
    pub there: u64,
    /// Keys under which there was no session any more: it has ended or moved since it was listed, or was renewed and is listed again.
    pub gone: u64,
    /// Sessions that a storage refuses: they are too large for one of them, or the new one cannot keep something of them. They stay, and
    /// the log names their keys.
    pub refused: u64,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<ScanCursor>,
}

/// What became of a session.
enum Fate {
    Moved,
    There,
    Gone,
    Refused,
}

impl MovingStorage {
    /// Moves the sessions of one page of the old storage ([`scan`](crate::Storage::scan)), so that a job can move all: begin without a
    /// cursor, and go on with [`next`](MovedPage::next). What was moved before is not moved again, so it does no harm to begin anew.
    ///
    /// ```
    /// use gsession::{Clock, MemoryStorage, MovingStorage, SystemClock};
    ///
    /// # futures::executor::block_on(async {
    /// let moving = MovingStorage::new(MemoryStorage::new(), MemoryStorage::new())?;
    /// let mut after = None;
    /// loop {
    ///     let page = moving.move_page(after.as_ref(), SystemClock.now()).await?;
    ///     after = page.next;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), gsession::StorageError>(())
    /// # })?;
    /// # Ok::<(), gsession::StorageError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StorageError`] if one of the storages is broken, or the old one cannot list its sessions.
    pub async fn move_page(&self, after: Option<&ScanCursor>, now: Timestamp) -> Result<MovedPage, StorageError> {
        let Scanned { mut keys, next } = self.0.old.scan(after, now).await?;
        // A renewed session may be listed under its key and by its tombstone. Two at once would get in each other's way.
        keys.sort_unstable();
        keys.dedup();
        let mut page = MovedPage { next, ..MovedPage::default() };
        for some in keys.chunks(AT_ONCE) {
            for fate in join_all(some.iter().map(|key| self.0.move_one(key, now))).await {
                match fate? {
                    Fate::Moved => page.moved += 1,
                    Fate::There => page.there += 1,
                    Fate::Gone => page.gone += 1,
                    Fate::Refused => page.refused += 1,
                }
            }
        }
        Ok(page)
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
        Ok(if created == Created::Done { Fate::Moved } else { Fate::There })
    }
}
