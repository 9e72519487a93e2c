//! What is known about a session besides its data.

use std::{fmt, sync::Arc};

use crate::{Record, StoreKey, Timestamp, storage::Found};

/// A session's metadata. `Debug` does not show the principal.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// When the session was created.
    pub created_at: Timestamp,
    /// When it was last used, to the precision of the touch interval. This request counts too, unless it is passive.
    pub last_seen: Timestamp,
    /// When it ends if it is not used again.
    pub expires_at: Timestamp,
    /// When it ends regardless of use.
    pub absolute_deadline: Option<Timestamp>,
    /// Whose session it is, if the application has set that.
    pub principal: Option<Arc<str>>,
}

impl SessionInfo {
    pub(crate) fn of(record: &Record) -> Self {
        let Record { created_at, last_seen, idle_timeout: _, absolute_deadline, ref principal, entries: _ } = *record;
        let (expires_at, principal) = (record.expires_at(), principal.clone());
        Self { created_at, last_seen, expires_at, absolute_deadline, principal }
    }
}

/// One of a user's sessions, as returned by [`list`](crate::AsyncSession::list).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedSession {
    /// The key under which the storage keeps it, for [`end`](crate::AsyncSession::end).
    pub key: StoreKey,
    /// When it was created, last used and so on.
    pub info: SessionInfo,
    /// Whether it is the session that called `list`.
    pub is_current: bool,
}

impl ListedSession {
    pub(super) fn of(found: &Found, own: Option<StoreKey>) -> Self {
        Self { key: found.key, info: SessionInfo::of(&found.record), is_current: Some(found.key) == own }
    }
}

impl fmt::Debug for SessionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionInfo")
            .field("created_at", &self.created_at)
            .field("last_seen", &self.last_seen)
            .field("expires_at", &self.expires_at)
            .field("absolute_deadline", &self.absolute_deadline)
            .field("principal", &self.principal.as_ref().map(|_| "…"))
            .finish()
    }
}
