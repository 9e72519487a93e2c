//! What the two native layouts have in common: a value with a header, and scripts that handle it.

use redis::Cmd;

use super::{context::Context, header::Kind, scripts::Scripts};
use crate::{
    Record, StoreKey, Timestamp,
    storage::{
        Created, Lookup, StorageError,
        redis::{
            errors::{Answered, Failure},
            layout::{Answering, Format},
            servers::Servers,
        },
    },
};

/// A layout whose values have a header.
pub(crate) trait Native: Format {
    fn context(&self) -> &Context;

    fn scripts() -> &'static Scripts;

    /// The command that reads the header.
    fn read_header(name: &[u8]) -> Cmd;

    /// The command that reads the tombstone of a renewal.
    fn read_tombstone(name: &[u8]) -> Cmd;

    /// Stores a session, unless something exists under the key.
    fn store(
        &self,
        servers: &Servers,
        key: &StoreKey,
        record: &Record,
        kind: Kind,
        now: Timestamp,
    ) -> impl Answering<Created>;
}

/// A read of a value of another type is no error.
pub(super) fn or_wrong_type(error: StorageError, key: &StoreKey) -> Answered<Lookup> {
    if Failure::of(&error).is_some_and(Failure::is_wrong_type) { Ok(wrong_type(key)) } else { Err(error) }
}

/// A value of another type is no session.
pub(super) fn wrong_type(key: &StoreKey) -> Lookup {
    tracing::warn!(?key, "Redis holds another type of value where a session should be");
    Lookup::Absent
}

/// A value without a header is no session.
pub(super) fn warn_no_header(key: &StoreKey) {
    tracing::warn!(?key, "Redis holds something other than a session where a session should be");
}
