//! The SQL that is SQLite's own.

use super::super::{
    clauses::NEW,
    names::Names,
    statements::{Dialect, Move, Statements},
};

/// The steps from nothing to the tables of today.
pub(super) fn migrations(names: &Names) -> Vec<Vec<String>> {
    let table = names.sessions();
    let sessions = format!(
        "CREATE TABLE {table} (\
         key BLOB NOT NULL PRIMARY KEY, \
         kind INTEGER NOT NULL, \
         revision INTEGER NOT NULL, \
         created_at INTEGER NOT NULL, \
         last_seen INTEGER NOT NULL, \
         idle_timeout INTEGER NOT NULL, \
         absolute_deadline INTEGER, \
         is_remembered INTEGER NOT NULL, \
         expires_at INTEGER NOT NULL \
         GENERATED ALWAYS AS (min(last_seen + idle_timeout, coalesce(absolute_deadline, 9223372036854775807))) STORED, \
         principal BLOB, \
         entries INTEGER NOT NULL, \
         bytes INTEGER NOT NULL, \
         record BLOB NOT NULL, \
         log BLOB NOT NULL, \
         moved_to BLOB)"
    );
    let by_expiry = format!("CREATE INDEX {} ON {table} (expires_at, kind)", names.index("sessions_by_expiry"));
    let by_principal = format!(
        "CREATE INDEX {} ON {table} (principal, key) WHERE principal IS NOT NULL",
        names.index("sessions_by_principal")
    );
    vec![vec![sessions, by_expiry, by_principal]]
}

pub(super) fn statements(names: &Names) -> Statements {
    let table = names.sessions();
    let moving = |Move { update, tombstone, returned }: &Move<'_>| {
        vec![format!("{update} RETURNING {returned}"), format!("INSERT INTO {table} ({NEW}) VALUES ({tombstone})")]
    };
    Statements::new(
        names,
        &Dialect {
            appended: "CAST(log || $13 AS BLOB)",
            empty: "x''",
            moving: &moving,
            sweep: format!(
                "DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE expires_at <= $1 LIMIT $2) \
                 RETURNING key, kind"
            ),
        },
    )
}
