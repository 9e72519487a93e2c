//! The parts of statements that are the same in Postgres and SQLite.
//!
//! Arguments of all changes: `$1` the key; `$2` now; `$3` and `$4` the time after which a session must have been used and created, by the
//! bounds of the manager; `$5` a touch is due if it was last used then or before; `$6` now, if this is activity, or else a time before
//! all others; `$7` the idle timeout that activity gives it. The others are described where they are used.

/// The columns that say what a row is and how long it lives.
pub(super) const HEADER: &str = "kind, revision, created_at, last_seen, idle_timeout, absolute_deadline, is_remembered";
/// All that is read of a row.
pub(super) const FULL_ROW: &str = "kind, revision, created_at, last_seen, idle_timeout, absolute_deadline, is_remembered, \
                                record, log, moved_to";

/// A session, or a list of gsession's own, that lives.
pub(super) const LIVES: &str = "kind < 2 AND expires_at > $2 AND (is_remembered OR last_seen > $3 AND created_at > $4)";

/// This access has to touch it.
pub(super) const DUE: &str = "(last_seen <= $5 OR is_remembered AND last_seen <= $6 - idle_timeout / 20)";

/// The times after an access.
pub(super) fn touched() -> String {
    format!(
        "last_seen = CASE WHEN {DUE} THEN $2 ELSE last_seen END, \
         idle_timeout = CASE WHEN {DUE} AND NOT is_remembered THEN $7 ELSE idle_timeout END"
    )
}

/// The times and the principal after a commit that may change both. Five arguments from `$first` on: 0 for no new lifespan, 1 for the
/// manager's, 2 for its own; the idle timeout and the absolute deadline of that; whether there is a new principal, and the hash of it.
pub(super) fn logged_in(first: usize) -> String {
    let [lifespan, idle_timeout, deadline, is_named, principal] = [0, 1, 2, 3, 4].map(|number| first + number);
    // The manager's lifespan changes nothing in a session that has it.
    let begins = format!("(${lifespan} = 2 OR ${lifespan} = 1 AND is_remembered)");
    format!(
        "created_at = CASE WHEN ${lifespan} = 1 AND is_remembered THEN $2 ELSE created_at END, \
         last_seen = CASE WHEN {begins} AND last_seen < $2 THEN $2 WHEN NOT {begins} AND {DUE} THEN $2 ELSE last_seen END, \
         idle_timeout = CASE WHEN {begins} THEN ${idle_timeout} \
         WHEN {DUE} AND NOT is_remembered THEN $7 ELSE idle_timeout END, \
         absolute_deadline = CASE WHEN {begins} THEN ${deadline} ELSE absolute_deadline END, \
         is_remembered = CASE WHEN ${lifespan} = 2 THEN TRUE WHEN ${lifespan} = 1 THEN FALSE ELSE is_remembered END, \
         principal = CASE WHEN ${is_named} THEN ${principal} ELSE principal END"
    )
}

/// The log has room for `$13`, and the session for the entries `$9` and bytes `$10`, of which it may have `$11` and `$12`. Unless `$15` is
/// 0, that is its revision. A log as long as the record is merged into it, which takes a rebuild.
pub(super) const HAS_ROOM: &str = "entries + $9 <= $11 AND bytes + $10 <= $12 \
                                   AND length(log) + length($13) <= length(record) + 512 AND ($15 = 0 OR revision = $15)";

/// The first argument of [`logged_in`] after those of an appended change.
pub(super) const AFTER_APPENDING: usize = 16;
/// The same after those of a replacement.
pub(super) const AFTER_REPLACING: usize = 15;
/// How many arguments that are.
pub(super) const LOGIN_ARGS: usize = 5;

/// The session becomes the record `$10` with `$11` entries and `$12` bytes, of the kind `$13`, and the log `$14`; if its revision is `$9`.
pub(super) const REPLACED: &str = "revision = $8, record = $10, entries = $11, bytes = $12, kind = $13, log = $14";

/// The columns of a new row, in the order of its arguments.
pub(super) const NEW: &str = "key, kind, revision, created_at, last_seen, idle_timeout, absolute_deadline, is_remembered, principal, \
                              entries, bytes, record, log, moved_to";
