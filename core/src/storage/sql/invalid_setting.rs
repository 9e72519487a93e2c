//! What can be wrong with the settings of a storage in a database.

use std::fmt;

use crate::storage::{StorageError, StorageErrorKind};

/// A setting that cannot work.
#[derive(thiserror::Error)]
pub(crate) enum InvalidSetting {
    #[error(
        "`table_prefix` can have up to 32 letters (a to z, A to Z), digits and underscores, and begins with no digit"
    )]
    Prefix,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite has no schemas"))]
    #[error("`schema` can have up to 63 letters (a to z, A to Z), digits and underscores, and begins with no digit")]
    Schema,
    #[error("`{0}` must be at least 1 ms")]
    TooShort(&'static str),
    #[error("`max_connections` must be at least 1")]
    NoConnections,
    #[error("`{0}` is a setting of the pool, and this pool was made by the application: set it there")]
    NotOurPool(&'static str),
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "the folder of SQLite is a path"))]
    #[error(
        "the URL is not one of a Postgres server: {0}; it looks like postgres://user:password@host:5432/database, where \
         characters such as / ? # @ % in the password are percent-encoded"
    )]
    Url(Box<str>),
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "Postgres has no database in memory"))]
    #[error("a database in memory is another one for each connection; use `MemoryStorage`, or name a file")]
    InMemory,
    #[error("there is no tokio runtime: build the storage in async code, or between `runtime.enter()` and its end")]
    NoRuntime,
}

impl InvalidSetting {
    pub(super) fn into_error(self, operation: &'static str) -> StorageError {
        StorageError::new(StorageErrorKind::Setup, operation).with_source(self)
    }
}

impl fmt::Debug for InvalidSetting {
    /// As `Display`: `main` prints the error it returns with `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
