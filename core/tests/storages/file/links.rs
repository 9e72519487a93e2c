//! A session folder that is reached by a link, as systemd's `DynamicUser=` and Capistrano's releases make them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use gsession::{
    FileStorage, Storage, StorageErrorKind,
    storage::{Committed, Created, Lookup, Removed},
};
use tempfile::TempDir;

use crate::support::{NOW, active, commit_at, found, key, quiet_file, record, setting};

/// Two releases, each with a folder for sessions, and a link to one of them.
struct Releases {
    folder: TempDir,
}

impl Releases {
    fn new() -> Self {
        let releases = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(releases.path("1")).unwrap();
        fs::create_dir(releases.path("2")).unwrap();
        symlink(releases.path("1"), releases.link()).unwrap();
        releases
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn link(&self) -> PathBuf {
        self.path("current")
    }

    /// As a deployment does it: another link, renamed over.
    fn switch(&self) {
        symlink(self.path("2"), self.path("next")).unwrap();
        fs::rename(self.path("next"), self.link()).unwrap();
    }

    fn open(&self) -> Box<dyn Storage> {
        Box::new(quiet_file(&self.link()))
    }
}

fn sub_folders(path: &Path) -> usize {
    fs::read_dir(path).unwrap().count()
}

#[test]
fn a_link_to_a_folder_is_followed_however_it_is_written() {
    let releases = Releases::new();
    symlink("current", releases.path("relative")).unwrap();
    for (number, written) in ["current", "current/", "current//", "relative"].into_iter().enumerate() {
        let storage: &dyn Storage = &quiet_file(&releases.path(written));
        let key = key(u8::try_from(number).unwrap());
        assert_eq!(storage.create(&key, &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
        let commit = commit_at(setting("a", "2"), NOW);
        assert!(matches!(storage.commit(&key, &commit).unwrap(), Committed::Done { .. }));
        assert!(found(&quiet_file(&releases.path("1")), &key, NOW).is_some(), "{written}");
    }
    assert!(fs::symlink_metadata(releases.link()).unwrap().is_symlink());
    assert_eq!(sub_folders(&releases.path("1")), 4);
}

/// The folder is what must be private and the service's own, not the link.
#[test]
fn the_folder_that_a_link_leads_to_is_checked() {
    let releases = Releases::new();
    fs::set_permissions(releases.path("1"), Permissions::from_mode(0o755)).unwrap();
    drop(releases.open());
    assert_eq!(fs::metadata(releases.path("1")).unwrap().mode() & 0o7777, 0o700);
    fs::write(releases.path("2").join("index.html"), "text").unwrap();
    fs::set_permissions(releases.path("2"), Permissions::from_mode(0o755)).unwrap();
    releases.switch();
    let error = FileStorage::open(releases.link()).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("it holds other things than sessions"), "{why}");
    // A folder of another user, for those who can have one.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(releases.path("1"), Some(65_534), None).unwrap();
        symlink(releases.path("1"), releases.path("others")).unwrap();
        let error = FileStorage::open(releases.path("others")).unwrap_err();
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains("belongs to another user"), "{why}");
    }
}

/// A running process stays with its sessions; the next one begins with those of the new release.
#[test]
fn a_link_that_is_switched_counts_for_those_who_open_it_then() {
    let releases = Releases::new();
    let running = releases.open();
    running.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    releases.switch();
    assert!(found(&*running, &key(1), NOW).is_some());
    assert_eq!(running.create(&key(2), &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
    assert_eq!(sub_folders(&releases.path("2")), 0);
    let next = releases.open();
    assert!(found(&*next, &key(1), NOW).is_none());
    assert_eq!(next.create(&key(1), &record(&[("a", "2")]), NOW).unwrap(), Created::Done);
    assert_eq!(sub_folders(&releases.path("2")), 1);
}

/// When its folder is deleted, a running process goes where the link leads then, as a new one does.
#[test]
fn a_deleted_folder_is_looked_for_where_the_link_leads_then() {
    for reads_first in [false, true] {
        let releases = Releases::new();
        let (running, other) = (releases.open(), releases.open());
        running.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
        releases.switch();
        fs::remove_dir_all(releases.path("1")).unwrap();
        let next = releases.open();
        next.create(&key(1), &record(&[("a", "2")]), NOW).unwrap();
        if reads_first {
            assert!(found(&*running, &key(1), NOW).is_some(), "the sessions of the new folder are not seen");
        }
        assert_eq!(running.create(&key(2), &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
        assert!(found(&*next, &key(2), NOW).is_some());
        assert_eq!(other.remove(&key(1)).unwrap(), Removed::Done, "a logout must reach the new folder");
        assert!(found(&*next, &key(1), NOW).is_none());
        assert!(!releases.path("1").exists());
    }
}

/// What a link leads to is never made: nobody knows whether the folder is late or the link is wrong.
#[test]
fn a_link_whose_folder_is_deleted_is_an_error_for_writers_until_it_is_back() {
    let releases = Releases::new();
    let storage = releases.open();
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    fs::remove_dir_all(releases.path("1")).unwrap();
    assert!(matches!(storage.load(&key(1), &active(NOW)).unwrap(), Lookup::Absent));
    assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Absent);
    assert!(storage.find("ada", NOW).unwrap().is_empty());
    let error = storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("leads nowhere"), "{why}");
    assert!(!releases.path("1").exists());
    fs::create_dir(releases.path("1")).unwrap();
    assert_eq!(storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
    assert_eq!(fs::metadata(releases.path("1")).unwrap().mode() & 0o7777, 0o700);
}
