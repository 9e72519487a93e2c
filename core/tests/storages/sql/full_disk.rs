//! A full disk under SQLite: a typed error, the old session as it was, and everything works when there is room again.

use std::{fs::File, io::Write as _, path::Path, process::Command};

use gsession::{
    AsyncStorage, StorageErrorKind,
    storage::{Committed, Removed},
};
use tempfile::TempDir;

use super::{blind, created, key, read, support::*, texts};

const NAME: &str = "sql::full_disk::a_full_disk_is_an_error_and_leaves_what_was_there";

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_an_error_and_leaves_what_was_there() {
    let Some(folder) = child::role() else {
        let folder = TempDir::new().unwrap();
        let unshare: &[&str] =
            if rustix::process::geteuid().is_root() { &["unshare", "-m"] } else { &["unshare", "-rm"] };
        let command = child::command_after(unshare, NAME, folder.path().to_str().unwrap());
        child::Process::start(command).finish();
        return;
    };
    let folder = Path::new(&folder);
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder).output();
    assert!(mount.as_ref().is_ok_and(|mount| mount.status.success()), "this test mounts a tiny disk: {mount:?}");
    let storage = sql::sqlite_in(folder);
    let small = created(&storage, 1, &record(&[("a", "1")])).await;
    let ballast = folder.join("ballast");
    let mut file = File::create(&ballast).unwrap();
    while file.write(&[1; 4096]).is_ok_and(|written| written > 0) {}
    let long = "\"".to_owned() + &"x".repeat(100_000) + "\"";
    for error in [
        storage.create(&key(2), &record(&[("long", &long)]), NOW).await.unwrap_err(),
        storage.commit(&small, &blind(setting("long", &long))).await.unwrap_err(),
        storage.move_to(&small, &key(3), &blind(setting("long", &long))).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StorageErrorKind::Full, "{}", texts(&error));
    }
    assert_eq!(read(&storage, &small).await.record.entries, entries(&[("a", "1")]));
    drop(file);
    std::fs::remove_file(&ballast).unwrap();
    assert!(matches!(storage.commit(&small, &blind(setting("long", &long))).await.unwrap(), Committed::Done { .. }));
    assert_eq!(read(&storage, &small).await.record.entries.len(), 2);
    assert_eq!(storage.count(NOW).await.unwrap(), 1);
    assert_eq!(storage.remove(&small).await.unwrap(), Removed::Done);
}
