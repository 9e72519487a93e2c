//! Settings that cannot work are refused when the storage is built, with the way out.

use std::time::Duration;

use gsession::{
    BincodeCodec, Codec, CodecError, Limits, PostgresStorage, Record, SqliteStorage, StorageError, StorageErrorKind,
    storage::sql::SqliteDurability,
};
use gsession_test_servers::PostgresServer;
use sqlx::sqlite::SqlitePoolOptions;
use tempfile::TempDir;

use super::{blind, created, one_entry, read, support::*, texts};
use gsession::AsyncStorage as _;

const URL: &str = "postgres://shop@127.0.0.1:1/postgres";

fn refused<S: std::fmt::Debug>(result: Result<S, StorageError>, said: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    assert!(texts(&error).contains(said), "{said}: {}", texts(&error));
}

#[tokio::test]
async fn a_setting_that_cannot_work_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = || folder.path().join("sessions.db");
    for prefix in ["", "a-b", "a\"; DROP TABLE x; --", "1a", &"x".repeat(33)] {
        refused(PostgresStorage::builder(URL).table_prefix(prefix).build(), "`table_prefix` can have");
        refused(SqliteStorage::builder(path()).table_prefix(prefix).build(), "`table_prefix` can have");
    }
    refused(PostgresStorage::builder(URL).schema("a.b").build(), "`schema` can have");
    refused(
        PostgresStorage::builder(URL).response_timeout(Duration::ZERO).build(),
        "`response_timeout` must be at least 1 ms",
    );
    refused(PostgresStorage::builder(URL).max_connections(0).build(), "`max_connections` must be at least 1");
    refused(SqliteStorage::builder(":memory:").build(), "MemoryStorage");
    let error = SqliteStorage::builder(folder.path().join("no/such/folder.db")).build().unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    let pool = || SqlitePoolOptions::new().connect_lazy("sqlite::memory:").unwrap();
    refused(SqliteStorage::from_pool(pool()).max_connections(2).build(), "`max_connections` is a setting of the pool");
    let durable = SqliteStorage::from_pool(pool()).durability(SqliteDurability::Full).build();
    refused(durable, "`durability` is a setting of the pool");
    // What can work is taken, however odd.
    for timeout in [Duration::from_millis(1), Duration::MAX] {
        let builder = PostgresStorage::builder(URL).response_timeout(timeout).sweep_interval(Duration::ZERO);
        builder.watch_interval(Duration::ZERO).build().unwrap();
        SqliteStorage::builder(path()).response_timeout(timeout).watch_interval(Duration::MAX).build().unwrap();
    }
}

/// It would end with a connection, and with it all sessions.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_memory_is_refused() {
    for url in ["sqlite::memory:", "sqlite:file:zz.db?mode=memory", "sqlite://"] {
        let pool = SqlitePoolOptions::new().max_connections(1).connect_lazy(url).unwrap();
        let storage = SqliteStorage::from_pool(pool).migrate_on_start(true).build().unwrap();
        refused(storage.check().await, "`MemoryStorage`");
        refused(storage.migrate().await, "`MemoryStorage`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_the_application_is_its_own() {
    let server = PostgresServer::start();
    for (parameter, name) in [("", "gsession"), ("?application_name=shop", "shop")] {
        let storage = sql::quiet_postgres(&format!("{}{parameter}", server.url()), "gsession_").build().unwrap();
        storage.check().await.unwrap();
        let names = format!("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = '{name}'");
        assert_eq!(server.query(&names), "t", "{name}");
    }
}

#[test]
fn without_a_runtime_it_is_refused() {
    refused(PostgresStorage::builder(URL).build(), "no tokio runtime");
    let folder = TempDir::new().unwrap();
    refused(SqliteStorage::builder(folder.path().join("sessions.db")).build(), "no tokio runtime");
}

/// Turns all bytes around, so that nothing is readable that it has not written.
#[derive(Debug)]
struct Reversed;

impl Codec for Reversed {
    fn encode(&self, record: &Record) -> Result<Vec<u8>, CodecError> {
        BincodeCodec.encode(record).map(|bytes| bytes.into_iter().rev().collect())
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Record, CodecError> {
        BincodeCodec.decode(&bytes.iter().rev().copied().collect::<Vec<_>>(), limits)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_codec_sees_all_that_is_stored() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions.db");
    let builder = || SqliteStorage::builder(&path).sweep_interval(Duration::MAX);
    let storage = builder().codec(Reversed).build().unwrap();
    let a = created(&storage, 1, &one_entry()).await;
    for n in 0..3 {
        storage.commit(&a, &blind(setting(&format!("n{n}"), "1"))).await.unwrap();
    }
    assert_eq!(read(&storage, &a).await.record.entries.len(), 4);
    // For another codec it is unreadable, and so no session.
    let plain = builder().build().unwrap();
    let seen = plain.load(&a, &gsession::storage::Access::passive(NOW)).await.unwrap();
    assert!(matches!(seen, gsession::storage::Lookup::Absent), "{seen:?}");
    let blind = plain.commit(&a, &blind(setting("x", "1"))).await.unwrap();
    assert!(matches!(blind, gsession::storage::Committed::Gone), "{blind:?}");
}
