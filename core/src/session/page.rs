//! Listing a part of a user's sessions.

use std::num::NonZeroUsize;

use super::config::Config;
use crate::{AnyStorage, StorageError, StoreKey, storage::Found};

/// A part of a user's sessions, in the order of their keys. An account that services share may have thousands.
///
/// The order says nothing about the sessions, but it stays the same while they are used. So a session that lives through the whole walk
/// is seen exactly once, whatever other sessions begin and end meanwhile. Only a renewal gives a session another place: one that is
/// renewed during the walk may be seen twice, or not at all. To end all sessions of a user, call
/// [`destroy_all_of`](crate::AsyncManager::destroy_all_of), which follows renewals.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The sessions; fewer than asked for only on the last page.
    pub sessions: Vec<T>,
    /// The last key on this page, after which the next page begins. `None` if no session is left.
    pub next: Option<StoreKey>,
}

impl Page<Found> {
    /// Reads one session more than the page has, which shows whether any is left.
    pub(crate) async fn read(
        storage: &AnyStorage,
        config: &Config,
        principal: &str,
        mut after: Option<StoreKey>,
        most: NonZeroUsize,
    ) -> Result<Self, StorageError> {
        let (now, wanted) = (config.clock.now(), most.saturating_add(1));
        let mut sessions: Vec<Found> = Vec::new();
        while let Some(lacking) = NonZeroUsize::new(wanted.get().saturating_sub(sessions.len())) {
            let found = storage.find_page(principal, after, lacking, now).await?;
            let is_last = found.len() < lacking.get();
            after = found.last().map(|found| found.key);
            // A session may have ended by settings that have become stricter since it was stored.
            sessions.extend(found.into_iter().filter(|found| !config.lifetime.is_over(&found.record, now)));
            if is_last {
                break;
            }
        }
        let is_more = sessions.len() > most.get();
        sessions.truncate(most.get());
        let next = sessions.last().map(|found| found.key).filter(|_| is_more);
        Ok(Self { sessions, next })
    }

    pub(crate) fn map<T>(self, show: impl FnMut(Found) -> T) -> Page<T> {
        Page { sessions: self.sessions.into_iter().map(show).collect(), next: self.next }
    }
}
