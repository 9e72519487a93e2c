//! A full disk under a database: a typed error, the old session as it was, and everything works when there is room again.

use std::{
    fs::File,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use gsession::{
    AsyncStorage, StorageErrorKind, StoreKey,
    storage::{Committed, Removed},
};
use gsession_test_servers::PostgresServer;
use sha2::{Digest as _, Sha256};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, postgres::PgConnectOptions};
use tempfile::TempDir;

use super::{blind, created, key, read, support::*, texts};

/// A test that runs in a child, which may mount a disk that nobody else sees. `None` in the parent, when the child has come to its end.
fn folder_of_child(name: &str) -> Option<PathBuf> {
    if let Some(folder) = child::role() {
        return Some(folder.into());
    }
    let folder = TempDir::new().unwrap();
    // PostgreSQL does not run as root, not even as one of a namespace.
    let unshare: &[&str] = if rustix::process::geteuid().is_root() {
        &["unshare", "-m"]
    } else {
        &["unshare", "-m", "--map-current-user", "--keep-caps"]
    };
    child::Process::start(child::command_after(unshare, name, folder.path().to_str().unwrap())).finish();
    None
}

fn mount(folder: &Path, options: &str) {
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).output();
    assert!(mount.as_ref().is_ok_and(|mount| mount.status.success()), "this test mounts a tiny disk: {mount:?}");
}

/// What takes up the rest of a disk.
struct Ballast(PathBuf);

impl Ballast {
    fn in_folder(folder: &Path) -> Self {
        let path = folder.join("ballast");
        let mut file = File::create(&path).unwrap();
        while file.write(&[1; 4096]).is_ok_and(|written| written > 0) {}
        Self(path)
    }

    fn throw_off(self) {
        std::fs::remove_file(self.0).unwrap();
    }
}

/// A JSON text of 100,000 characters that no database can store in less.
fn long() -> String {
    let random = (0_u32..).flat_map(|number| Sha256::digest(number.to_le_bytes()));
    let text: String = random.map(|byte| char::from(b'a' + byte % 26)).take(100_000).collect();
    format!("\"{text}\"")
}

async fn is_refused(storage: &dyn AsyncStorage, small: &StoreKey) {
    for error in [
        storage.create(&key(2), &record(&[("long", &long())]), NOW).await.unwrap_err(),
        storage.commit(small, &blind(setting("long", &long()))).await.unwrap_err(),
        storage.move_to(small, &key(3), &blind(setting("long", &long()))).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StorageErrorKind::Full, "{}", texts(&error));
    }
    assert_eq!(read(storage, small).await.record.entries, entries(&[("a", "1")]));
}

async fn works(storage: &dyn AsyncStorage, small: &StoreKey) {
    assert!(matches!(storage.commit(small, &blind(setting("long", &long()))).await.unwrap(), Committed::Done { .. }));
    assert_eq!(read(storage, small).await.record.entries.len(), 2);
    assert_eq!(storage.count(NOW).await.unwrap(), 1);
    assert_eq!(storage.remove(small).await.unwrap(), Removed::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_sqlite_it_is_an_error_and_leaves_what_was_there() {
    let test = "sql::full_disk::under_sqlite_it_is_an_error_and_leaves_what_was_there";
    let Some(folder) = folder_of_child(test) else { return };
    mount(&folder, "size=2m");
    let storage = sql::sqlite_in(&folder);
    let small = created(&storage, 1, &record(&[("a", "1")])).await;
    let ballast = Ballast::in_folder(&folder);
    is_refused(&storage, &small).await;
    ballast.throw_off();
    works(&storage, &small).await;
}

/// The tables are on the small disk, the rest of the server is not.
#[tokio::test(flavor = "multi_thread")]
async fn under_postgres_it_is_an_error_and_leaves_what_was_there() {
    let test = "sql::full_disk::under_postgres_it_is_an_error_and_leaves_what_was_there";
    let Some(folder) = folder_of_child(test) else { return };
    // Its processes inherit the mount only if they start after it, and the folder must be theirs.
    let another = PostgresServer::start();
    let owner = std::fs::metadata(format!("/proc/{}", another.pid())).unwrap();
    drop(another);
    mount(&folder, &format!("size=4m,mode=700,uid={},gid={}", owner.uid(), owner.gid()));
    let server = PostgresServer::start();
    let superuser: PgConnectOptions = server.url().parse().unwrap();
    let mut connection = superuser.username("postgres").connect().await.unwrap();
    let place = folder.display();
    connection.execute(format!("CREATE TABLESPACE small LOCATION '{place}'").as_str()).await.unwrap();
    connection.execute("GRANT CREATE ON TABLESPACE small TO PUBLIC").await.unwrap();
    connection.close().await.unwrap();
    let url = format!("{}?options[default_tablespace]=small", server.url());
    let storage = sql::quiet_postgres(&url, "gsession_").build().unwrap();
    let small = created(&storage, 1, &record(&[("a", "1")])).await;
    let ballast = Ballast::in_folder(&folder);
    is_refused(&storage, &small).await;
    ballast.throw_off();
    works(&storage, &small).await;
}
