//! The statements of a storage, with the names of its tables.

use super::{
    clauses::{
        AFTER_APPENDING, AFTER_REPLACING, DUE, FULL_ROW, HAS_ROOM, HEADER, LIVES, LOGIN_ARGS, NEW, REPLACED, logged_in,
        touched,
    },
    names::Names,
};

/// A change of a session, of one kind.
pub(super) struct Changing {
    /// Of a session that stays where it is, and changes neither its principal nor its lifespan.
    pub(super) plain: String,
    /// Of one that may change them.
    pub(super) login: String,
    /// Of one that moves to another key. If there are several statements, the first one is the change, and if it changes nothing, the
    /// others are not run. They are one transaction.
    pub(super) moving: Vec<String>,
}

/// All statements. Where nothing else is said, `$1` is the key.
pub(crate) struct Statements {
    /// A row: [`FULL_ROW`](super::clauses::FULL_ROW).
    pub(super) read_row: String,
    /// A row without its content: [`HEADER`](super::clauses::HEADER).
    pub(super) read_header: String,
    /// A new row, unless there is one that lives at `$15`. Arguments: [`NEW`](super::clauses::NEW).
    pub(super) create: String,
    /// `$13` is appended to the log. Returns the whole row.
    pub(super) append: Changing,
    /// The same of a session that is known. Returns the header.
    pub(super) append_known: Changing,
    /// Another record takes the place of the old one. Returns the header.
    pub(super) replace: Changing,
    /// Times move forward. Returns the header.
    pub(super) touch: String,
    /// A session ends. Returns its kind.
    pub(super) remove: String,
    /// The row under the key ends if it has ended by `$2`.
    pub(super) clear: String,
    /// Up to `$4` rows of the principal `$1` that live at `$3`, with keys after `$2`: their keys, and all else.
    pub(super) find: String,
    /// Of the `$2` rows with keys after `$1`: how many of kinds up to `$3` live at `$4`; how many there are; the last key.
    pub(super) count: String,
    /// Up to `$3` rows that live at `$2`, with keys after `$1`: their keys, and where their sessions are.
    pub(super) scan: String,
    /// Up to `$2` rows that have ended by `$1` are removed. Returns their keys and kinds.
    pub(super) sweep: String,
    /// The version of the tables.
    pub(super) version: String,
}

/// What differs between databases.
pub(super) struct Dialect<'a> {
    /// The log with `$13` behind it.
    pub(super) appended: &'a str,
    /// No bytes.
    pub(super) empty: &'a str,
    /// The statements of a move: the change of the row, where it is told `key = $to`, and the tombstone in its old place.
    pub(super) moving: &'a dyn Fn(&Move<'_>) -> Vec<String>,
    /// [`Statements::sweep`].
    pub(super) sweep: String,
}

/// A move, from which a database makes its statements.
pub(super) struct Move<'a> {
    /// The change of the row, without what it returns.
    pub(super) update: &'a str,
    /// The tombstone: the columns of [`NEW`], to be selected.
    pub(super) tombstone: &'a str,
    /// The columns to return.
    pub(super) returned: &'a str,
}

impl Statements {
    pub(super) fn new(names: &Names, dialect: &Dialect<'_>) -> Self {
        let table = names.sessions();
        let arguments: Vec<String> = (1..=14).map(|number| format!("${number}")).collect();
        let columns = NEW.split(", ").filter(|column| *column != "key");
        let replaced: Vec<String> = columns.map(|column| format!("{column} = excluded.{column}")).collect();
        let appended = format!(
            // The kinds are 0 for a session and 1 for a list: with entries of a list, a session becomes one.
            "revision = $8, entries = entries + $9, bytes = bytes + $10, log = {}, kind = kind | $14",
            dialect.appended
        );
        let changing = |what: &str, condition: &str, first, returned| {
            Changing::new(&table, dialect, &Kinds { what, condition, first, returned })
        };
        Self {
            read_row: format!("SELECT {FULL_ROW} FROM {table} WHERE key = $1"),
            read_header: format!("SELECT {HEADER} FROM {table} WHERE key = $1"),
            create: format!(
                "INSERT INTO {table} AS held ({NEW}) VALUES ({}) ON CONFLICT (key) DO UPDATE SET {} \
                 WHERE held.expires_at <= $15 RETURNING kind",
                arguments.join(", "),
                replaced.join(", ")
            ),
            append: changing(&appended, HAS_ROOM, AFTER_APPENDING, FULL_ROW),
            append_known: changing(&appended, HAS_ROOM, AFTER_APPENDING, HEADER),
            replace: changing(REPLACED, "revision = $9", AFTER_REPLACING, HEADER),
            touch: format!("UPDATE {table} SET {} WHERE key = $1 AND {LIVES} AND {DUE} RETURNING {HEADER}", touched()),
            remove: format!("DELETE FROM {table} WHERE key = $1 AND kind < 2 RETURNING kind"),
            clear: format!("DELETE FROM {table} WHERE key = $1 AND expires_at <= $2"),
            find: format!(
                "SELECT key, {FULL_ROW} FROM {table} \
                 WHERE principal = $1 AND key > $2 AND expires_at > $3 AND kind < 2 ORDER BY key LIMIT $4"
            ),
            count: format!(
                "WITH page AS (SELECT key, kind, expires_at FROM {table} WHERE key > $1 ORDER BY key LIMIT $2) \
                 SELECT (SELECT count(*) FROM page WHERE kind <= $3 AND expires_at > $4), \
                 (SELECT count(*) FROM page), (SELECT key FROM page ORDER BY key DESC LIMIT 1)"
            ),
            scan: format!(
                "SELECT key, COALESCE(moved_to, key) FROM {table} WHERE key > $1 AND expires_at > $2 ORDER BY key LIMIT $3"
            ),
            sweep: dialect.sweep.clone(),
            version: format!("SELECT max(version) FROM {}", names.migrations()),
        }
    }
}

/// The kinds of a change.
struct Kinds<'a> {
    /// What is set besides times and principal.
    what: &'a str,
    condition: &'a str,
    /// The first argument of [`logged_in`].
    first: usize,
    returned: &'a str,
}

impl Changing {
    fn new(table: &str, dialect: &Dialect<'_>, kinds: &Kinds<'_>) -> Self {
        let Kinds { what, condition, first, returned } = kinds;
        let empty = dialect.empty;
        let (touched, logged_in) = (touched(), logged_in(*first));
        let unchanged = format!("WHERE key = $1 AND {LIVES} AND {condition}");
        let [to, lifetime, sealed] = [0, 1, 2].map(|number| first + LOGIN_ARGS + number);
        let update = format!(
            "UPDATE {table} SET key = ${to}, {what}, {logged_in} {unchanged} \
             AND NOT EXISTS (SELECT 1 FROM {table} AS target WHERE target.key = ${to} AND target.expires_at > $2)"
        );
        // It was made now, and lives for its lifetime.
        let tombstone = format!("$1, 2, 0, $2, $2, ${lifetime}, NULL, FALSE, NULL, 0, 0, ${sealed}, {empty}, ${to}");
        Self {
            plain: format!("UPDATE {table} SET {what}, {touched} {unchanged} RETURNING {returned}"),
            login: format!("UPDATE {table} SET {what}, {logged_in} {unchanged} RETURNING {returned}"),
            moving: (dialect.moving)(&Move { update: &update, tombstone: &tombstone, returned }),
        }
    }
}
