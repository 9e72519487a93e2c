//! What can be known about a session besides its data.

use std::{fmt, sync::Arc};

use crate::{Record, StoreKey, Timestamp, storage::Found};

/// The facts about a session, without its data. `Debug` does not show the principal.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// When the session was created.
    pub created_at: Timestamp,
    /// When it was last used, by this request too unless it is passive; to the accuracy of the touch interval.
    pub last_seen: Timestamp,
    /// When it ends if it is not used again.
    pub expires_at: Timestamp,
    /// When it ends in any case.
    pub absolute_deadline: Option<Timestamp>,
    /// Whose session it is, if the application said so.
    pub principal: Option<Arc<str>>,
}

impl SessionInfo {
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            created_at: record.created_at,
            last_seen: record.last_seen,
            expires_at: record.expires_at(),
            absolute_deadline: record.absolute_deadline,
            principal: record.principal.clone(),
        }
    }
}

/// One of a user's sessions, as [`list`](crate::AsyncSession::list) gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedSession {
    /// Under which key the storage keeps it, for [`end`](crate::AsyncSession::end).
    pub key: StoreKey,
    /// When it was created, last used and so on.
    pub info: SessionInfo,
    /// Whether it is the session that asked.
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
