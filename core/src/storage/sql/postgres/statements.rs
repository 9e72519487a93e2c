//! The SQL that is Postgres's own.

use super::super::{
    clauses::NEW,
    names::Names,
    statements::{Dialect, Move, Statements},
};

/// The steps from nothing to the tables of today.
pub(super) fn migrations(names: &Names) -> Vec<Vec<String>> {
    let table = names.sessions();
    // A part of each page stays free for new versions of its rows, so that most commits leave the indexes alone.
    let sessions = format!(
        "CREATE TABLE {table} (\
         key BYTEA NOT NULL PRIMARY KEY, \
         kind SMALLINT NOT NULL, \
         revision BIGINT NOT NULL, \
         created_at BIGINT NOT NULL, \
         last_seen BIGINT NOT NULL, \
         idle_timeout BIGINT NOT NULL, \
         absolute_deadline BIGINT, \
         is_remembered BOOLEAN NOT NULL, \
         expires_at BIGINT NOT NULL GENERATED ALWAYS AS (LEAST(last_seen + idle_timeout, absolute_deadline)) STORED, \
         principal BYTEA, \
         entries INTEGER NOT NULL, \
         bytes INTEGER NOT NULL, \
         record BYTEA NOT NULL, \
         log BYTEA NOT NULL, \
         moved_to BYTEA) WITH (fillfactor = 80)"
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
    // The row gets its new key, and leaves a tombstone under the old one.
    let moving = |Move { update, tombstone, returned }: &Move<'_>| {
        vec![format!(
            "WITH moved AS ({update} RETURNING {returned}), \
             left_behind AS (INSERT INTO {table} ({NEW}) SELECT {tombstone} FROM moved) \
             SELECT {returned} FROM moved"
        )]
    };
    Statements::new(
        names,
        &Dialect {
            appended: "log || $13",
            empty: "''::BYTEA",
            moving: &moving,
            // What another sweep or a request is about to change is left to it.
            sweep: format!(
                "DELETE FROM {table} WHERE key = ANY(ARRAY(SELECT key FROM {table} WHERE expires_at <= $1 \
                 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)) AND expires_at <= $1 RETURNING key, kind"
            ),
        },
    )
}
