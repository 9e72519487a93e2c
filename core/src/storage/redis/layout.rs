//! How sessions lie in Redis: the operations of a storage, over either face.

use std::future::Future;

use super::{server::Dialer, wire::Wire};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    record::{Access, Commit},
    storage::{Committed, Created, Found, Lookup, Moved, Removed, StorageError, Swept, Touched, Trace},
};

type Answered<T> = Result<T, StorageError>;

/// A way to keep sessions. The methods are those of [`Storage`](crate::Storage), with the same contract.
pub(super) trait Layout: Send + Sync + 'static {
    /// Reads with the entries `names`, or all.
    fn load<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> impl Future<Output = Answered<Lookup>> + Send;

    fn create<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> impl Future<Output = Answered<Created>> + Send;

    fn commit<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        commit: &Commit,
    ) -> impl Future<Output = Answered<Committed>> + Send;

    fn touch<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        access: &Access,
    ) -> impl Future<Output = Answered<Touched>> + Send;

    fn move_to<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
    ) -> impl Future<Output = Answered<Moved>> + Send;

    /// The trace of a renewal. By default: none, where its format has no place for what a trace keeps.
    fn trace<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        now: Timestamp,
    ) -> impl Future<Output = Answered<Option<Trace>>> + Send {
        let _ = (wire, key, now);
        std::future::ready(Ok(None))
    }

    fn remove<D: Dialer>(&self, wire: &Wire<'_, D>, key: &StoreKey) -> impl Future<Output = Answered<Removed>> + Send;

    fn find<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        principal: &str,
        now: Timestamp,
    ) -> impl Future<Output = Answered<Vec<Found>>> + Send;

    fn sweep<D: Dialer>(&self, wire: &Wire<'_, D>, now: Timestamp) -> impl Future<Output = Answered<Swept>> + Send;
}

/// A layout whose sessions can be kept near: it can be asked for them with a plain command, to which the server's tracking
/// of keys applies.
pub(super) trait Plain: Layout {
    /// How it names sessions.
    fn key_scheme(&self) -> KeyScheme;

    /// The key of a session in Redis.
    fn name(&self, key: &StoreKey) -> Vec<u8>;

    /// The key of the trace that its renewal leaves, if that is another one.
    fn name_of_trace(&self, key: &StoreKey) -> Option<Vec<u8>>;

    /// The command that reads the session without touching it, if that is not due.
    fn plain(&self, key: &StoreKey, names: Option<&[&str]>, access: &Access) -> Option<redis::Cmd>;

    /// Reads the answer to that command.
    fn understood(&self, key: &StoreKey, reply: redis::Value, names: Option<&[&str]>, access: &Access) -> Lookup;
}
