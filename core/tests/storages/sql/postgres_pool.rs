//! A pool in an outage: no request keeps a place in it that the next one needs.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use gsession::{
    AsyncStorage, PostgresStorage, StorageErrorKind,
    storage::{Access, Lookup},
};
use gsession_test_servers::{PostgresServer, Proxy, wait};
use sqlx::postgres::PgPoolOptions;

use super::{blind, created, key, migrated, one_entry, read, support::*, texts};

static EMPTY: LazyLock<gsession::StoreKey> = LazyLock::new(|| key(9));

/// A storage with a pool of its own behind a proxy.
fn behind(proxy: &Proxy, connections: u32) -> PostgresStorage {
    let builder = sql::quiet_postgres(&PostgresServer::url_at(proxy.port()), "gsession_").migrate_on_start(false);
    builder.max_connections(connections).acquire_timeout(Duration::from_secs(2)).build().unwrap()
}

/// As when a browser leaves while the server does not answer.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_cancelled_in_an_outage_leave_their_places_to_others() {
    let server = PostgresServer::start();
    created(&migrated(&server).await, 1, &one_entry()).await;
    let proxy = Proxy::to(server.port());
    let storage = behind(&proxy, 3);
    let pool = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM gsession_sessions FOR UPDATE").execute(&mut *other).await.unwrap();
    let committing = (0..3).map(|_| {
        let storage = storage.clone();
        tokio::spawn(async move { storage.commit(&key(1), &blind(setting("b", "2"))).await })
    });
    let committing: Vec<_> = committing.collect();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    wait::until("all of them wait", || Some(()).filter(|()| server.query(waiting) == "3"));
    // From now on, these three connections are dead, and new ones are not.
    proxy.forget();
    for task in committing {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    other.rollback().await.unwrap();
    read(&storage, &key(1)).await;
}

/// The pool asks the server whether a connection works before another request gets it. That answer may never come.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_dies_when_it_is_given_back_leaves_its_place_to_another() {
    let server = PostgresServer::start();
    created(&migrated(&server).await, 1, &one_entry()).await;
    let proxy = Arc::new(Proxy::to(server.port()));
    let dying = Arc::clone(&proxy);
    let once = std::sync::Once::new();
    let pool = PgPoolOptions::new().max_connections(1).after_release(move |_, _| {
        once.call_once(|| dying.forget());
        Box::pin(std::future::ready(Ok(true)))
    });
    let pool = pool.connect_lazy(&PostgresServer::url_at(proxy.port())).unwrap();
    let builder = PostgresStorage::from_pool(pool).sweep_interval(Duration::MAX);
    let storage = builder.response_timeout(Duration::from_millis(500)).build().unwrap();
    let access = Access::passive(NOW);
    let found = async { while !matches!(storage.load(&key(1), &access).await, Ok(Lookup::Found(_))) {} };
    tokio::time::timeout(PATIENCE, found).await.expect("there is a connection again");
}

/// The name of a server may lead to the new primary by now.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_a_server_that_takes_no_writes_is_given_up() {
    let primary = PostgresServer::start();
    created(&migrated(&primary).await, 1, &one_entry()).await;
    let replica = primary.standby();
    primary.wait_for(&replica);
    let proxy = Proxy::to(replica.port());
    let storage = behind(&proxy, 1);
    read(&storage, &key(1)).await;
    for connections in 1..4 {
        assert_eq!(proxy.connections(), connections);
        let error = storage.create(&key(2), &one_entry(), NOW).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Unavailable, "{}", texts(&error));
        read(&storage, &key(1)).await;
    }
}

/// All of them want to know why there is no connection.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_find_no_connection_do_not_all_make_one_to_see_why() {
    let server = PostgresServer::start();
    let proxy = Proxy::to(server.port());
    proxy.stall(true);
    let builder = PostgresStorage::builder(&PostgresServer::url_at(proxy.port())).sweep_interval(Duration::MAX);
    let storage = builder.max_connections(4).acquire_timeout(Duration::from_millis(300)).build().unwrap();
    let access = Access::passive(NOW);
    let loads = (0..100).map(|_| storage.load(&EMPTY, &access));
    for error in futures::future::join_all(loads).await {
        assert_eq!(error.unwrap_err().kind(), StorageErrorKind::Timeout);
    }
    assert!(proxy.connections() < 20, "{} connections", proxy.connections());
}

/// They all learn the same.
#[tokio::test(flavor = "multi_thread")]
async fn all_requests_that_find_no_connection_are_told_why() {
    let builder = PostgresStorage::builder(&PostgresServer::url_at(1)).sweep_interval(Duration::MAX);
    let storage = builder.max_connections(2).acquire_timeout(Duration::from_millis(300)).build().unwrap();
    let access = Access::passive(NOW);
    for error in futures::future::join_all((0..20).map(|_| storage.load(&EMPTY, &access))).await {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Unavailable, "{}", texts(&error));
        assert!(texts(&error).contains("Connection refused"), "{}", texts(&error));
    }
}
