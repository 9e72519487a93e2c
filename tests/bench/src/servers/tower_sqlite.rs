//! tower-sessions with its SQLite storage, set as a service would have it: reads do not wait for a write, and a commit does not
//! wait for the disk.

use std::path::Path;

use anyhow::{Context as _, Result};
use tower_sessions_sqlx_store::{
    SqliteStore,
    sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous},
};

use super::tower_014;

pub(super) fn serve(folder: &Path) -> Result<()> {
    tower_014::serve(async {
        let database = SqliteConnectOptions::new()
            .filename(folder.join("sessions.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        // Of the usual size: each connection has a thread of its own, and with a single one the requests mostly wait for it.
        let pool = SqlitePool::connect_with(database).await.context("opening the database")?;
        let storage = SqliteStore::new(pool);
        storage.migrate().await.context("making the table")?;
        // What deletes expired sessions is not started: nothing expires while we measure.
        Ok(storage)
    })
}
