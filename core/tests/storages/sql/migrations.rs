//! The tables: made, found, and refused.

use std::{pin::pin, time::Duration};

use gsession::{AsyncStorage, PostgresStorage, SqliteStorage, StorageErrorKind, storage::Access};
use gsession_test_servers::PostgresServer;
use sqlx::{
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use tempfile::TempDir;

use super::{created, key, one_entry, read, sqlite_at, support::*, texts};

fn unmigrated(server: &PostgresServer) -> PostgresStorage {
    PostgresStorage::builder(&server.url()).sweep_interval(Duration::MAX).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_missing_are_refused_until_they_are_made() {
    let server = PostgresServer::start();
    let storage = unmigrated(&server);
    for error in [
        storage.load(&key(1), &Access::passive(NOW)).await.unwrap_err(),
        storage.create(&key(1), &one_entry(), NOW).await.unwrap_err(),
        storage.check().await.unwrap_err(),
        PostgresStorage::connect(&server.url()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StorageErrorKind::Setup);
        assert!(texts(&error).contains("call `migrate`"), "{}", texts(&error));
    }
    assert_eq!(server.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0", "nothing was made");
    storage.migrate().await.unwrap();
    storage.migrate().await.unwrap();
    created(&storage, 1, &one_entry()).await;
    let other = PostgresStorage::connect(&server.url()).await.unwrap();
    read(&other, &key(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_version_are_refused() {
    let server = PostgresServer::start();
    unmigrated(&server).migrate().await.unwrap();
    server.execute("UPDATE gsession_migrations SET version = 2");
    for error in [
        unmigrated(&server).check().await.unwrap_err(),
        unmigrated(&server).remove(&key(1)).await.unwrap_err(),
        unmigrated(&server).migrate().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StorageErrorKind::Setup);
        assert!(
            texts(&error).contains("have version 2, and this build of gsession knows version 1"),
            "{}",
            texts(&error)
        );
    }
    server.execute("UPDATE gsession_migrations SET version = 0");
    let error = unmigrated(&server).check().await.unwrap_err();
    assert!(texts(&error).contains("needs version 1: call `migrate`"), "{}", texts(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_may_make_the_tables_at_once() {
    let server = PostgresServer::start();
    let folder = TempDir::new().unwrap();
    let postgres = (0..8).map(|_| {
        let storage = quiet(&server);
        tokio::spawn(async move { storage.create(&key(1), &one_entry(), NOW).await })
    });
    let sqlite = (0..8).map(|_| {
        let storage = sql::sqlite_in(folder.path());
        tokio::spawn(async move { storage.create(&key(1), &one_entry(), NOW).await })
    });
    for tasks in [postgres.collect::<Vec<_>>(), sqlite.collect()] {
        let mut made = 0;
        for task in tasks {
            made += u32::from(task.await.unwrap().unwrap() == gsession::storage::Created::Done);
        }
        assert_eq!(made, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_makes_the_tables_however_they_name_them() {
    let server = PostgresServer::start();
    let pool = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("CREATE TABLE gsession_migrations (a BIGINT)").execute(&mut *other).await.unwrap();
    let storages = [quiet(&server), sql::quiet_postgres(&server.url(), "gsession_").schema("public").build().unwrap()];
    let migrating = storages.map(|storage| tokio::spawn(async move { storage.migrate().await }));
    let locks = "SELECT count(*), count(DISTINCT (classid, objid)), count(*) FILTER (WHERE granted) FROM pg_locks \
                 WHERE locktype = 'advisory'";
    wait_until("both of them wait, one for the other", || server.query(locks) == "2|1|1");
    other.rollback().await.unwrap();
    for task in migrating {
        task.await.unwrap().unwrap();
    }
}

/// A request that finds the tables missing does not wait for ever for the process that makes them.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_request_that_cannot_make_the_tables_is_an_error_in_time() {
    let server = PostgresServer::start();
    let pool = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("CREATE TABLE gsession_migrations (a BIGINT)").execute(&mut *other).await.unwrap();
    let builder = sql::quiet_postgres(&server.url(), "gsession_").response_timeout(Duration::from_millis(500));
    let storage = builder.build().unwrap();
    let access = Access::passive(NOW);
    let at = key(1);
    for error in futures::future::join_all((0..6).map(|_| storage.load(&at, &access))).await {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Timeout, "{}", texts(&error));
    }
    other.rollback().await.unwrap();
    let made = async { while storage.load(&at, &access).await.is_err() {} };
    tokio::time::timeout(PATIENCE, made).await.expect("the tables are made now");
}

/// The same rights as a service that makes no tables has, and a server that takes no writes.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_up_to_date_are_left_alone() {
    let server = PostgresServer::start();
    created(&quiet(&server), 1, &one_entry()).await;
    server.execute(
        "CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON gsession_sessions TO clerk; \
         GRANT SELECT ON gsession_migrations TO clerk; REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    );
    let clerk = sql::quiet_postgres(&server.url().replace("shop@", "clerk@"), "gsession_").build().unwrap();
    read(&clerk, &key(1)).await;
    clerk.migrate().await.unwrap();
    let replica = server.standby();
    server.wait_for(&replica);
    let there = quiet(&replica);
    read(&there, &key(1)).await;
    there.migrate().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_go_are_named_and_found_when_they_are_back() {
    let server = PostgresServer::start();
    let storage = unmigrated(&server);
    storage.migrate().await.unwrap();
    created(&storage, 1, &one_entry()).await;
    server.execute("DROP TABLE gsession_sessions, gsession_migrations");
    let error = storage.load(&key(1), &Access::passive(NOW)).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    assert!(texts(&error).contains("run `gsession migrate`"), "{}", texts(&error));
    storage.migrate().await.unwrap();
    created(&storage, 1, &one_entry()).await;
}

/// Another process that writes meanwhile is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn making_the_tables_waits_for_other_writers() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(options.journal_mode(SqliteJournalMode::Wal)).await.unwrap();
    // The first step has been made, so that the next one begins with reading.
    let first = "CREATE TABLE gsession_migrations (version BIGINT NOT NULL PRIMARY KEY, migrated_at BIGINT NOT NULL)";
    sqlx::query(first).execute(&pool).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("CREATE TABLE theirs (a)").execute(&mut *other).await.unwrap();
    let storage = sql::sqlite_in(folder.path());
    let mut migrating = pin!(storage.migrate());
    let early = tokio::time::timeout(Duration::from_millis(500), migrating.as_mut()).await;
    assert!(early.is_err(), "it waits: {early:?}");
    other.commit().await.unwrap();
    migrating.await.unwrap();
    created(&storage, 1, &one_entry()).await;
}

fn quiet(server: &PostgresServer) -> PostgresStorage {
    sql::quiet_postgres(&server.url(), "gsession_").build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_and_a_prefix_keep_applications_apart() {
    let server = PostgresServer::start();
    server.execute("CREATE SCHEMA auth; GRANT ALL ON SCHEMA auth TO PUBLIC");
    let at = |schema: Option<&'static str>, prefix: &'static str| {
        let builder = sql::quiet_postgres(&server.url(), prefix);
        schema.map_or(sql::quiet_postgres(&server.url(), prefix), |schema| builder.schema(schema)).build().unwrap()
    };
    let places = [at(None, "gsession_"), at(Some("auth"), "gsession_"), at(Some("auth"), "Shop_"), at(None, "shop_")];
    for place in &places {
        created(place, 1, &one_entry()).await;
        assert_eq!(place.count(NOW).await.unwrap(), 1);
    }
    let tables = "SELECT string_agg(schemaname || '.' || tablename, ' ' ORDER BY schemaname, tablename COLLATE \"C\") FROM pg_tables \
                  WHERE tablename LIKE '%sessions'";
    assert_eq!(
        server.query(tables),
        "auth.Shop_sessions auth.gsession_sessions public.gsession_sessions public.shop_sessions"
    );
    let error = at(Some("nowhere"), "gsession_").check().await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    assert!(texts(&error).contains("nowhere") && texts(&error).contains("`CREATE SCHEMA`"), "{}", texts(&error));
    server.execute("CREATE SCHEMA closed; GRANT USAGE ON SCHEMA closed TO PUBLIC");
    let error = at(Some("closed"), "gsession_").migrate().await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    assert!(texts(&error).contains("`GRANT USAGE, CREATE ON SCHEMA`"), "{}", texts(&error));
}

/// A service that may only use the tables works with those that somebody else has made.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_needs_no_right_to_make_tables() {
    let server = PostgresServer::start();
    unmigrated(&server).migrate().await.unwrap();
    server.execute(
        "CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON gsession_sessions TO clerk; \
         GRANT SELECT ON gsession_migrations TO clerk; REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    );
    let (_, rest) = server.url().split_once('@').map(|(_, rest)| ((), rest.to_owned())).unwrap();
    let storage = PostgresStorage::connect(&format!("postgres://clerk@{rest}")).await.unwrap();
    created(&storage, 1, &one_entry()).await;
    server.execute("REVOKE UPDATE ON gsession_sessions FROM clerk");
    let error = storage.commit(&key(1), &super::blind(setting("x", "1"))).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    assert!(texts(&error).contains("permission denied for table gsession_sessions"), "{}", texts(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_sqlite_has_its_tables_from_the_start_unless_that_is_not_wanted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions.db");
    let storage = SqliteStorage::builder(&path).migrate_on_start(false).build().unwrap();
    let error = storage.check().await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    assert!(texts(&error).contains("call `migrate`"), "{}", texts(&error));
    let storage = SqliteStorage::open(&path).await.unwrap();
    created(&storage, 1, &one_entry()).await;
    let again = sqlite_at(&folder).await;
    read(&again, &key(1)).await;
    again.migrate().await.unwrap();
    read(&again, &key(1)).await;
}
