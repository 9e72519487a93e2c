//! What the tables of a storage are to the server, whatever they are named by: one service may name their schema, and another one have it
//! in its `search_path`.

use super::super::names::Names;

/// An SQL expression: the name of the channel on which the ends of these tables' sessions are told. The number of the table is its own in
/// the database.
pub(super) fn channel(names: &Names) -> String {
    format!("('gsession_' || '{}'::TEXT::REGCLASS::OID)", names.sessions())
}

/// A statement that waits until no other process migrates these tables, and keeps others waiting until the end of the transaction.
pub(super) fn lock(names: &Names) -> String {
    // The schema that they are in, or will be in.
    let found = format!(
        "(SELECT nspname::TEXT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE pg_class.oid = to_regclass('{}'))",
        names.migrations()
    );
    let named = names.schema().map(|schema| format!("'{schema}', ")).unwrap_or_default();
    let table = names.index("migrations");
    format!(
        "SELECT pg_advisory_xact_lock(hashtextextended(\
         COALESCE({found}, {named}current_schema()::TEXT) || '.{table}', 0))"
    )
}
