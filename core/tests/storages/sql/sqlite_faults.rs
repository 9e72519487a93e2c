//! A file of SQLite that cannot be used, and one that another process uses.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use gsession::{AsyncStorage, SqliteStorage, StorageErrorKind, storage::Committed};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;

use super::{blind, created, key, one_entry, read, sqlite_at, support::*, texts};

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_for_their_owner_alone() {
    let folder = TempDir::new().unwrap();
    let storage = sqlite_at(&folder).await;
    created(&storage, 1, &one_entry()).await;
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
    assert!(files.len() > 1, "the log is beside it: {files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_database_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "these are my notes, and no database at all\n".repeat(100);
    fs::write(&path, &text).unwrap();
    let error = SqliteStorage::open(&path).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup, "{}", texts(&error));
    assert!(texts(&error).contains("not a database"), "{}", texts(&error));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let error = SqliteStorage::open(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup, "{}", texts(&error));
}

/// In UTF-16, `||` cuts a byte off everything of odd length: sessions would be damaged, and then removed.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_utf_16_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await.unwrap();
    sqlx::raw_sql("PRAGMA encoding = 'UTF-16le'; CREATE TABLE theirs (a)").execute(&pool).await.unwrap();
    for storage in [
        sql::sqlite_in(folder.path()),
        SqliteStorage::from_pool(pool).migrate_on_start(true).sweep_interval(Duration::MAX).build().unwrap(),
    ] {
        for error in [
            storage.check().await.unwrap_err(),
            storage.migrate().await.unwrap_err(),
            storage.create(&key(1), &one_entry(), NOW).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), StorageErrorKind::Setup, "{}", texts(&error));
            assert!(texts(&error).contains("PRAGMA encoding = 'UTF-8'"), "{}", texts(&error));
        }
    }
}

/// Another process that writes for long is waited for, and then it is an error in which nothing was stored.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_does_not_end_is_an_error_in_time_and_readers_go_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions.db");
    let builder = SqliteStorage::builder(&path).response_timeout(Duration::from_millis(300));
    let storage = builder.sweep_interval(Duration::MAX).build().unwrap();
    let a = created(&storage, 1, &one_entry()).await;
    let other = SqlitePoolOptions::new().connect_with(SqliteConnectOptions::new().filename(&path)).await.unwrap();
    let mut writing = other.begin().await.unwrap();
    sqlx::query("DELETE FROM gsession_sessions").execute(&mut *writing).await.unwrap();
    for _ in 0..3 {
        let error = storage.commit(&a, &blind(setting("b", "2"))).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Timeout, "{}", texts(&error));
        assert_eq!(read(&storage, &a).await.record.entries.len(), 1);
    }
    writing.rollback().await.unwrap();
    assert!(matches!(storage.commit(&a, &blind(setting("c", "3"))).await.unwrap(), Committed::Done { .. }));
    let entries = read(&storage, &a).await.record.entries;
    assert_eq!(entries.get_str("c"), Some("3"));
}

/// Those that wait for the writer of this process and those that wait for another process have one time for both.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_in_line_is_part_of_the_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions.db");
    let builder = SqliteStorage::builder(&path).response_timeout(Duration::from_millis(300));
    let storage = builder.sweep_interval(Duration::MAX).build().unwrap();
    let a = created(&storage, 1, &one_entry()).await;
    let other = SqlitePoolOptions::new().connect_with(SqliteConnectOptions::new().filename(&path)).await.unwrap();
    let mut writing = other.begin().await.unwrap();
    sqlx::query("DELETE FROM gsession_sessions").execute(&mut *writing).await.unwrap();
    let (first, second) = (blind(setting("b", "2")), blind(setting("c", "3")));
    // None of them has time left when the first one has given up.
    let both = futures::future::join(storage.commit(&a, &first), storage.commit(&a, &second)).await;
    for error in [both.0.unwrap_err(), both.1.unwrap_err()] {
        assert_eq!(error.kind(), StorageErrorKind::Timeout, "{}", texts(&error));
    }
    writing.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pool_says_so() {
    let folder = TempDir::new().unwrap();
    drop(sqlite_at(&folder).await);
    let options = SqliteConnectOptions::new().filename(folder.path().join("sessions.db"));
    let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    let storage = SqliteStorage::from_pool(pool.clone()).sweep_interval(Duration::MAX).build().unwrap();
    created(&storage, 1, &one_entry()).await;
    pool.close().await;
    let error = storage.remove(&key(1)).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Unavailable);
    assert!(texts(&error).contains("the pool of connections was closed; the application"), "{}", texts(&error));
}
