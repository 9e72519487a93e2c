//! Sessions in a database: Postgres (feature `postgres`) and SQLite (feature `sqlite`), over [sqlx](https://docs.rs/sqlx/0.8).
//!
//! For services whose database is what they run already. The storage has a pool of its own (`PostgresStorage::connect`,
//! `SqliteStorage::open`), or uses the application's (`from_pool`). All of gsession's [guarantees](crate::guarantees) hold.
//!
//! ```no_run
//! # #[cfg(feature = "postgres")]
//! # async fn service() -> Result<(), gsession::StorageError> {
//! use gsession::{AsyncManager, PostgresStorage};
//!
//! let url = std::env::var("DATABASE_URL").unwrap_or_default();
//! // Once, as a user who may create tables; or `migrate_on_start(true)` on the builder.
//! PostgresStorage::builder(&url).build()?.migrate().await?;
//!
//! let storage = PostgresStorage::connect(&url).await?;
//! let manager = AsyncManager::new(storage);
//! # drop(manager);
//! # Ok(())
//! # }
//! ```
//!
//! | | Postgres | SQLite |
//! |---|---|---|
//! | for | several machines | one machine; several processes may share the file |
//! | the end of a session elsewhere is heard of ([S18](crate::design#s18)) | at once (`LISTEN`/`NOTIFY`) | within [`watch_interval`](SqlBuilder::watch_interval) |
//! | a commit that was acknowledged survives a power failure | as the server's `synchronous_commit` says | with `SqliteDurability::Full` |
//! | tables | made by [`migrate`](Sql::migrate), or at startup, if you ask for it | made on start, unless the pool is the application's |
//! | minimum Rust | that of gsession | that of gsession, and a C compiler |
//! | needs | Postgres 12 or later | a database in UTF-8 |
//! | tested on | Postgres 15 | SQLite 3.46, which is compiled in |
//!
//! # The tables
//!
//! `<prefix>sessions`, with a row for each session, and for each tombstone of a renewal. Times are milliseconds since the Unix epoch; from
//! 2<sup>61</sup> on they count as for ever.
//!
//! | column | Postgres | SQLite | what |
//! |---|---|---|---|
//! | `key` | `BYTEA` | `BLOB` | primary key: the 32 bytes of the [`StoreKey`](crate::StoreKey) |
//! | `kind` | `SMALLINT` | `INTEGER` | 0 a session; 1 a [list](crate::Record::is_list) of gsession's own; 2 a tombstone |
//! | `revision` | `BIGINT` | `INTEGER` | another number after each commit; touches leave it |
//! | `created_at`, `last_seen` | `BIGINT` | `INTEGER` | of a tombstone, when the session was renewed |
//! | `idle_timeout` | `BIGINT` | `INTEGER` | in milliseconds; of a tombstone, how long it is remembered |
//! | `absolute_deadline` | `BIGINT` | `INTEGER` | NULL for none |
//! | `is_remembered` | `BOOLEAN` | `INTEGER` | whether its deadlines are its own ([S17](crate::design#s17)) |
//! | `expires_at` | `BIGINT` | `INTEGER` | computed by the database from the others; in the index `<prefix>sessions_by_expiry`, with `kind` |
//! | `principal` | `BYTEA` | `BLOB` | SHA-256 of the principal, or NULL; in the index `<prefix>sessions_by_principal`, with `key` |
//! | `entries`, `bytes` | `INTEGER` | `INTEGER` | at most so many entries, and bytes of keys and values |
//! | `record` | `BYTEA` | `BLOB` | the record, as the [`Codec`](crate::Codec) writes it, but for its times, which the columns know; of a tombstone, the [sealed id](crate::storage::SealedId) |
//! | `log` | `BYTEA` | `BLOB` | [changes](crate::formats#changes) since |
//! | `moved_to` | `BYTEA` | `BLOB` | of a tombstone, the new key |
//!
//! `<prefix>migrations` has a row for each version of the tables that was made: `version` and `migrated_at`. Tables of another version than
//! this build knows are refused, with what to do.
//!
//! # What each operation costs
//!
//! | operation | statements |
//! |---|---|
//! | load | one `SELECT` by the primary key; when a touch is due, an `UPDATE` more |
//! | find | one `SELECT` by an index |
//! | count | one `SELECT` by the primary key for each 10,000 rows |
//! | create, touch, remove | one statement |
//! | commit of a short session that was read | one `UPDATE` of the whole, if its revision is the one that was read |
//! | commit of what was not read, or is long | one `UPDATE`, which appends the changes to `log` and reads nothing first |
//! | the same of a session that others have changed since | one `UPDATE` more; with a condition (`update`), a `SELECT` and an `UPDATE` |
//! | the same when the log is longer than the record and 512 bytes, or a limit may be reached | a `SELECT` and an `UPDATE` more, which rebuild the session |
//! | renewal, login | one statement in Postgres; in SQLite a transaction of an `UPDATE` and an `INSERT` |
//! | remove of what has moved or is not there | a `SELECT` more |
//! | sweep | `DELETE`s of 500 rows, each by itself; Postgres skips rows that are locked. One that was asked for counts what is left, as `count` does |
//! | telling other processes (Postgres) | after a renewal, a remove, or a commit that changes the principal or the deadlines: one `SELECT pg_notify`, in the background, for all that has come up since the last one |
//!
//! All that a statement depends on is in the row that it changes; a move also needs the place under its new key, which the primary key guards. So Postgres, which looks at the newest version of a row after it has waited
//! for another transaction, never decides by an old one. Where a transaction is refused because others were in the way (serialization
//! failure, deadlock, `SQLITE_BUSY`), nothing was stored, and it is tried again, for as long as
//! [`response_timeout`](SqlBuilder::response_timeout) allows. In SQLite, writers of one process queue.
//!
//! With a codec of the application's, a commit always reads the session first: nothing can be appended to what only the codec can read.
//!
//! # When the database fails
//!
//! Each operation is an error after [`response_timeout`](SqlBuilder::response_timeout), and then it is unknown whether it took effect. Counting
//! and sweeping have this time for each of their statements, and [`migrate`](Sql::migrate) has no limit once the database has answered. A
//! storage with a pool of its own asks the Postgres server to give up such a statement (`statement_timeout`). A connection that was idle for
//! a second is tested before it is used, so one that died quietly costs no request its answer. A dropped future leaves its whole effect or
//! none, and its connection is given up.
//!
//! Postgres: commits follow the server's settings. With an asynchronous replica, a failover may lose the last commits, even a logout;
//! `synchronous_commit` and `synchronous_standby_names` are the remedy. A replica that takes no writes is an error, never a session that
//! looks stored.
//!
//! Other processes are told of the end of a session right after its commit, by a statement of its own, since transactions that notify commit
//! one after the other in the whole cluster. If the process dies in between, those who wait notice the end within 12 times
//! [`watch_interval`](SqlBuilder::watch_interval), by looking.
//!
//! PgBouncer must be in its mode `session`, with `ignore_startup_parameters = extra_float_digits,options`. Its modes `transaction` and
//! `statement` are not supported, neither for the storage's own pool nor for the application's: prepared statements and `LISTEN` belong to one
//! server process. A connection that listens and hears nothing is noticed, whatever is in between: ends of sessions are then looked for at the
//! interval.
//!
//! SQLite: the file is made for its owner alone (0600). `SqliteDurability::Normal` survives the end of the process; a power failure may lose
//! the last commits. Put the file on a local disk: `WAL` does not work over a network.
#![allow(private_bounds, reason = "users cannot add databases")]

