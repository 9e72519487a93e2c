//! Which statements the operations run at the server, exactly.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use gsession::{
    AsyncStorage, Changes, PostgresStorage, Timestamp,
    observe::{Observer, StorageSwept},
    record::{Commit, Lifespan},
    storage::{Access, Committed, Lookup, Moved, Removed, Touched},
};
use gsession_test_servers::PostgresServer;
use sqlx::postgres::PgPoolOptions;

use super::{based, blind, created, informed, key, migrated, naming, one_entry, read, support::*};

/// The first words of the statements that the server has run since the last call.
struct Statements {
    server: PostgresServer,
    seen: usize,
}

impl Statements {
    async fn start() -> (Self, PostgresStorage) {
        let server = PostgresServer::builder().log_statements().start();
        let storage = migrated(&server).await;
        let mut statements = Self { server, seen: 0 };
        statements.new_ones();
        (statements, storage)
    }

    /// But for the notifications, which follow by themselves.
    fn new_ones(&mut self) -> Vec<String> {
        let all = self.server.statements();
        let new = all[self.seen..].iter().filter(|text| !tells(text));
        let new = new.map(|text| text.split(' ').next().unwrap().to_owned()).collect();
        self.seen = all.len();
        new
    }
}

/// Whether a statement does nothing but tell other processes. Transactions that do so commit one after the other in the whole cluster, so
/// none that changes a session is among them.
fn tells(text: &str) -> bool {
    let tells = text.contains("pg_notify");
    assert!(!tells || text.starts_with("SELECT count(pg_notify("), "{text}");
    tells
}

