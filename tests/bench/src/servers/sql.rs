//! gsession's storages in databases, as a service would have them: with their defaults, and a pool of the usual size.

use std::{path::Path, time::Duration};

use anyhow::Result;
use gsession::{AsyncStorage as _, PostgresStorage, SqliteStorage};

pub(super) async fn sqlite(folder: &Path) -> Result<SqliteStorage> {
    // Nothing expires while we measure.
    let storage = SqliteStorage::builder(folder.join("sessions.db")).sweep_interval(Duration::MAX).build()?;
    storage.check().await?;
    Ok(storage)
}

pub(super) async fn postgres(url: &str) -> Result<PostgresStorage> {
    let builder = PostgresStorage::builder(url).migrate_on_start(true);
    let storage = builder.sweep_interval(Duration::MAX).build()?;
    storage.check().await?;
    Ok(storage)
}
