//! Why a storage operation failed.

use crate::record::LimitExceeded;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A storage is broken, unreachable or full, or does not support the operation. An absent session is not an error.
#[derive(Debug, thiserror::Error)]
#[error("session storage: {operation}: {kind}")]
pub struct StorageError {
    operation: &'static str,
    kind: StorageErrorKind,
    #[source]
    source: Option<Source>,
}

/// The kind of failure, to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageErrorKind {
    /// The storage cannot be reached, or returned an error.
    #[error("the storage is not available")]
    Unavailable,
    /// The storage did not answer in time.
    #[error("the storage did not answer in time")]
    Timeout,
    /// There is no room: a full disk, or a memory storage at its limit with nothing it may evict.
    #[error("the storage is full")]
    Full,
    /// The storage does not support the operation (GoFrame's `ErrorDisabled`).
    #[error("the storage does not support this")]
    Unsupported,
    /// The session would exceed its limits.
    #[error("{0}")]
    Limit(LimitExceeded),
    /// The storage's configuration cannot work.
    #[error("the storage cannot be used with this configuration")]
    Setup,
    /// Anything else.
    #[error("failed")]
    Other,
}

impl StorageError {
    /// An error of `kind` during `operation` (a few words, such as "reading a session file").
    #[must_use]
    pub const fn new(kind: StorageErrorKind, operation: &'static str) -> Self {
        Self { operation, kind, source: None }
    }

    /// The error for a change that [`Commit::limits`](crate::record::Commit::limits) forbid.
    #[must_use]
    pub const fn limit(limit: LimitExceeded, operation: &'static str) -> Self {
        Self::new(StorageErrorKind::Limit(limit), operation)
    }

    /// Adds the error that caused this one. It must contain neither ids nor values.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind of failure.
    #[must_use]
    pub const fn kind(&self) -> StorageErrorKind {
        self.kind
    }

    /// The operation that failed.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    pub(crate) const fn unsupported(operation: &'static str) -> Self {
        Self::new(StorageErrorKind::Unsupported, operation)
    }
}
