//! Everything that can go wrong with a session, as one enum to match on.

use crate::{IdError, InvalidId, LimitExceeded, LoginError, StorageError, ValueError};

/// Why an operation on a session failed. No message contains an id or a value ([H6](crate::design#h6)).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The storage failed. Whether the session exists is unknown, so assume nothing (fail closed,
    /// [S10](crate::design#s10)).
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A write would exceed a limit. The session is unchanged ([S12](crate::design#s12)).
    #[error("session limit: {0}")]
    Limit(#[from] LimitExceeded),
    /// A value cannot be written as JSON, or does not have the requested type.
    #[error("session entry {key:?}: {source}")]
    Value {
        /// The key of the entry.
        key: Box<str>,
        /// What is wrong with the value.
        source: ValueError,
    },
    /// The key is one that gsession uses itself: it begins with `gsession.`.
    #[error("session entry {key:?}: keys that begin with \"gsession.\" are reserved")]
    ReservedKey {
        /// The key.
        key: Box<str>,
    },
    /// A login or a label was refused.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// The user has to prove again who they are: their login is too long ago, or it is not known when it was.
    #[error("the login is not recent enough")]
    LoginNotRecent,
    /// No new id could be generated.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A text given as an id cannot be one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// `set_id` was called after the session was used.
    #[error("set_id must be called before the session is used")]
    AlreadyUsed,
    /// `set_id` was called although ids rotate: an id that the application chooses would not be the client's for long.
    #[error("set_id cannot be used with rotate_every")]
    IdsRotate,
    /// The id given to `set_id` belongs to another session.
    #[error("the id given to set_id belongs to another session")]
    IdTaken,
    /// While this request was using the session, another one renewed it, or it ended: by a logout, its expiry or an
    /// eviction. The changes were not stored.
    #[error("the session ended or was renewed while it was being used; the changes were not stored")]
    Gone,
    /// An atomic update gave up after losing to others too often. Nothing was stored.
    #[error("an atomic update of {key:?} lost to others too often and was not stored")]
    Contended {
        /// The key of the entry.
        key: Box<str>,
    },
    /// The request has ended, and its response may have left: nothing can be stored any more, and no new id can reach
    /// the client ([S9](crate::design#s9)).
    #[error("the request has ended: its session can only be read or destroyed")]
    Closed,
    /// There is no session behind this handle.
    #[error("{0}")]
    Detached(&'static str),
}

/// Settings that contradict each other or cannot work, found when a manager is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The idle timeout is shorter than a millisecond: every session would have ended before it began.
    #[error("the idle timeout must be at least one millisecond")]
    IdleTimeoutTooShort,
    /// Ids would rotate so often that a slow response could bring back an id whose grace period is over.
    #[error("the rotation period must be at least three times as long as the grace period")]
    RotationTooOften,
    /// The storage names sessions by their ids, so an id cannot change while its session stays: GoFrame's formats.
    #[error("ids of a storage in GoFrame's format cannot rotate")]
    RotationUnsupported,
    /// Nobody could log in with a limit of 0 sessions.
    #[error("a user must be allowed at least one session")]
    NoSessions,
    /// The absolute lifetime is shorter than a millisecond.
    #[error("the absolute lifetime must be at least one millisecond")]
    AbsoluteLifetimeTooShort,
}
