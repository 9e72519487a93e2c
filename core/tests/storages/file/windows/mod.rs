//! What is different on Windows: access lists, files that are open elsewhere, read-only files, folders that keep their names.

mod folder;
mod in_use;
mod private;

use std::path::PathBuf;

use gsession::{FileStorage, Storage, StorageErrorKind, StoreKey};
use tempfile::TempDir;

use crate::support::quiet_file;

/// A folder for one test; the sessions are in a folder in it.
struct Ground {
    folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sessions(&self) -> PathBuf {
        self.path("sessions")
    }

    fn storage(&self) -> Box<dyn Storage> {
        Box::new(quiet_file(&self.sessions()))
    }

    /// Where the storage puts a session.
    fn file(&self, key: &StoreKey) -> PathBuf {
        let name = key.to_string();
        self.sessions().join(&name[..2]).join(name)
    }
}

/// Why a folder is refused.
fn refused(path: &std::path::Path) -> String {
    let error = FileStorage::open(path).expect_err("it must be refused");
    assert_eq!(error.kind(), StorageErrorKind::Setup, "{error:?}");
    std::error::Error::source(&error).unwrap().to_string()
}
