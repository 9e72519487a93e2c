//! SQLite.

mod builder;
mod client;
mod file;
mod polling;
mod statements;

use std::{fmt, path::PathBuf, sync::atomic::Ordering, time::Duration};

use sqlx::{Connection as _, Executor as _};
use tokio::sync::Mutex;

use super::{
    database::Database,
    failure::{Answered, Failure},
    migrations::Unsuited,
    names::Names,
    operation::Deadline,
    running::{Client as _, Connections},
    settings::Settings,
    statements::Statements,
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

    async fn suits(&self, deadline: Deadline) -> Result<Result<(), Unsuited>, Failure> {
        let nature = "SELECT encoding = 'UTF-8', (SELECT file = '' FROM pragma_database_list WHERE name = 'main') \
                      FROM pragma_encoding";
        let rows = self.read(&Step::new(nature, Vec::new()), deadline).await?;
        let mut row = rows.into_iter().next().ok_or(Failure::Malformed)?;
        let (is_utf8, is_in_memory) = (row.flag()?, row.flag()?);
        self.connections.is_in_memory.store(is_in_memory, Ordering::Relaxed);
        if !is_utf8 {
            return Ok(Err(Unsuited::Utf16));
        }
        let pool = self.connections.pool.options();
        let is_lasting =
            pool.get_max_connections() == 1 && pool.get_idle_timeout().is_none() && pool.get_max_lifetime().is_none();
        Ok(if is_in_memory && !is_lasting { Err(Unsuited::Fleeting) } else { Ok(()) })
    }

    async fn run(&self, steps: &[Step<'_>], deadline: Deadline) -> Result<Vec<Row>, Failure> {
        let _writing = deadline.limit(self.writing.lock()).await.ok_or(Failure::Timeout)?;
        self.connections.run(steps, deadline).await
    }

    async fn read(&self, step: &Step<'_>, deadline: Deadline) -> Result<Vec<Row>, Failure> {
        self.connections.run(std::slice::from_ref(step), deadline).await
    }

    async fn migrate(
        &self,
        first: &str,
        version: &str,
        migrations: &[Vec<String>],
        deadline: Deadline,
    ) -> Result<i64, Failure> {
        let _writing = self.writing.lock().await;
        let mut used = self.connections.acquire(deadline).await?;
        let work = async {
            // A transaction that reads first may be refused when it comes to write.
            let mut transaction = used.connection()?.begin_with("BEGIN IMMEDIATE").await?;
            transaction.execute(first).await?;
            let (before,): (Option<i64>,) = sqlx::query_as(version).fetch_one(&mut *transaction).await?;
            let before = before.unwrap_or(0);
            for statement in migrations.iter().skip(usize::try_from(before).unwrap_or(0)).flatten() {
                transaction.execute(statement.as_str()).await?;
            }
            transaction.commit().await?;
            Ok(before)
        };
        let result = work.await.map_err(|error| Failure::of(error, sqlx::Sqlite::refusal));
        used.finish(result.as_ref().err());
        result
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
