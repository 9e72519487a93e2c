//! What a layout is: how sessions are kept in Redis, and the commands that read and change them.

use std::{
    future::{Future, ready},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use redis::{Cmd, Value};

use super::{errors::Answered, servers::Servers};
use crate::{
    Codec, KeyScheme, Limits, Record, StoreKey, Timestamp,
    record::{Access, Commit, JsonText},
    storage::{Created, Found, Lookup, Removed, ScanCursor, Scanned, Swept, Tombstone, Touched},
};

// Operations, as errors name them.
pub(super) const READING: &str = "reading a session from Redis";
pub(super) const CREATING: &str = "storing a new session in Redis";
pub(super) const COMMITTING: &str = "changing a session in Redis";
pub(super) const RENEWING: &str = "renewing a session in Redis";
pub(super) const TOUCHING: &str = "extending a session in Redis";
pub(super) const ENDING: &str = "ending a session in Redis";
pub(super) const LISTING: &str = "listing the sessions in Redis";

/// How long a prepared session is kept if no move between nodes activates it.
pub(super) const PREPARED_FOR: Duration = Duration::from_secs(60);

/// The names of the entries to read; `None` for all.
pub(crate) type Names<'a> = Option<&'a [&'a str]>;

/// The parts of a layout.
pub(crate) struct LayoutSettings {
    /// What keys begin with, if it is set.
    pub(super) prefix: Option<String>,
    pub(super) limits: Limits,
    pub(super) codec: Option<Arc<dyn Codec>>,
    pub(super) has_near_cache: bool,
}

/// The result of a change.
pub(crate) enum Change {
    /// When the session ends if it is not used again, whether it is remembered, and its revision as in
    /// [`Snapshot::revision`](crate::record::Snapshot::revision).
    Done {
        expires_at: Timestamp,
        is_remembered: bool,
        revision: u64,
    },
    Gone,
    /// The session was renewed at this time.
    Renewed(Timestamp),
    /// The same, by an earlier attempt of this very move. Only GoFrame's formats answer this; the native scripts look under the
    /// new key themselves.
    AlreadyRenewed(Timestamp),
    Conflict(Option<JsonText>),
    /// Something exists under the new key.
    Taken,
    /// The change was made to a value with the header of a session that cannot be read. That is no session ([S11](crate::design#s11)).
    Unreadable,
}

/// A renewal: a session is changed, and moves.
pub(crate) struct Renewal<'a> {
    pub(super) from: &'a StoreKey,
    pub(super) to: &'a StoreKey,
    pub(super) commit: &'a Commit,
}

/// The result of replacing a session by the tombstone of its renewal.
pub(crate) enum Claim {
    Done,
    /// The session was changed since it was read.
    Changed,
    Gone,
    Renewed(Timestamp),
}

/// Which of a principal's sessions are listed: the first `most` whose keys come after `after`.
#[derive(Clone, Copy)]
pub(crate) struct PageOf {
    pub(super) after: Option<StoreKey>,
    pub(super) most: NonZeroUsize,
}

/// A future whose output is an answer or an error.
pub(crate) trait Answering<T>: Future<Output = Answered<T>> + Send {}

impl<T, F: Future<Output = Answered<T>> + Send> Answering<T> for F {}

/// How a session is read and changed.
pub(crate) trait Format: Sized + Send + Sync + 'static {
    fn new(settings: LayoutSettings) -> Answered<Self>;

    /// A read-only command that returns the session under `key`, whose Redis key is `name`. The near cache sends it, because scripts
    /// are not tracked. `None` if the session may have to be touched.
    fn plain_read(&self, _key: &StoreKey, _name: &[u8], _names: Names<'_>, _access: &Access) -> Option<Cmd> {
        None
    }

    /// Reads the answer to [`plain_read`](Self::plain_read).
    fn decode(&self, _key: &StoreKey, _reply: Value, _names: Names<'_>, _access: &Access) -> Lookup {
        Lookup::Absent
    }

    /// Reads a session with the entries `names`, or all, and touches it if that is due.
    fn load(&self, servers: &Servers, key: &StoreKey, names: Names<'_>, access: &Access) -> impl Answering<Lookup>;

    /// Changes a session. If `to` is given, which is on the same node, the session moves there.
    fn change(
        &self,
        servers: &Servers,
        key: &StoreKey,
        to: Option<&StoreKey>,
        commit: &Commit,
    ) -> impl Answering<Change>;
}

/// A way to keep sessions: a format, and the operations that depend little on it. [`Storage`](crate::Storage) describes what the
/// methods promise.
pub(crate) trait Layout: Format {
    const KEY_SCHEME: KeyScheme;
    /// Whether [`prepare`](Self::prepare) replaces a session that was prepared before.
    const REPLACES_PREPARED: bool;

    /// The Redis key of a session.
    fn name(&self, key: &StoreKey) -> Vec<u8>;

    /// The Redis key of the tombstone of its renewal, if that is another one.
    fn name_of_tombstone(&self, _key: &StoreKey) -> Option<Vec<u8>> {
        None
    }

    /// Refuses what the format cannot store.
    fn check(&self, _commit: &Commit) -> Answered<()> {
        Ok(())
    }

    fn create(&self, servers: &Servers, key: &StoreKey, record: &Record, now: Timestamp) -> impl Answering<Created>;

    fn touch(&self, servers: &Servers, key: &StoreKey, access: &Access) -> impl Answering<Touched>;

    fn remove(&self, servers: &Servers, key: &StoreKey) -> impl Answering<Removed>;

    /// By default none, for formats that cannot store all of a [`Tombstone`].
    fn tombstone(&self, _servers: &Servers, _key: &StoreKey, _now: Timestamp) -> impl Answering<Option<Tombstone>> {
        ready(Ok(None))
    }

    fn find(&self, servers: &Servers, principal: &str, now: Timestamp) -> impl Answering<Vec<Found>>;

    fn find_page(&self, servers: &Servers, principal: &str, page: PageOf, now: Timestamp)
    -> impl Answering<Vec<Found>>;

    /// By default Redis does it.
    fn sweep(&self, _servers: &Servers, _now: Timestamp) -> impl Answering<Swept> {
        ready(Ok(Swept::default()))
    }

    fn count(&self, servers: &Servers, now: Timestamp) -> impl Answering<u64>;

    fn scan(&self, servers: &Servers, after: Option<&ScanCursor>, now: Timestamp) -> impl Answering<Scanned>;

    /// First step of a [move between nodes](super::cluster_move): stores a session that nobody can see yet.
    fn prepare(&self, servers: &Servers, renewal: &Renewal<'_>, record: &Record) -> impl Answering<Created>;

    /// Second step: replaces the session, if it still has this revision, by the tombstone of its renewal.
    fn claim(&self, servers: &Servers, renewal: &Renewal<'_>, revision: u64) -> impl Answering<Claim>;

    /// Third step: makes what was prepared a session. Returns when it ends, or `None` if it is gone.
    fn activate(&self, servers: &Servers, to: &StoreKey, access: &Access) -> impl Answering<Option<Timestamp>>;

    /// After the last step: the old key is no longer listed among those of the principal's sessions. Until then it leads to the session
    /// that is moving.
    fn unlist(
        &self,
        _servers: &Servers,
        _from: &StoreKey,
        _principal: Option<&str>,
    ) -> impl Future<Output = ()> + Send {
        ready(())
    }

    /// Whether a session that was renewed was renewed by an earlier attempt of this very renewal.
    fn was_moved(&self, servers: &Servers, renewal: &Renewal<'_>) -> impl Answering<bool>;
}
