//! SQLite.

mod builder;
mod client;
mod file;
mod polling;
mod statements;

use std::{fmt, path::PathBuf, time::Duration};

use tokio::sync::Mutex;

use super::{
    database::Database,
    failure::{Answered, Failure},
    names::Names,
    operation::Deadline,
    plan::Plan,
    running::Connections,
    settings::Settings,
    statements::Statements,
    unfit::Unsuited,
    values::{Row, Step},
};
use crate::{StoreKey, storage::Watch};

pub use builder::SqliteDurability;

/// The database of a [`SqliteStorage`](super::SqliteStorage).
pub struct Sqlite {
    connections: Connections<sqlx::Sqlite>,
    /// SQLite has one writer at a time. Those of this process queue for it, which is fairer and faster than trying again and again.
    writing: Mutex<()>,
    path: PathBuf,
}

impl Database for Sqlite {
    type Place = builder::Place;

    fn open(place: Self::Place, _: &Names, settings: &Settings) -> Answered<Self> {
        place.open(settings)
    }

    fn statements(names: &Names) -> Statements {
        statements::statements(names)
    }

    fn migrations(names: &Names) -> Vec<Vec<String>> {
        statements::migrations(names)
    }

    const NATURE: &'static str = "SELECT encoding = 'UTF-8', (SELECT file = '' FROM pragma_database_list WHERE name = 'main') FROM pragma_encoding";

    fn suits(&self, mut nature: Row) -> Result<Result<(), Unsuited>, Failure> {
        let (is_utf8, is_in_memory) = (nature.flag()?, nature.flag()?);
        Ok(match (is_utf8, is_in_memory) {
            (false, _) => Err(Unsuited::Utf16),
            (true, true) => Err(Unsuited::InMemory),
            (true, false) => Ok(()),
        })
    }

    async fn run(&self, steps: &[Step<'_>], deadline: Deadline) -> Result<Vec<Row>, Failure> {
        let _writing = deadline.limit(self.writing.lock()).await.ok_or(Failure::Timeout)?;
        self.connections.run(steps, deadline).await
    }

    async fn read(&self, step: &Step<'_>, deadline: Deadline) -> Result<Vec<Row>, Failure> {
        self.connections.run(std::slice::from_ref(step), deadline).await
    }

    async fn migrate(&self, plan: &Plan, deadline: Deadline) -> Result<i64, Failure> {
        let _writing = self.writing.lock().await;
        // A transaction that reads first may be refused when it comes to write.
        self.connections.migrate("BEGIN IMMEDIATE", &[], plan, deadline).await
    }

    async fn hear(&self, watch: &Watch, interval: Duration) {
        polling::poll(&self.connections.pool, watch, interval).await;
    }

    /// Other processes see that the file has changed.
    fn tell(&self, _: &StoreKey) {}

    async fn told(&self) {}

    fn response_timeout(&self) -> Duration {
        self.connections.response_timeout
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}
