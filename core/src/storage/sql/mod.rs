//! Storages in the tables of a database: Postgres and SQLite.
#![allow(private_bounds, reason = "users cannot add databases")]

mod builder;
mod change;
mod check;
mod clauses;
mod database;
mod failure;
mod invalid_setting;
mod listing;
mod migrations;
mod names;
#[cfg(feature = "postgres")]
mod postgres;
mod reports;
mod running;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statements;
mod storage;
mod store;
mod stored;
mod times;
mod values;

pub use builder::SqlBuilder;
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
#[cfg(feature = "sqlite")]
pub use sqlite::{Sqlite, SqliteDurability};
pub use storage::Sql;

/// A storage in Postgres: see the [module](self).
#[cfg(feature = "postgres")]
pub type PostgresStorage = Sql<Postgres>;

/// A storage in a file of SQLite: see the [module](self).
#[cfg(feature = "sqlite")]
pub type SqliteStorage = Sql<Sqlite>;
