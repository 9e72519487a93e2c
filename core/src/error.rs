//! What can go wrong with a session, as one enum to match on.

use crate::{IdError, InvalidId, LimitExceeded, StorageError, ValueError};

/// Why an operation on a session failed. No message holds an id or a value ([H6](crate::design#h6)).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The storage failed. Whether the session exists is unknown, so nothing may be assumed (fail closed,
    /// [S10](crate::design#s10)).
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A write would have crossed a limit; the session is as it was before it ([S12](crate::design#s12)).
    #[error("session limit: {0}")]
    Limit(#[from] LimitExceeded),
    /// A value could not be written as JSON, or is not of the type it was asked for as.
    #[error("session entry {key:?}: {source}")]
    Value {
        /// The key of the entry.
        key: Box<str>,
        /// What was wrong with the value.
        source: ValueError,
    },
    /// No new id could be made.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A text that was given as an id cannot be one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// `set_id` came after the session had been used.
    #[error("set_id must come before the session is used")]
    AlreadyUsed,
    /// The id given to `set_id` belongs to another session.
    #[error("the id given to set_id belongs to another session")]
    IdTaken,
    /// The session ended, or was renewed by another request, while this one was using it; what was written was not stored.
    #[error("the session ended or was renewed by another request meanwhile; what was written was not stored")]
    Gone,
    /// An atomic update lost against others so often that it gave up; nothing was stored.
    #[error("an atomic update of {key:?} lost against others too often and was not stored")]
    Contended {
        /// The key of the entry.
        key: Box<str>,
    },
    /// The request has come to its end, and its answer may have left: nothing can be stored any more, and no new id could reach
    /// the client ([S9](crate::design#s9)).
    #[error("the request has ended: its session can be read and destroyed, but not written to")]
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
    /// The absolute lifetime is shorter than a millisecond.
    #[error("the absolute lifetime must be at least one millisecond")]
    AbsoluteLifetimeTooShort,
}
