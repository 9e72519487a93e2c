//! Hearing of what other processes do, also over a connection that breaks.

use std::time::Duration;

use futures::FutureExt as _;
use gsession::{
    AsyncStorage, PostgresStorage, SqliteStorage, StoreKey,
    record::Lifespan,
    storage::{Access, Lookup, Watched},
};
use gsession_test_servers::{PostgresServer, wait};
use tempfile::TempDir;

use super::{blind, created, key, migrated, naming, one_entry, sqlite_at, support::*};

async fn told(watched: &mut Watched) {
    tokio::time::timeout(PATIENCE, watched.changed()).await.expect("those who wait are told");
}

/// Waits at a key, and has looked.
async fn waiting(storage: &dyn AsyncStorage, at: &StoreKey) -> Watched {
    let watched = storage.watch(at).unwrap();
    super::read(storage, at).await;
    watched
}

/// Looks until it sees no session.
async fn sees_the_end(storage: &dyn AsyncStorage, at: &StoreKey, mut watched: Watched) {
    while matches!(storage.load(at, &Access::passive(NOW)).await.unwrap(), Lookup::Found(_)) {
        told(&mut watched).await;
    }
}

fn never(url: &str) -> PostgresStorage {
    // Nothing is found by looking.
    sql::quiet_postgres(url, "gsession_").watch_interval(Duration::from_secs(3600)).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_reports_what_other_processes_do() {
    let server = PostgresServer::start();
    let elsewhere = migrated(&server).await;
    let here = never(&server.url());
    for number in [1, 3, 5, 7] {
        created(&elsewhere, number, &one_entry()).await;
    }
    // Until it listens, a report may come from that.
    let mut first = waiting(&here, &key(1)).await;
    told(&mut first).await;
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    assert_eq!(server.query(listening), "1");
    elsewhere.remove(&key(1)).await.unwrap();
    sees_the_end(&here, &key(1), first).await;
    let moving = waiting(&here, &key(3)).await;
    elsewhere.move_to(&key(3), &key(4), &blind(setting("b", "2"))).await.unwrap();
    sees_the_end(&here, &key(3), moving).await;
    let mut named = waiting(&here, &key(5)).await;
    elsewhere.commit(&key(5), &blind(naming("ada"))).await.unwrap();
    told(&mut named).await;
    let mut shortened = waiting(&here, &key(7)).await;
    let mut changes = setting("b", "2");
    changes.set_lifespan(Lifespan::Own { idle_timeout: IDLE / 9, until: NOW + IDLE });
    elsewhere.commit(&key(7), &blind(changes)).await.unwrap();
    told(&mut shortened).await;
    drop((named, shortened));
    // The connection ends soon after the last who waits.
    wait::until("nobody listens", || Some(()).filter(|()| server.query(listening) == "0"));
}

/// An operator may name the schema of the tables, where the service has it in its `search_path`.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_does_not_depend_on_how_the_tables_are_named() {
    let server = PostgresServer::start();
    let here = never(&server.url());
    created(&here, 1, &one_entry()).await;
    let mut watched = waiting(&here, &key(1)).await;
    told(&mut watched).await;
    let operator = sql::quiet_postgres(&server.url(), "gsession_").schema("public").build().unwrap();
    operator.remove(&key(1)).await.unwrap();
    sees_the_end(&here, &key(1), watched).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_commits_tell_nobody() {
    let server = PostgresServer::start();
    let (here, elsewhere) = (never(&server.url()), migrated(&server).await);
    created(&elsewhere, 1, &one_entry()).await;
    let mut watched = waiting(&here, &key(1)).await;
    told(&mut watched).await;
    for n in 0..10 {
        elsewhere.commit(&key(1), &blind(setting("n", &n.to_string()))).await.unwrap();
    }
    // What comes is in order, so the end is the first that is told.
    elsewhere.remove(&key(1)).await.unwrap();
    told(&mut watched).await;
    let seen = here.load(&key(1), &Access::passive(NOW)).await.unwrap();
    assert!(matches!(seen, Lookup::Absent), "{seen:?}");
}

/// Everybody who can connect to the database may send something to any channel.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_key_wakes_nobody() {
    let server = PostgresServer::start();
    let (here, elsewhere) = (never(&server.url()), migrated(&server).await);
    for number in 1..=2 {
        created(&elsewhere, number, &one_entry()).await;
    }
    let mut other = waiting(&here, &key(1)).await;
    told(&mut other).await;
    let mut watched = waiting(&here, &key(2)).await;
    let channel = server.query("SELECT 'gsession_' || 'gsession_sessions'::REGCLASS::OID");
    for payload in ["", "all", "00"] {
        server.execute(&format!("NOTIFY {channel}, '{payload}'"));
    }
    elsewhere.remove(&key(2)).await.unwrap();
    told(&mut watched).await;
    assert!(other.changed().now_or_never().is_none());
}

