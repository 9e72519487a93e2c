//! Looking whether another process has changed the database, for those who wait for the end of sessions.

use std::time::Duration;

use sqlx::{ConnectOptions as _, SqliteConnection, SqlitePool};

use crate::storage::Watch;

/// Runs until it is dropped.
pub(super) async fn poll(pool: &SqlitePool, watch: &Watch, interval: Duration) {
    let mut connection = None;
    let mut seen = None;
    loop {
        let version = look(pool, &mut connection).await;
        if version.is_none() {
            connection = None;
        }
        // Without a version, those who wait look for themselves.
        if version.is_none() || version != seen {
            watch.all_changed();
        }
        seen = version;
        tokio::time::sleep(interval).await;
    }
}

/// A number that is another one after any other connection has changed the database; `None` if it cannot be known.
async fn look(pool: &SqlitePool, held: &mut Option<SqliteConnection>) -> Option<i64> {
    let warn = |error: &sqlx::Error| {
        tracing::debug!(error = error as &dyn std::error::Error, "it cannot be seen whether sessions have ended");
    };
    if held.is_none() {
        *held = Some(pool.connect_options().connect().await.inspect_err(warn).ok()?);
    }
    let (version,) = sqlx::query_as("PRAGMA data_version").fetch_one(held.as_mut()?).await.inspect_err(warn).ok()?;
    Some(version)
}