mod builder;
mod change;
mod check;
mod clauses;
mod client;
mod database;
mod failure;
mod invalid_setting;
mod listing;
mod migrations;
mod names;
mod new_row;
mod notice;
mod operation;
mod plan;
#[cfg(feature = "postgres")]
mod postgres;
mod reports;
mod running;
mod scan;
mod settings;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statements;
mod storage;
mod store;
mod stored;
mod sweeper;
mod times;
mod unfit;
mod used;
mod values;

pub use builder::SqlBuilder;
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
#[cfg(feature = "sqlite")]
pub use sqlite::{Sqlite, SqliteDurability};
pub use storage::Sql;

/// A storage in Postgres. Clones share it. The [module](self) describes the tables and what each operation costs.
///
/// ```no_run
/// # async fn example() -> Result<(), gsession::StorageError> {
/// use gsession::PostgresStorage;
///
/// let storage = PostgresStorage::builder("postgres://shop@db.internal/shop?sslmode=verify-full")
///     .schema("auth")
///     .table_prefix("shop_")
///     .max_connections(20)
///     .build()?;
/// storage.migrate().await?;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "postgres")]
pub type PostgresStorage = Sql<Postgres>;

/// A storage in a file of SQLite. Clones share it. The [module](self) describes the tables and what each operation costs.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// use gsession::{AsyncManager, SqliteStorage, storage::sql::SqliteDurability};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sessions.db");
/// let storage = SqliteStorage::builder(&path).durability(SqliteDurability::Full).build()?;
/// let manager = AsyncManager::new(storage);
/// # drop(manager);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "sqlite")]
pub type SqliteStorage = Sql<Sqlite>;
