//! A Postgres server that dies, freezes, comes back, or takes no more.

use std::time::Duration;

use gsession::{
    AsyncStorage, PostgresStorage, StorageErrorKind,
    storage::{Access, Committed, Lookup, Removed},
};
use gsession_test_servers::{PostgresServer, wait};
use sqlx::postgres::PgPoolOptions;

use super::{blind, created, key, migrated, one_entry, read, support::*, texts};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_an_error_and_what_was_acknowledged_is_there_when_it_is_back() {
    let mut server = PostgresServer::start();
    created(&migrated(&server).await, 1, &one_entry()).await;
    let builder = PostgresStorage::builder(&server.url()).acquire_timeout(Duration::from_secs(1));
    let storage = builder.sweep_interval(Duration::MAX).build().unwrap();
    storage.commit(&key(1), &blind(setting("b", "2"))).await.unwrap();
    server.kill();
    for _ in 0..2 {
        for error in [
            storage.load(&key(1), &Access::passive(NOW)).await.unwrap_err(),
            storage.commit(&key(1), &blind(setting("c", "3"))).await.unwrap_err(),
            storage.move_to(&key(1), &key(2), &blind(setting("c", "3"))).await.unwrap_err(),
            storage.remove(&key(1)).await.unwrap_err(),
            storage.check().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), StorageErrorKind::Unavailable, "{}", texts(&error));
        }
    }
    server.start_again();
    wait_for(&storage).await;
    let snapshot = read(&storage, &key(1)).await;
    assert_eq!(snapshot.record.entries, entries(&[("a", "1"), ("b", "2")]));
}

/// Connections that were idle have died with the server. That costs no request its answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_while_nothing_happens_goes_unnoticed() {
    let mut server = PostgresServer::start();
    let storage = migrated(&server).await;
    let a = created(&storage, 1, &one_entry()).await;
    // Several connections.
    futures::future::join_all((0..8).map(|_| read(&storage, &a))).await;
    server.shutdown();
    server.start_again();
    for n in 0..8 {
        let done = storage.commit(&key(1), &blind(setting("n", &n.to_string()))).await.unwrap();
        assert!(matches!(done, Committed::Done { .. }));
    }
    assert_eq!(storage.remove(&key(1)).await.unwrap(), Removed::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_an_error_in_time_and_works_again_when_it_is_thawed() {
    let server = PostgresServer::start();
    let timeout = Duration::from_millis(300);
    let storage = sql::quiet_postgres(&server.url(), "gsession_").response_timeout(timeout).build().unwrap();
    wait_for(&storage).await;
    created(&storage, 1, &one_entry()).await;
    server.freeze();
    // More operations than there are connections.
    for _ in 0..6 {
        let error = storage.commit(&key(1), &blind(setting("b", "2"))).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Timeout, "{}", texts(&error));
        let error = storage.load(&key(1), &Access::passive(NOW)).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Timeout, "{}", texts(&error));
    }
    server.thaw();
    wait_for(&storage).await;
    storage.commit(&key(1), &blind(setting("c", "3"))).await.unwrap();
    assert_eq!(read(&storage, &key(1)).await.record.entries.get_str("c"), Some("3"));
}

/// The first answers after a thaw may still be late.
async fn wait_for(storage: &PostgresStorage) {
    let answers = async { while storage.check().await.is_err() {} };
    tokio::time::timeout(PATIENCE, answers).await.expect("the server answers again");
}

/// What nobody waits for any more, the server gives up; so a lock that somebody forgets holds up no connection for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_another_program_holds_is_waited_for_in_vain_and_then_given_up() {
    let server = PostgresServer::start();
    let timeout = Duration::from_millis(500);
    let storage = sql::quiet_postgres(&server.url(), "gsession_").response_timeout(timeout).build().unwrap();
    wait_for(&storage).await;
    created(&storage, 1, &one_entry()).await;
    let pool = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM gsession_sessions FOR UPDATE").execute(&mut *other).await.unwrap();
    let error = storage.commit(&key(1), &blind(setting("b", "2"))).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Timeout, "{}", texts(&error));
    // A sweep passes by.
    let swept = storage.sweep(NOW + 2 * IDLE).await.unwrap();
    assert_eq!(swept.removed, 0);
    wait::until("the server gives up", || {
        let active = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gsession' AND state = 'active'";
        Some(()).filter(|()| server.query(active) == "0")
    });
    other.rollback().await.unwrap();
    let entries = read(&storage, &key(1)).await.record.entries;
    assert_eq!(entries.get_str("b"), None, "it was not carried out later");
}

