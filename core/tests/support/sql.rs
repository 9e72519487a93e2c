//! Databases for tests: a file of SQLite for each storage, and one Postgres server for each test program, on which every storage has
//! tables of its own.

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use gsession::{
    PostgresStorage, SqliteStorage,
    storage::sql::{Postgres, SqlBuilder},
};
use gsession_test_servers::PostgresServer;
use tempfile::TempDir;

use super::PATIENCE;

/// A storage in a file of a folder. It does nothing by itself.
pub(crate) fn sqlite_in(folder: &Path) -> SqliteStorage {
    let builder = SqliteStorage::builder(folder.join("sessions.db")).sweep_interval(Duration::MAX);
    builder.response_timeout(PATIENCE).acquire_timeout(PATIENCE).build().unwrap()
}

/// Makes storages in new folders, all of which go with it.
pub(crate) fn sqlites() -> impl Fn() -> SqliteStorage + Send + Sync + 'static {
    let folders = TempDir::new().unwrap();
    move || {
        let folder = TempDir::new_in(folders.path()).unwrap().keep();
        sqlite_in(&folder)
    }
}

pub(crate) fn server() -> &'static PostgresServer {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(PostgresServer::start)
}

/// A prefix for tables that no other storage of this test program has.
pub(crate) fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test{}_", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A storage that does nothing by itself but make its tables.
pub(crate) fn quiet_postgres(url: &str, prefix: &str) -> SqlBuilder<Postgres> {
    let builder = PostgresStorage::builder(url).table_prefix(prefix).migrate_on_start(true);
    // Many tests share the server, which takes 100 connections, and the machine.
    builder.sweep_interval(Duration::MAX).max_connections(4).response_timeout(PATIENCE).acquire_timeout(PATIENCE)
}

pub(crate) fn postgres_at(prefix: &str) -> PostgresStorage {
    quiet_postgres(&server().url(), prefix).build().unwrap()
}

pub(crate) fn postgres() -> PostgresStorage {
    postgres_at(&prefix())
}
