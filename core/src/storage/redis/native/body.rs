//! What one form of value has to bring along.

use std::future::Future;

use redis::{Cmd, Value};

use super::{
    Common,
    header::{Header, Kind},
    scripts::Scripts,
};
use crate::{
    Record, StoreKey, Timestamp,
    record::{Access, Commit, JsonText},
    storage::{
        Created, Lookup, StorageError,
        redis::{
            server::{Dialer, Failure},
            wire::Wire,
        },
    },
};

pub(super) const READING: &str = "reading a session from Redis";
pub(super) const CREATING: &str = "storing a new session in Redis";
pub(super) const COMMITTING: &str = "changing a session in Redis";
pub(super) const RENEWING: &str = "renewing a session in Redis";

/// A form of value: a string or a hash.
pub(super) trait Body: Send + Sync + 'static {
    /// Its scripts.
    fn scripts(&self) -> &'static Scripts;

    /// The command that reads the header.
    fn head(&self, name: &[u8]) -> Cmd;

    /// The command that reads the trace of a renewal.
    fn trace(&self, name: &[u8]) -> Cmd;

    /// The command that reads the session, with the entries `names` or all, without touching it.
    fn plain(&self, name: &[u8], names: Option<&[&str]>) -> Cmd;

    /// Reads the answer to that command.
    fn understood(
        &self,
        common: &Common,
        key: &StoreKey,
        reply: Value,
        names: Option<&[&str]>,
        access: &Access,
    ) -> Lookup;

    /// Reads the session and touches it, if that is due.
    fn read<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> impl Future<Output = Result<Lookup, StorageError>> + Send;

    /// Stores a session unless something lives there.
    fn create<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        record: &Record,
        kind: Kind,
        now: Timestamp,
    ) -> impl Future<Output = Result<Created, StorageError>> + Send;

    /// Changes a session, and moves it if `to` is given.
    fn change<D: Dialer>(
        &self,
        common: &Common,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        to: Option<&StoreKey>,
        commit: &Commit,
    ) -> impl Future<Output = Result<Change, StorageError>> + Send;
}

/// What a change came to.
pub(super) enum Change {
    Done {
        header: Header,
        revision: u64,
    },
    Gone,
    Moved(Timestamp),
    Conflict(Option<JsonText>),
    Taken,
    /// It was done to something that has the header of a session and cannot be read as one. That is no session ([S11](crate::design#s11)).
    Unreadable,
}

/// What stands there is of another type.
pub(super) fn not_a_session(key: &StoreKey) -> Lookup {
    tracing::warn!(?key, "Redis holds another type of value in the place of a session");
    Lookup::Absent
}

/// Reading what is of another type is no failure of the server.
pub(super) fn or_wrong_type(error: StorageError, key: &StoreKey) -> Result<Lookup, StorageError> {
    let failure = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Failure>());
    if failure.is_some_and(Failure::is_wrong_type) { Ok(not_a_session(key)) } else { Err(error) }
}