/// As with deadlocks, nothing was stored, and it is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn serialization_failures_are_tried_again() {
    let server = PostgresServer::start();
    let options = [("default_transaction_isolation", "serializable"), ("application_name", "service")];
    let options = server.url().parse::<sqlx::postgres::PgConnectOptions>().unwrap().options(options);
    let pool = PgPoolOptions::new().max_connections(20).connect_with(options).await.unwrap();
    let storage =
        PostgresStorage::from_pool(pool).migrate_on_start(true).sweep_interval(Duration::MAX).build().unwrap();
    created(&storage, 1, &one_entry()).await;
    // Another program changes the row while the commits wait for it.
    let other = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let mut other = other.begin().await.unwrap();
    sqlx::query("UPDATE gsession_sessions SET last_seen = last_seen").execute(&mut *other).await.unwrap();
    let commits: Vec<_> = (0..10)
        .map(|n| {
            let storage = storage.clone();
            tokio::spawn(async move { storage.commit(&key(1), &blind(setting(&format!("n{n}"), "1"))).await })
        })
        .collect();
    wait::until("a commit that waits", || {
        let waiting =
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'service' AND wait_event_type = 'Lock'";
        Some(()).filter(|()| server.query(waiting) == "t")
    });
    other.commit().await.unwrap();
    for commit in commits {
        assert!(matches!(commit.await.unwrap().unwrap(), Committed::Done { .. }));
    }
    assert_eq!(read(&storage, &key(1)).await.record.entries.len(), 11);
    assert!(server.log().contains("could not serialize access"), "it did not come to that");
}

/// The server ends a connection while a statement waits. Nothing was stored, so another connection does it.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_ends_costs_no_answer() {
    let server = PostgresServer::start();
    let storage = migrated(&server).await;
    created(&storage, 1, &one_entry()).await;
    let pool = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM gsession_sessions FOR UPDATE").execute(&mut *other).await.unwrap();
    let committing = {
        let storage = storage.clone();
        tokio::spawn(async move { storage.commit(&key(1), &blind(setting("b", "2"))).await })
    };
    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    wait::until("it waits, and is ended", || Some(()).filter(|()| server.query(ended) == "1"));
    other.rollback().await.unwrap();
    assert!(matches!(committing.await.unwrap().unwrap(), Committed::Done { .. }));
    assert_eq!(read(&storage, &key(1)).await.record.entries, entries(&[("a", "1"), ("b", "2")]));
}

/// After a failover, the other server has what the first one had, and takes writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_reads_and_refuses_writes_until_it_is_promoted() {
    let primary = PostgresServer::start();
    let storage = migrated(&primary).await;
    created(&storage, 1, &one_entry()).await;
    let replica = primary.standby();
    primary.wait_for(&replica);
    let there = PostgresStorage::builder(&replica.url()).sweep_interval(Duration::MAX).build().unwrap();
    assert!(matches!(there.load(&key(1), &Access::passive(NOW)).await.unwrap(), Lookup::Found(_)));
    for error in [
        there.check().await.unwrap_err(),
        there.create(&key(2), &one_entry(), NOW).await.unwrap_err(),
        there.remove(&key(1)).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StorageErrorKind::Unavailable);
        assert!(texts(&error).contains("read-only transaction"), "{}", texts(&error));
    }
    replica.promote();
    there.check().await.unwrap();
    assert_eq!(there.remove(&key(1)).await.unwrap(), Removed::Done);
}
