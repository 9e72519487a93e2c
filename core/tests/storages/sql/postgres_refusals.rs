//! A Postgres server that cannot be used, and says why; and nothing secret in what is said.

use std::time::Duration;

use gsession::{AsyncStorage, PostgresStorage, StorageErrorKind};
use gsession_test_servers::PostgresServer;
use sqlx::postgres::PgPoolOptions;

use super::{blind, created, key, migrated, one_entry, support::*, texts};

async fn refused(url: &str) -> (StorageErrorKind, String) {
    let builder = PostgresStorage::builder(url).response_timeout(Duration::from_secs(2)).sweep_interval(Duration::MAX);
    let storage = match builder.build() {
        Ok(storage) => storage,
        Err(error) => return (error.kind(), texts(&error)),
    };
    let shown = format!("{storage:?}");
    let error = storage.check().await.unwrap_err();
    (error.kind(), texts(&error) + &shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_used_is_named_without_its_password() {
    let server = PostgresServer::start();
    let guarded = server.url_with_password();
    let (login, place) = guarded.rsplit_once('@').unwrap();
    let (address, _) = place.split_once('/').unwrap();
    let wrong = format!("{}x@{place}", login);
    for (url, kind, said) in [
        (wrong, StorageErrorKind::Setup, "password authentication failed"),
        (format!("{login}@{address}/nowhere"), StorageErrorKind::Setup, "does not exist"),
        (format!("{login}@127.0.0.1:1/postgres"), StorageErrorKind::Unavailable, "refused"),
        (format!("{login}@{place}?sslmode=require"), StorageErrorKind::Unavailable, "TLS"),
        (guarded.replacen("postgres", "mysql", 1), StorageErrorKind::Setup, "not one of a Postgres server"),
        (guarded.replacen(address, "127.0.0.1:notaport", 1), StorageErrorKind::Setup, "not one of a Postgres server"),
        (format!("{login}@{place}?sslmode=whatever"), StorageErrorKind::Setup, "not one of a Postgres server"),
    ] {
        let (seen, text) = refused(&url).await;
        assert_eq!(seen, kind, "{text}");
        assert!(text.contains(said), "{said}: {text}");
        for secret in [PostgresServer::PASSWORD, "s3cret"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_free_connections_says_so() {
    let server =
        PostgresServer::builder().set("max_connections", "8").set("superuser_reserved_connections", "3").start();
    let storage = migrated(&server).await;
    created(&storage, 1, &one_entry()).await;
    let others = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_millis(500));
    let others = others.connect_lazy(&server.url()).unwrap();
    let mut held = Vec::new();
    while let Ok(connection) = others.acquire().await {
        held.push(connection);
    }
    // The storage has one that it has used before.
    storage.commit(&key(1), &blind(setting("b", "2"))).await.unwrap();
    let (kind, text) = refused(&server.url()).await;
    assert_eq!(kind, StorageErrorKind::Unavailable, "{text}");
    assert!(text.contains("connection slots") || text.contains("too many clients"), "{text}");
    drop(storage);
    for connection in held {
        connection.close().await.unwrap();
    }
    let clients = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop'";
    wait_until("room again", || server.query(clients) == "0");
    PostgresStorage::connect(&server.url()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_the_application_that_is_closed_or_exhausted_says_so() {
    let server = PostgresServer::start();
    drop(migrated(&server).await);
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(100));
    let pool = pool.connect(&server.url()).await.unwrap();
    let storage = PostgresStorage::from_pool(pool.clone()).sweep_interval(Duration::MAX).build().unwrap();
    storage.check().await.unwrap();
    created(&storage, 1, &one_entry()).await;
    let held = pool.acquire().await.unwrap();
    let error = storage.commit(&key(1), &blind(setting("b", "2"))).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Timeout);
    assert!(texts(&error).contains("no connection of the pool became free"), "{}", texts(&error));
    drop(held);
    storage.commit(&key(1), &blind(setting("b", "2"))).await.unwrap();
    pool.close().await;
    let error = storage.commit(&key(1), &blind(setting("b", "2"))).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Unavailable);
    assert!(texts(&error).contains("the pool of connections was closed"), "{}", texts(&error));
}
