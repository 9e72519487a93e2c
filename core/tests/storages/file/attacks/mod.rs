//! Things in the way of the file storage, and files that are not what they seem (R17, R18, R20).

mod content;
mod in_the_way;
mod private;
mod session_folder;
mod sweeping;

use std::{
    fs::{self, File, FileTimes, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::mpsc,
    time::SystemTime,
};

use gsession::{FileStorage, Storage, StorageError, StorageErrorKind, StoreKey};
use rustix::fs::{CWD, Mode};
use tempfile::TempDir;

use crate::support::{PATIENCE, quiet_file};

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

    /// The same, with its folder made.
    fn place(&self, key: &StoreKey) -> PathBuf {
        let file = self.file(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        file
    }
}

/// An operation that would wait for a pipe fails the test instead of holding it up.
fn in_time<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    let running = std::thread::spawn(move || tell.send(run()));
    match told.recv_timeout(PATIENCE) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("it panicked: {:?}", running.join().err().map(drop)),
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it waits for something in its way"),
    }
}

/// An error with everything that caused it, as a log shows it.
fn text(error: &StorageError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn refused(path: &Path) -> String {
    let error = FileStorage::open(path).expect_err("it must be refused");
    assert_eq!(error.kind(), StorageErrorKind::Setup, "{}", text(&error));
    text(&error)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn age(path: &Path, modified: SystemTime) {
    File::options().write(true).open(path).unwrap().set_times(FileTimes::new().set_modified(modified)).unwrap();
}

fn pipe(path: &Path) {
    rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
