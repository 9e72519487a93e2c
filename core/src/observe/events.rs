//! What an observer is told.

use std::{fmt, time::Duration};

use super::{CallOutcome, CommitOutcome, DecryptionFailure, EndReason, Operation, RefusalReason};
use crate::{OnReuse, StoreKey, storage::Swept};

/// A new session is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionCreated {
    /// The key of the session.
    pub key: StoreKey,
}

/// A user has logged in: [`log_in`](crate::AsyncSession::log_in) or [`set_principal`](crate::AsyncSession::set_principal) is stored.
/// Each login is one event, whether the session is new or not.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedIn<'a> {
    /// The key of the session.
    pub key: StoreKey,
    /// Who, as the application has said. Not in `Debug`, because it may be personal data.
    pub principal: &'a str,
}

impl fmt::Debug for LoggedIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggedIn").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A user has proved once more who they are: [`confirm_login`](crate::AsyncSession::confirm_login) is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginConfirmed<'a> {
    /// The key of the session.
    pub key: StoreKey,
    /// Who, as the application has said at the login. Not in `Debug`, because it may be personal data.
    pub principal: &'a str,
}

impl fmt::Debug for LoginConfirmed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginConfirmed").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A session has a new id, and its old one is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionRenewed {
    /// The key before.
    pub from: StoreKey,
    /// The key from now on.
    pub to: StoreKey,
}

/// A session has a new id, as was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdRotated {
    /// The key of the session, which a rotation does not change.
    pub key: StoreKey,
}

/// A session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionEnded {
    /// The key under which it was stored at the end.
    pub key: StoreKey,
    /// Why.
    pub reason: EndReason,
}

/// An id opens nothing, or a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The key of the id that was presented. `None` if there is none: what was presented cannot be an id, or a login was refused.
    pub key: Option<StoreKey>,
    /// Why.
    pub reason: RefusalReason,
}

/// An id was used after it had been replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TheftSuspected {
    /// The key of the session.
    pub key: StoreKey,
    /// What happens to the session. Its end is another event, once it is confirmed.
    pub on_reuse: OnReuse,
}

/// What has become of the changes of a request to an existing session.
///
/// A new session is a [`SessionCreated`], and changes that are stored with a new id are a [`SessionRenewed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The key of the session, as the request knows it.
    pub key: Option<StoreKey>,
    /// What has become of them.
    pub outcome: CommitOutcome,
    /// How often they were tried: more than once only for an [`update`](crate::AsyncSession::update) that others came before.
    pub tries: u32,
}

/// One call of a storage. A storage may send several commands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageCalled {
    /// What was called.
    pub operation: Operation,
    /// The session's key. `None` for calls that are not about one session.
    pub key: Option<StoreKey>,
    /// How it ended.
    pub outcome: CallOutcome,
    /// How long it took, with the waiting for a thread or a connection.
    pub duration: Duration,
}

/// A storage has removed expired sessions, in the background or because the manager's `sweep` was called. Each of these sessions is
/// also a [`SessionEnded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageSwept {
    /// What was removed, and what is left.
    pub swept: Swept,
    /// Whether what is left was counted. If not, `kept` is 0: the background sweeps of Postgres and SQLite look only at what has ended.
    pub is_counted: bool,
}

/// A session was read from a storage with a near cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NearCacheRead {
    /// The key of the session.
    pub key: StoreKey,
    /// Whether the cache had it, so that the server was not asked.
    pub is_hit: bool,
}

/// A [sealed](crate::storage::sealed) session could not be opened. Each try is one event: a client comes back with its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecryptionFailed {
    /// The key of the session.
    pub key: StoreKey,
    /// Why.
    pub failure: DecryptionFailure,
}
