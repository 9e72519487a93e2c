//! Why a statement failed.

use std::{io, sync::Arc};

use crate::storage::{StorageError, StorageErrorKind};

/// The result of a storage's operation.
pub(super) type Answered<T> = Result<T, StorageError>;

/// Why a statement failed. No variant has a password, a key or a value.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no answer in time")]
    Timeout,
    #[error("no connection of the pool became free in time (its `max_connections` and `acquire_timeout`)")]
    NoConnection,
    #[error(
        "the pool of connections was closed; the application that has closed it needs a new pool, and a new storage"
    )]
    PoolClosed,
    #[error("the connection broke: {0}")]
    Connection(#[source] Arc<io::Error>),
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[source] Arc<io::Error>),
    #[error("no secure connection could be made: {0}")]
    Tls(Box<str>),
    #[error("the connection cannot be made with this configuration: {0}")]
    Configuration(Box<str>),
    #[error("{0}")]
    Refused(Refusal),
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "nothing is heard from SQLite"))]
    #[error(
        "the server takes `LISTEN`, but what is told does not arrive: there may be a pooler in between, such as PgBouncer in the mode \
         `transaction`"
    )]
    Deaf,
    #[error("the database gave an answer that does not fit the question")]
    Malformed,
    #[error("the client of the database failed: {0}")]
    Client(Box<str>),
}

/// An error that the database has answered.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the database answered: {message} ({code}){hint}")]
pub(crate) struct Refusal {
    pub(crate) meaning: Meaning,
    pub(crate) code: Box<str>,
    /// Messages name tables and columns, but no values.
    pub(crate) message: Box<str>,
    /// What to do, behind a semicolon; often nothing.
    pub(crate) hint: &'static str,
}

/// What an error of the database means to a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing was stored, because others were in the way. It may work next time.
    InTheWay,
    /// The server ended the connection before anything was stored. Another one may work.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite has no server"))]
    Ended,
    /// The server is a replica, or has become one: it takes no writes. Another one may take them.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite has no server"))]
    ReadOnly,
    /// There is something under the key already.
    Taken,
    /// There is no such table.
    NoTable,
    /// Another failure.
    Other(StorageErrorKind),
}

impl Failure {
    /// `refusal` reads an error of the database.
    pub(super) fn of(error: sqlx::Error, refusal: impl FnOnce(&dyn sqlx::error::DatabaseError) -> Refusal) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::Refused(refusal(&*error)),
            sqlx::Error::Io(error) => Self::Connection(error.into()),
            sqlx::Error::Tls(error) => Self::Tls(error.to_string().into()),
            sqlx::Error::Configuration(error) => Self::Configuration(error.to_string().into()),
            sqlx::Error::PoolTimedOut => Self::NoConnection,
            sqlx::Error::PoolClosed => Self::PoolClosed,
            sqlx::Error::RowNotFound
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::Decode(_) => Self::Malformed,
            error => Self::Client(error.to_string().into()),
        }
    }

    const fn kind(&self) -> StorageErrorKind {
        match self {
            Self::Timeout | Self::NoConnection => StorageErrorKind::Timeout,
            Self::PoolClosed | Self::Connection(_) | Self::Unreachable(_) | Self::Tls(_) | Self::Deaf => {
                StorageErrorKind::Unavailable
            }
            Self::Configuration(_) => StorageErrorKind::Setup,
            Self::Refused(Refusal { meaning, .. }) => match meaning {
                Meaning::InTheWay => StorageErrorKind::Timeout,
                Meaning::Ended | Meaning::ReadOnly => StorageErrorKind::Unavailable,
                Meaning::Taken => StorageErrorKind::Other,
                Meaning::NoTable => StorageErrorKind::Setup,
                Meaning::Other(kind) => *kind,
            },
            Self::Malformed | Self::Client(_) => StorageErrorKind::Other,
        }
    }

    pub(super) const fn meaning(&self) -> Option<Meaning> {
        match self {
            Self::Refused(refusal) => Some(refusal.meaning),
            _ => None,
        }
    }

    /// Whether nothing was stored, and the same may work on another try.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.meaning(), Some(Meaning::InTheWay | Meaning::Ended))
    }

    /// Whether the connection was lost, so that it is not known what was stored.
    pub(super) const fn is_lost(&self) -> bool {
        matches!(self, Self::Connection(_))
    }

    /// Whether the connection must not be used again: what comes over it next is not known, or it leads to a server that refuses.
    pub(super) const fn spoils(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(refusal.meaning, Meaning::Ended | Meaning::ReadOnly),
            _ => true,
        }
    }

    pub(super) fn while_doing(self, operation: &'static str) -> StorageError {
        StorageError::new(self.kind(), operation).with_source(self)
    }
}
