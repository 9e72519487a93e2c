//! tower-sessions with its Postgres storage.

use anyhow::{Context as _, Result};
use tower_sessions_sqlx_store::{PostgresStore, sqlx::PgPool};

use super::tower_014;

pub(super) fn serve(url: &str) -> Result<()> {
    tower_014::serve(async {
        // Of the usual size.
        let pool = PgPool::connect(url).await.context("connecting to Postgres")?;
        let storage = PostgresStore::new(pool);
        storage.migrate().await.context("making the table")?;
        // What deletes expired sessions is not started: nothing expires while we measure.
        Ok(storage)
    })
}
