//! The storages in databases: what they cost, what they refuse, and what happens when the database fails.

mod costs;
mod full_disk;
mod limits;
mod migrations;
mod postgres_faults;
mod postgres_pool;
mod postgres_refusals;
mod postgres_tls;
mod races;
mod settings;
mod sqlite_faults;
mod unreadable;
mod watching;

use std::error::Error;

use gsession::{
    AsyncStorage, Changes, PostgresStorage, Record, SqliteStorage, StorageError, StoreKey,
    record::{Commit, Snapshot},
    storage::{Access, Created, Lookup},
};
use gsession_test_servers::PostgresServer;
use tempfile::TempDir;

use crate::support::{self, NOW, active, key, record, setting};

/// Both storages, as `dyn`, with what they live in.
struct Both {
    storages: Vec<(&'static str, Box<dyn AsyncStorage>)>,
    _folder: TempDir,
}

/// In a runtime: empty storages.
fn both() -> Both {
    let folder = TempDir::new().unwrap();
    let sqlite: Box<dyn AsyncStorage> = Box::new(support::sql::sqlite_in(folder.path()));
    let postgres: Box<dyn AsyncStorage> = Box::new(support::sql::postgres());
    Both { storages: vec![("SQLite", sqlite), ("Postgres", postgres)], _folder: folder }
}

/// All that an error says, with its sources.
fn texts(error: &StorageError) -> String {
    let mut texts = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        texts = format!("{texts}: {error}");
        source = error.source();
    }
    format!("{texts} / {error:?}")
}

async fn created(storage: &dyn AsyncStorage, number: u8, record: &Record) -> StoreKey {
    assert_eq!(storage.create(&key(number), record, NOW).await.unwrap(), Created::Done);
    key(number)
}

async fn read(storage: &dyn AsyncStorage, key: &StoreKey) -> Snapshot {
    match storage.load(key, &Access::passive(NOW)).await.unwrap() {
        Lookup::Found(snapshot) => snapshot,
        other => panic!("no session, but {other:?}"),
    }
}

/// A commit of a request that has not read the session.
fn blind(changes: Changes) -> Commit {
    Commit::new(changes, active(NOW))
}

/// A commit of one that has.
async fn informed(storage: &dyn AsyncStorage, key: &StoreKey, changes: Changes) -> Commit {
    based(read(storage, key).await, changes)
}

/// A commit of one that has read this.
fn based(base: Snapshot, changes: Changes) -> Commit {
    let mut commit = blind(changes);
    commit.base = Some(base);
    commit
}

/// A Postgres storage that does nothing by itself, with its tables.
async fn migrated(server: &PostgresServer) -> PostgresStorage {
    let storage = support::sql::quiet_postgres(&server.url(), "gsession_").build().unwrap();
    storage.check().await.unwrap();
    storage
}

async fn sqlite_at(folder: &TempDir) -> SqliteStorage {
    let storage = support::sql::sqlite_in(folder.path());
    storage.check().await.unwrap();
    storage
}

fn one_entry() -> Record {
    record(&[("a", "1")])
}

fn naming(principal: &str) -> Changes {
    let mut changes = setting("b", "2");
    changes.set_principal(Some(principal.into()));
    changes
}
