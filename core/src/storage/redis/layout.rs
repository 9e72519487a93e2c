//! What a layout is: how sessions are kept in Redis, and the commands that read and change them.

use std::{
    future::{Future, ready},
    sync::Arc,
    time::Duration,
};

use redis::{Cmd, Value};

use super::servers::Servers;
use crate::{
    Codec, KeyScheme, Limits, Record, StoreKey, Timestamp,
    record::{Access, Commit, JsonText},
    storage::{Created, Found, Lookup, Removed, StorageError, Swept, Touched, Trace},
};

// Operations, as errors name them.
pub(super) const READING: &str = "reading a session from Redis";
pub(super) const CREATING: &str = "storing a new session in Redis";
pub(super) const COMMITTING: &str = "changing a session in Redis";
pub(super) const RENEWING: &str = "renewing a session in Redis";
pub(super) const TOUCHING: &str = "extending a session in Redis";
pub(super) const ENDING: &str = "ending a session in Redis";

/// How long a prepared session is kept if no move between nodes activates it.
pub(super) const PREPARED_FOR: Duration = Duration::from_secs(60);

type Answered<T> = Result<T, StorageError>;

/// What a layout is made of.
pub(crate) struct LayoutSettings {
    /// What keys begin with, if it is set.
    pub(super) prefix: Option<String>,
    pub(super) limits: Limits,
    pub(super) codec: Option<Arc<dyn Codec>>,
    pub(super) has_near_cache: bool,
}

/// The result of a change.
pub(crate) enum Change {
    Done {
        /// When the session ends if it is not used again.
        expires_at: Timestamp,
        /// As in [`Snapshot::revision`](crate::record::Snapshot::revision).
        revision: u64,
    },
    Gone,
    /// The session was renewed at this time.
    Moved(Timestamp),
    /// The same, by an earlier attempt of this very move.
    AlreadyMoved(Timestamp),
    Conflict(Option<JsonText>),
    /// Something exists under the new key.
    Taken,
    /// The change was made to a value with the header of a session that cannot be read. That is no session (S11).
    Unreadable,
}

/// The result of replacing a session by the trace of its renewal.
pub(crate) enum Claim {
    Done,
    /// The session was changed since it was read.
    Changed,
    Gone,
    Moved(Timestamp),
}

/// How sessions are named, read and changed.
pub(crate) trait Format: Sized + Send + Sync + 'static {
    const KEY_SCHEME: KeyScheme;

    fn new(settings: LayoutSettings) -> Answered<Self>;

    /// Refuses what the format cannot store.
    fn check(&self, _commit: &Commit) -> Answered<()> {
        Ok(())
    }

    /// The Redis key of a session.
    fn name(&self, key: &StoreKey) -> Vec<u8>;

    /// The Redis key of the trace of its renewal, if that is another one.
    fn name_of_trace(&self, _key: &StoreKey) -> Option<Vec<u8>> {
        None
    }

    /// A read-only command that returns the session. The near cache sends it, because scripts are not tracked. `None` if the
    /// session may have to be touched.
    fn plain_read(&self, _key: &StoreKey, _names: Option<&[&str]>, _access: &Access) -> Option<Cmd> {
        None
    }

    /// Reads the answer to [`plain_read`](Self::plain_read).
    fn decode(&self, _key: &StoreKey, _reply: Value, _names: Option<&[&str]>, _access: &Access) -> Lookup {
        Lookup::Absent
    }

    /// Reads a session with the entries `names`, or all, and touches it if that is due.
    fn load(
        &self,
        servers: &Servers,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> impl Future<Output = Answered<Lookup>> + Send;

    /// Changes a session. If `to` is given, which is on the same node, the session moves there.
    fn change(
        &self,
        servers: &Servers,
        key: &StoreKey,
        to: Option<&StoreKey>,
        commit: &Commit,
    ) -> impl Future<Output = Answered<Change>> + Send;
}

/// A way to keep sessions: a format, and the operations that depend little on it. [`Storage`](crate::Storage) describes what the
/// methods promise.
pub(crate) trait Layout: Format {
    /// Whether [`prepare`](Self::prepare) replaces a session that was prepared before.
    const REPLACES_PREPARED: bool;

    fn create(
        &self,
        servers: &Servers,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> impl Future<Output = Answered<Created>> + Send;

    fn touch(
        &self,
        servers: &Servers,
        key: &StoreKey,
        access: &Access,
    ) -> impl Future<Output = Answered<Touched>> + Send;

    fn remove(&self, servers: &Servers, key: &StoreKey) -> impl Future<Output = Answered<Removed>> + Send;

    /// By default none, for formats that cannot store all of a [`Trace`].
    fn trace(
        &self,
        _servers: &Servers,
        _key: &StoreKey,
        _now: Timestamp,
    ) -> impl Future<Output = Answered<Option<Trace>>> + Send {
        ready(Ok(None))
    }

    fn find(
        &self,
        servers: &Servers,
        principal: &str,
        now: Timestamp,
    ) -> impl Future<Output = Answered<Vec<Found>>> + Send;

    /// By default Redis does it.
    fn sweep(&self, _servers: &Servers, _now: Timestamp) -> impl Future<Output = Answered<Swept>> + Send {
        ready(Ok(Swept::default()))
    }

    /// First step of a [move between nodes](super::cluster_move): stores a session that nobody can see yet.
    fn prepare(
        &self,
        servers: &Servers,
        to: &StoreKey,
        record: &Record,
        commit: &Commit,
    ) -> impl Future<Output = Answered<Created>> + Send;

    /// Second step: replaces the session, if it still has this revision, by the trace of its renewal.
    fn claim(
        &self,
        servers: &Servers,
        from: &StoreKey,
        revision: u64,
        to: &StoreKey,
        commit: &Commit,
    ) -> impl Future<Output = Answered<Claim>> + Send;

    /// Third step: makes what was prepared a session. When it ends; `None` if it is gone.
    fn activate(
        &self,
        servers: &Servers,
        to: &StoreKey,
        access: &Access,
    ) -> impl Future<Output = Answered<Option<Timestamp>>> + Send;

    /// Whether a session that was renewed was renewed by an earlier attempt of this very move.
    fn was_moved_to(
        &self,
        servers: &Servers,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
    ) -> impl Future<Output = Answered<bool>> + Send;
}
