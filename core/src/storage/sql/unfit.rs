//! Why sessions cannot be kept in a database.

/// The version of the tables that this build uses.
pub(super) const VERSION: i64 = 1;

/// Why the tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error(
        "there are no tables of this prefix and schema: call `migrate` on the storage once, as a user who may create tables, or \
         run `gsession migrate`, or set `migrate_on_start`"
    )]
    NoTables,
    #[error(
        "the tables have version {found}, and this build of gsession needs version {VERSION}: call `migrate` on the storage once, as a \
         user who may alter tables, or run `gsession migrate`, or set `migrate_on_start`"
    )]
    Older { found: i64 },
    #[error(
        "the tables have version {found}, and this build of gsession knows version {VERSION} and older: a later build has migrated them, \
         so use that one"
    )]
    Newer { found: i64 },
    #[error(
        "the tables were not made or migrated in time: another process may be doing that, or they are large; call `migrate` on the \
         storage once, or run `gsession migrate`, which take their time"
    )]
    Late,
}

/// Why sessions cannot be kept in a database, whatever its tables are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsuited {
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "Postgres keeps bytes as they are"))]
    #[error(
        "the database keeps texts in UTF-16, in which SQLite would cut bytes off sessions: use another file, or make this one anew with `PRAGMA encoding = 'UTF-8'` before its first table"
    )]
    Utf16,
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "Postgres has no database in memory"))]
    #[error(
        "the database is in memory, and ends with a connection, which may end with any request: name a file, or use `MemoryStorage`"
    )]
    InMemory,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite is compiled in"))]
    #[error("the server is older than Postgres 12, which computes no columns: upgrade it")]
    OldServer,
}
