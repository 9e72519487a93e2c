//! Databases for tests: a file of SQLite for each storage.

use std::time::Duration;

use gsession::SqliteStorage;
use tempfile::TempDir;

/// A storage in a new folder of `folders`. It does nothing by itself.
pub(crate) fn sqlite_in(folder: &std::path::Path) -> SqliteStorage {
    SqliteStorage::builder(folder.join("sessions.db")).sweep_interval(Duration::MAX).build().unwrap()
}

/// Makes storages in new folders, all of which go with it.
pub(crate) fn sqlites() -> impl Fn() -> SqliteStorage + Send + Sync + 'static {
    let folders = TempDir::new().unwrap();
    move || {
        let folder = TempDir::new_in(folders.path()).unwrap().keep();
        sqlite_in(&folder)
    }
}
