//! `tower-sessions-sqlx-store`.

#[cfg(feature = "postgres")]
use sqlx::PgPool;
#[cfg(feature = "sqlite")]
use sqlx::SqlitePool;

use super::record::TowerSessionsRecord;
use crate::{
    StorageError, StorageErrorKind, Timestamp,
    http::import::{PeerLookup, PeerStore, PeerValue},
    storage::StorageFuture,
};

/// The most bytes that are read: more than a session may have by default.
const MOST: i32 = 1 << 20;
const READING: &str = "reading a session of tower-sessions";
const REMOVING: &str = "removing a session of tower-sessions";

/// The `PostgresStore` of the crate `tower-sessions-sqlx-store`.
///
/// ```
/// use gsession::http::import::{Import, PeerCookie, TowerSessionsPostgres};
/// use sqlx::PgPool;
///
/// # fn import(pool: PgPool) -> Import {
/// Import::new(PeerCookie::tower_sessions(), TowerSessionsPostgres::new(pool))
/// # }
/// # let _ = import;
/// ```
#[cfg(feature = "postgres")]
#[derive(Debug, Clone)]
pub struct TowerSessionsPostgres {
    pool: PgPool,
    schema: String,
    table: String,
}

#[cfg(feature = "postgres")]
impl TowerSessionsPostgres {
    /// In the table `tower_sessions.session`, as by default, over this pool.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool, schema: "tower_sessions".to_owned(), table: "session".to_owned() }
    }

    /// Another schema: what was given to `with_schema_name`.
    #[must_use]
    pub fn schema_name(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Another table: what was given to `with_table_name`.
    #[must_use]
    pub fn table_name(mut self, table: impl Into<String>) -> Self {
        self.table = table.into();
        self
    }

    fn place(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.table))
    }
}

#[cfg(feature = "postgres")]
impl PeerStore for TowerSessionsPostgres {
    fn identity<'a>(&self, cookie: &'a PeerValue) -> Option<&'a str> {
        TowerSessionsRecord::identity(cookie)
    }

    fn load<'a>(&'a self, cookie: &'a PeerValue, now: Timestamp) -> StorageFuture<'a, PeerLookup> {
        Box::pin(async move {
            let text = format!(
                "SELECT substring(data FROM 1 FOR $3) FROM {} WHERE id = $1 AND expiry_date > to_timestamp($2)",
                self.place()
            );
            let query = sqlx::query_as::<_, (Vec<u8>,)>(&text).bind(cookie.text()).bind(seconds(now)).bind(MOST + 1);
            let row = query.fetch_optional(&self.pool).await.map_err(|error| failed(READING, error))?;
            Ok(found(row, cookie, now))
        })
    }

    fn remove<'a>(&'a self, cookie: &'a PeerValue) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let text = format!("DELETE FROM {} WHERE id = $1", self.place());
            let query = sqlx::query(&text).bind(cookie.text());
            query.execute(&self.pool).await.map_err(|error| failed(REMOVING, error))?;
            Ok(())
        })
    }
}

/// The `SqliteStore` of the crate `tower-sessions-sqlx-store`.
///
/// ```
/// use gsession::http::import::{Import, PeerCookie, TowerSessionsSqlite};
/// use sqlx::SqlitePool;
///
/// # fn import(pool: SqlitePool) -> Import {
/// Import::new(PeerCookie::tower_sessions(), TowerSessionsSqlite::new(pool))
/// # }
/// # let _ = import;
/// ```
#[cfg(feature = "sqlite")]
#[derive(Debug, Clone)]
pub struct TowerSessionsSqlite {
    pool: SqlitePool,
    table: String,
}

#[cfg(feature = "sqlite")]
impl TowerSessionsSqlite {
    /// In the table `tower_sessions`, as by default, over this pool.
    #[must_use]
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool, table: "tower_sessions".to_owned() }
    }

    /// Another table: what was given to `with_table_name`.
    #[must_use]
    pub fn table_name(mut self, table: impl Into<String>) -> Self {
        self.table = table.into();
        self
    }
}

#[cfg(feature = "sqlite")]
impl PeerStore for TowerSessionsSqlite {
    fn identity<'a>(&self, cookie: &'a PeerValue) -> Option<&'a str> {
        TowerSessionsRecord::identity(cookie)
    }

    fn load<'a>(&'a self, cookie: &'a PeerValue, now: Timestamp) -> StorageFuture<'a, PeerLookup> {
        Box::pin(async move {
            // The date is a text. One that SQLite cannot read is past.
            let text = format!(
                "SELECT substr(data, 1, ?3) FROM {} WHERE id = ?1 AND julianday(expiry_date) > julianday(?2, 'unixepoch')",
                quoted(&self.table)
            );
            let query = sqlx::query_as::<_, (Vec<u8>,)>(&text).bind(cookie.text()).bind(seconds(now)).bind(MOST + 1);
            let row = query.fetch_optional(&self.pool).await.map_err(|error| failed(READING, error))?;
            Ok(found(row, cookie, now))
        })
    }

    fn remove<'a>(&'a self, cookie: &'a PeerValue) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let text = format!("DELETE FROM {} WHERE id = ?1", quoted(&self.table));
            let query = sqlx::query(&text).bind(cookie.text());
            query.execute(&self.pool).await.map_err(|error| failed(REMOVING, error))?;
            Ok(())
        })
    }
}

fn found(row: Option<(Vec<u8>,)>, cookie: &PeerValue, now: Timestamp) -> PeerLookup {
    match row {
        None => PeerLookup::Absent,
        Some((bytes,)) if bytes.len() > MOST as usize => PeerLookup::Unreadable("it is too long"),
        Some((bytes,)) => TowerSessionsRecord::read(&bytes, cookie, now),
    }
}

/// An identifier in a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Seconds since the Unix epoch.
fn seconds(now: Timestamp) -> f64 {
    now.as_millis() as f64 / 1000.0
}

fn failed(operation: &'static str, error: sqlx::Error) -> StorageError {
    let kind = match &error {
        sqlx::Error::Database(error) if !error.code().is_some_and(|code| passes(&code)) => StorageErrorKind::Other,
        _ => StorageErrorKind::Unavailable,
    };
    StorageError::new(kind, operation).with_source(error)
}

/// Whether an error with this code is one of a server that cannot answer now: it starts, stops, has no room or no connection (classes 08, 53
/// and 57 of Postgres), or SQLite's file is locked.
fn passes(code: &str) -> bool {
    const BUSY: &str = "5";
    code == BUSY || code.len() == 5 && ["08", "53", "57"].iter().any(|class| code.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_stops_is_unavailable() {
        for code in ["57P01", "57P03", "53300", "08006", "5"] {
            assert!(passes(code), "{code}");
        }
        for code in ["42P01", "42501", "1", "57", ""] {
            assert!(!passes(code), "{code}");
        }
    }
}
