//! Why a storage could not do what it was asked.

use crate::record::LimitExceeded;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A storage is broken, unreachable, full, or cannot do this at all. What is merely absent is not an error.
#[derive(Debug, thiserror::Error)]
#[error("session storage: {operation}: {kind}")]
pub struct StorageError {
    operation: &'static str,
    kind: StorageErrorKind,
    #[source]
    source: Option<Source>,
}

/// What kind of failure it was, to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageErrorKind {
    /// The storage cannot be reached, or answered with an error.
    #[error("the storage is not available")]
    Unavailable,
    /// The storage did not answer within its time bound.
    #[error("the storage did not answer in time")]
    Timeout,
    /// There is no room: a full disk, or a memory storage at its bound with nothing it may drop.
    #[error("the storage is full")]
    Full,
    /// This storage cannot do this (GoFrame's `ErrorDisabled`).
    #[error("this storage does not support it")]
    Unsupported,
    /// The session would grow over its limits.
    #[error("{0}")]
    Limit(LimitExceeded),
    /// The storage was set up in a way that cannot work.
    #[error("the storage cannot be used as it is set up")]
    Setup,
    /// Anything else.
    #[error("failed")]
    Other,
}

impl StorageError {
    /// An error of `kind` while doing `operation` (a few words, such as "reading a session file").
    #[must_use]
    pub const fn new(kind: StorageErrorKind, operation: &'static str) -> Self {
        Self { operation, kind, source: None }
    }

    /// What a storage answers to a change that [`Commit::limits`](crate::record::Commit::limits) forbid.
    #[must_use]
    pub const fn limit(limit: LimitExceeded, operation: &'static str) -> Self {
        Self::new(StorageErrorKind::Limit(limit), operation)
    }

    /// Adds the error that caused this one. It must hold neither ids nor values.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure it was.
    #[must_use]
    pub const fn kind(&self) -> StorageErrorKind {
        self.kind
    }

    /// What was being done.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    pub(crate) const fn unsupported(operation: &'static str) -> Self {
        Self::new(StorageErrorKind::Unsupported, operation)
    }
}