/// With one connection, those that end while the first is told wait in line, and are told together.
#[tokio::test(flavor = "multi_thread")]
async fn ends_that_come_together_are_told_together() {
    let server = PostgresServer::builder().log_statements().start();
    let pool = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let builder = PostgresStorage::from_pool(pool).migrate_on_start(true).wait_until_told(true);
    let storage = builder.sweep_interval(Duration::MAX).build().unwrap();
    for number in 0..40 {
        created(&storage, number, &one_entry()).await;
    }
    let keys: Vec<_> = (0..40).map(key).collect();
    let removed = futures::future::join_all(keys.iter().map(|key| storage.remove(key))).await;
    assert!(removed.iter().all(|removed| *removed.as_ref().unwrap() == Removed::Done));
    let told = server.statements().iter().filter(|text| tells(text)).count();
    assert!((1..=3).contains(&told), "{told} statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_is_one_statement() {
    let (mut statements, storage) = Statements::start().await;
    let a = created(&storage, 1, &one_entry()).await;
    assert_eq!(statements.new_ones(), ["INSERT"], "a create");
    let snapshot = read(&storage, &a).await;
    assert_eq!(statements.new_ones(), ["SELECT"], "a load");
    let due = Access::active(NOW + IDLE / 50, IDLE, IDLE / 100);
    for wanted in [vec!["SELECT", "UPDATE"], vec!["SELECT"]] {
        assert!(matches!(storage.load(&a, &due).await.unwrap(), Lookup::Found(_)));
        assert_eq!(statements.new_ones(), wanted, "a load when a touch is due, and then not");
    }

    for (what, changes) in [("a blind write", setting("x", "1")), ("a blind change of the principal", naming("ada"))] {
        assert!(matches!(storage.commit(&a, &blind(changes)).await.unwrap(), Committed::Done { revision: 0, .. }));
        assert_eq!(statements.new_ones(), ["UPDATE"], "{what}");
    }
    let mut login = naming("ada");
    login.set_lifespan(Lifespan::Own { idle_timeout: IDLE, until: NOW + 9 * IDLE });
    assert!(matches!(storage.commit(&a, &blind(login)).await.unwrap(), Committed::Done { is_remembered: true, .. }));
    assert_eq!(statements.new_ones(), ["UPDATE"], "a blind change of the lifespan");

    let fresh = based(read(&storage, &a).await, setting("y", "1"));
    statements.new_ones();
    assert!(matches!(storage.commit(&a, &fresh).await.unwrap(), Committed::Done { revision: 1.., .. }));
    assert_eq!(statements.new_ones(), ["UPDATE"], "a write of a session that was read");
    let update = informed(&storage, &a, setting("y", "2")).await.expecting("y", Some("1"));
    statements.new_ones();
    assert!(matches!(storage.commit(&a, &update).await.unwrap(), Committed::Done { revision: 1.., .. }));
    assert_eq!(statements.new_ones(), ["UPDATE"], "an atomic update");

    // What was read is out of date by now: it is appended, or the session is rebuilt.
    let late = based(snapshot, setting("z", "1"));
    assert!(matches!(storage.commit(&a, &late).await.unwrap(), Committed::Done { revision: 0, .. }));
    assert_eq!(statements.new_ones(), ["UPDATE", "UPDATE"], "a write of a session that has changed");
    let conflict = late.expecting("y", Some("2"));
    assert!(matches!(storage.commit(&a, &conflict).await.unwrap(), Committed::Done { .. }));
    assert_eq!(statements.new_ones(), ["SELECT", "UPDATE"], "an atomic update of what was not read");

    assert!(matches!(storage.touch(&a, &active(NOW + IDLE / 24)).await.unwrap(), Touched::Done(_)));
    assert_eq!(statements.new_ones(), ["UPDATE"], "a touch");

    let moved = storage.move_to(&a, &key(2), &blind(naming("bob"))).await.unwrap();
    assert!(matches!(moved, Moved::Done { .. }));
    assert_eq!(statements.new_ones(), ["WITH"], "a blind move with a login");
    let b = informed(&storage, &key(2), Changes::default()).await;
    statements.new_ones();
    assert!(matches!(storage.move_to(&key(2), &key(3), &b).await.unwrap(), Moved::Done { revision: 1.., .. }));
    assert_eq!(statements.new_ones(), ["WITH"], "a move of a session that was read");

    assert_eq!(storage.find("bob", NOW).await.unwrap().len(), 1);
    assert_eq!(statements.new_ones(), ["SELECT"], "a listing");
    assert_eq!(storage.count(NOW).await.unwrap(), 1);
    assert_eq!(statements.new_ones(), ["WITH"], "a count");
    assert_eq!(storage.remove(&key(3)).await.unwrap(), Removed::Done);
    assert_eq!(statements.new_ones(), ["DELETE"], "a remove");
    assert_eq!(storage.remove(&key(2)).await.unwrap(), Removed::Renewed(key(3)));
    assert_eq!(statements.new_ones(), ["DELETE", "SELECT"], "a remove of what has moved");
}

/// Told of sweeps.
#[derive(Default)]
struct Sweeps(Mutex<Vec<StorageSwept>>);

impl Observer for Sweeps {
    fn storage_swept(&self, event: &StorageSwept) {
        self.0.lock().unwrap().push(*event);
    }
}

/// Only what has ended is looked at, by an index, however much there is beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_in_the_background_counts_nothing() {
    let (mut statements, storage) = Statements::start().await;
    created(&storage, 1, &one_entry()).await;
    let builder = PostgresStorage::builder(&statements.server.url()).sweep_interval(Duration::from_millis(50));
    let sweeping = builder.build().unwrap();
    let sweeps: Arc<Sweeps> = Arc::default();
    let observer: Arc<dyn Observer> = Arc::clone(&sweeps) as _;
    sweeping.report_to(&[observer]);
    statements.new_ones();
    wait_until("the expired session is removed", || {
        sweeps.0.lock().unwrap().iter().any(|event| event.swept.removed == 1)
    });
    assert!(sweeps.0.lock().unwrap().iter().all(|event| !event.is_counted && event.swept.kept == 0));
    let ran = statements.new_ones();
    assert!(!ran.iter().any(|word| word == "WITH"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_was_asked_for_counts_what_is_left() {
    for (name, storage) in super::both().storages {
        for number in 1..=3 {
            created(&*storage, number, &one_entry()).await;
        }
        storage.move_to(&key(1), &key(4), &blind(setting("b", "2"))).await.unwrap();
        let swept = storage.sweep(NOW).await.unwrap();
        assert_eq!((swept.removed, swept.kept), (0, 4), "{name}: three sessions, and the trace of a renewal");
        assert_eq!(storage.count(NOW).await.unwrap(), 3, "{name}");
        let swept = storage.sweep(NOW + 2 * IDLE).await.unwrap();
        assert_eq!((swept.removed, swept.kept), (4, 0), "{name}");
    }
}

/// So no statement takes longer the more sessions there are.
#[tokio::test(flavor = "multi_thread")]
async fn a_count_goes_page_by_page() {
    let (mut statements, storage) = Statements::start().await;
    statements.server.execute(
        "INSERT INTO gsession_sessions (key, kind, revision, created_at, last_seen, idle_timeout, is_remembered, entries, bytes, record, log) \
         SELECT sha256(number::text::bytea), number % 3, 1, 0, 0, 1000, FALSE, 0, 0, '', '' FROM generate_series(1, 29999) AS number",
    );
    statements.new_ones();
    assert_eq!(storage.count(Timestamp::from_millis(999)).await.unwrap(), 9999);
    assert_eq!(statements.new_ones(), ["WITH", "WITH", "WITH"]);
    assert_eq!(storage.count(Timestamp::from_millis(1000)).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_merged_into_the_record_now_and_then() {
    let (mut statements, storage) = Statements::start().await;
    let a = created(&storage, 1, &one_entry()).await;
    statements.new_ones();
    for n in 0..200 {
        storage.commit(&a, &blind(setting("n", &n.to_string()))).await.unwrap();
    }
    let ran = statements.new_ones();
    let rebuilds = ran.iter().filter(|word| *word == "SELECT").count();
    assert!((1..20).contains(&rebuilds), "{rebuilds} rebuilds in 200 commits");
    assert_eq!(ran.len(), 200 + 2 * rebuilds, "a rebuild is a try, a read and a write");
    let log = statements.server.query("SELECT max(length(log)) FROM gsession_sessions");
    assert!(log.parse::<u32>().unwrap() <= 1024, "a log of {log} bytes");
    assert_eq!(read(&storage, &a).await.record.entries.get_str("n"), Some("199"));
}

/// Most commits change no column of an index, and there is room in the page.
#[tokio::test(flavor = "multi_thread")]
async fn ordinary_commits_leave_the_indexes_alone() {
    let server = PostgresServer::start();
    let storage = migrated(&server).await;
    let a = created(&storage, 1, &one_entry()).await;
    for n in 0..50 {
        storage.commit(&a, &Commit::new(setting("n", &n.to_string()), Access::passive(NOW))).await.unwrap();
    }
    // The statistics of a session are told when it ends.
    drop(storage);
    let updates = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'gsession_sessions'";
    wait_until("the statistics", || server.query(updates).split('|').next() != Some("0"));
    let counts = server.query(updates);
    let (all, hot) = counts.split_once('|').unwrap();
    let (all, hot): (u32, u32) = (all.parse().unwrap(), hot.parse().unwrap());
    assert!(hot * 10 >= all * 9, "{hot} of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_sweeps_use_the_indexes() {
    let server = PostgresServer::start();
    let storage = migrated(&server).await;
    for n in 0..200 {
        storage.create(&key(n), &one_entry(), NOW).await.unwrap();
    }
    server.execute("ANALYZE gsession_sessions");
    let plan = |rest: &str| server.query(&format!("SET enable_seqscan = off; EXPLAIN (COSTS off) SELECT {rest}"));
    let hash = "'\\x00'::bytea";
    for (rest, index) in [
        (format!("record FROM gsession_sessions WHERE key = {hash}"), "gsession_sessions_pkey"),
        (
            format!("key FROM gsession_sessions WHERE principal = {hash} AND key > {hash} ORDER BY key LIMIT 5"),
            "gsession_sessions_by_principal",
        ),
        (
            "key FROM gsession_sessions WHERE expires_at <= 5 ORDER BY expires_at LIMIT 5".to_owned(),
            "gsession_sessions_by_expiry",
        ),
    ] {
        let plan = plan(&rest);
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{rest}: {plan}");
    }
}
