//! Moving what nobody uses.

use futures::future::join_all;

use super::{
    MovingStorage,
    names::{aside_of, owner_of},
    places::Places,
};
use crate::{
    StoreKey, Timestamp,
    storage::{Access, Created, Lookup, Moved, ScanCursor, StorageError, StorageErrorKind},
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
    /// Sessions that the new storage refuses, because they are too large for it or because it cannot keep something of them. They stay.
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
        let scanned = self.0.old.scan(after, now).await?;
        let mut page = MovedPage { next: scanned.next, ..MovedPage::default() };
        for some in scanned.keys.chunks(AT_ONCE) {
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
        let (access, mut aside) = (Access::passive(now), *key);
        let mut owner = *key;
        let Lookup::Found(mut found) = self.old.load(key, &access).await? else { return Ok(Fate::Gone) };
        if let Some(set_aside) = owner_of(&found.record) {
            owner = set_aside;
        } else {
            aside = aside_of(key);
            let (Moved::Done { .. } | Moved::Taken) = self.set_aside(key, &aside, &access).await? else {
                return Ok(Fate::Gone);
            };
            let Lookup::Found(there) = self.old.load(&aside, &access).await? else { return Ok(Fate::Gone) };
            found = there;
        }
        match self.finish(&owner, &aside, found.record, now).await {
            Ok(Created::Done) => Ok(Fate::Moved),
            Ok(Created::Exists) => Ok(Fate::There),
            Err(error) if matches!(error.kind(), StorageErrorKind::Limit(_) | StorageErrorKind::Unsupported) => {
                tracing::warn!(key = ?owner, error = &error as &dyn std::error::Error, "the new storage refuses a session");
                Ok(Fate::Refused)
            }
            Err(error) => Err(error),
        }
    }
}
