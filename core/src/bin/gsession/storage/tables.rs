//! Sessions in the tables of a database.

use std::time::Duration;

use gsession::{AnyStorage, PostgresStorage, SqliteStorage, StorageError};

use super::{
    options::{LIMITS, StorageOptions},
    path::path_of,
    postgres_login::with_login,
};
use crate::failure::Failure;

/// A storage in the tables of a database. It makes and sweeps them only when it is told to.
pub(crate) enum Tables {
    Postgres(PostgresStorage),
    Sqlite(SqliteStorage),
}

impl Tables {
    /// Makes the tables, or brings those of an older version to this one.
    pub(crate) async fn migrate(&self) -> Result<(), StorageError> {
        match self {
            Self::Postgres(storage) => storage.migrate().await,
            Self::Sqlite(storage) => storage.migrate().await,
        }
    }

    pub(super) fn into_storage(self) -> AnyStorage {
        match self {
            Self::Postgres(storage) => AnyStorage::new(storage),
            Self::Sqlite(storage) => AnyStorage::new(storage),
        }
    }
}

impl StorageOptions {
    pub(super) fn open_postgres(&self, url: &str) -> Result<Tables, Failure> {
        let username = self.username.as_deref().filter(|name| !name.is_empty());
        let url = with_login(url, username, self.password()?.as_deref());
        // The program ends soon after it has ended a session.
        let mut builder = PostgresStorage::builder(&url)
            .wait_until_told(true)
            .response_timeout(self.timeout())
            .acquire_timeout(self.timeout())
            .limits(LIMITS());
        if let Some(schema) = &self.schema {
            builder = builder.schema(schema.as_str());
        }
        if let Some(prefix) = &self.table_prefix {
            builder = builder.table_prefix(prefix.as_str());
        }
        Ok(Tables::Postgres(builder.sweep_interval(Duration::MAX).migrate_on_start(false).build()?))
    }

    /// A file that is not there is refused unless it `may_be_made`: it is more likely that the path is wrong.
    pub(super) fn open_sqlite(&self, url: &str, may_be_made: bool) -> Result<Tables, Failure> {
        let path = path_of(url)?;
        if !may_be_made && path.try_exists().is_ok_and(|exists| !exists) {
            return Err(Failure::NoDatabase(path));
        }
        let mut builder = SqliteStorage::builder(&path)
            .response_timeout(self.timeout())
            .acquire_timeout(self.timeout())
            .limits(LIMITS());
        if let Some(prefix) = &self.table_prefix {
            builder = builder.table_prefix(prefix.as_str());
        }
        Ok(Tables::Sqlite(builder.sweep_interval(Duration::MAX).migrate_on_start(false).build()?))
    }
}