/// What happens while the connection is broken is seen when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_nobody_could_report_is_seen_when_the_connection_is_back() {
    let mut server = PostgresServer::start();
    let elsewhere = migrated(&server).await;
    let here = never(&server.url());
    for number in 1..=2 {
        created(&elsewhere, number, &one_entry()).await;
    }
    let mut watched = waiting(&here, &key(1)).await;
    told(&mut watched).await;
    server.kill();
    // The connection is lost, so all who wait look.
    told(&mut watched).await;
    server.start_again();
    elsewhere.remove(&key(1)).await.unwrap();
    sees_the_end(&here, &key(1), watched).await;
}

/// As when a process dies after it has ended a session, and before it has told that.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_nobody_has_told_is_found_by_looking() {
    let server = PostgresServer::start();
    let builder = sql::quiet_postgres(&server.url(), "gsession_").watch_interval(Duration::from_millis(200));
    let here = builder.build().unwrap();
    created(&here, 1, &one_entry()).await;
    let mut watched = waiting(&here, &key(1)).await;
    told(&mut watched).await;
    server.execute("DELETE FROM gsession_sessions");
    sees_the_end(&here, &key(1), watched).await;
}

/// As behind a pooler that hands the connection of a `LISTEN` to others.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_listens_and_hears_nothing_is_not_relied_upon() {
    let server = PostgresServer::builder().log_statements().start();
    let here =
        sql::quiet_postgres(&server.url(), "gsession_").watch_interval(Duration::from_millis(200)).build().unwrap();
    created(&here, 1, &one_entry()).await;
    server.execute(
        "ALTER FUNCTION pg_catalog.pg_notify(TEXT, TEXT) RENAME TO pg_notify_as_it_was; \
         CREATE FUNCTION pg_catalog.pg_notify(TEXT, TEXT) RETURNS VOID LANGUAGE plpgsql AS 'BEGIN END'",
    );
    let watched = waiting(&here, &key(1)).await;
    let listens = || server.statements().iter().filter(|text| text.starts_with("LISTEN")).count();
    wait_until("it tries again and again", || listens() >= 3);
    server.execute("DELETE FROM gsession_sessions");
    sees_the_end(&here, &key(1), watched).await;
}

/// A connection that dies quietly is noticed, because it is tested.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_dies_quietly_is_noticed() {
    let server = PostgresServer::start();
    let elsewhere = migrated(&server).await;
    created(&elsewhere, 1, &one_entry()).await;
    let here =
        sql::quiet_postgres(&server.url(), "gsession_").watch_interval(Duration::from_millis(200)).build().unwrap();
    let mut watched = waiting(&here, &key(1)).await;
    told(&mut watched).await;
    server.freeze();
    told(&mut watched).await;
    server.thaw();
    elsewhere.remove(&key(1)).await.unwrap();
    sees_the_end(&here, &key(1), watched).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_sees_what_other_processes_do_within_the_interval() {
    let folder = TempDir::new().unwrap();
    let elsewhere = sqlite_at(&folder).await;
    let builder = SqliteStorage::builder(folder.path().join("sessions.db")).sweep_interval(Duration::MAX);
    let here = builder.watch_interval(Duration::from_millis(100)).build().unwrap();
    let a = created(&elsewhere, 1, &one_entry()).await;
    let watched = waiting(&here, &a).await;
    elsewhere.remove(&a).await.unwrap();
    sees_the_end(&here, &a, watched).await;
}
