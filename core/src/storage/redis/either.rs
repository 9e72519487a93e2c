//! One of two layouts, chosen when a storage is built.

use redis::{Cmd, Value};

use super::{
    layout::{Layout, Plain},
    server::Dialer,
    wire::Wire,
};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    record::{Access, Commit},
    storage::{Committed, Created, Found, Lookup, Moved, Removed, StorageError, Swept, Touched, Trace},
};

/// gsession's own layout, or GoFrame's.
#[derive(Debug)]
pub(super) enum Either<A, B> {
    Own(A),
    GoFrame(B),
}

macro_rules! both {
    ($self:ident, $layout:ident => $call:expr) => {
        match $self {
            Self::Own($layout) => $call,
            Self::GoFrame($layout) => $call,
        }
    };
}

impl<A: Layout, B: Layout> Layout for Either<A, B> {
    async fn load<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Lookup, StorageError> {
        both!(self, layout => layout.load(wire, key, names, access).await)
    }

    async fn create<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> Result<Created, StorageError> {
        both!(self, layout => layout.create(wire, key, record, now).await)
    }

    async fn commit<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<Committed, StorageError> {
        both!(self, layout => layout.commit(wire, key, commit).await)
    }

    async fn touch<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        access: &Access,
    ) -> Result<Touched, StorageError> {
        both!(self, layout => layout.touch(wire, key, access).await)
    }

    async fn move_to<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
    ) -> Result<Moved, StorageError> {
        both!(self, layout => layout.move_to(wire, from, to, commit).await)
    }

    async fn trace<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        now: Timestamp,
    ) -> Result<Option<Trace>, StorageError> {
        both!(self, layout => layout.trace(wire, key, now).await)
    }

    async fn remove<D: Dialer>(&self, wire: &Wire<'_, D>, key: &StoreKey) -> Result<Removed, StorageError> {
        both!(self, layout => layout.remove(wire, key).await)
    }

    async fn find<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        principal: &str,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        both!(self, layout => layout.find(wire, principal, now).await)
    }

    async fn sweep<D: Dialer>(&self, wire: &Wire<'_, D>, now: Timestamp) -> Result<Swept, StorageError> {
        both!(self, layout => layout.sweep(wire, now).await)
    }
}

impl<A: Plain, B: Plain> Plain for Either<A, B> {
    fn key_scheme(&self) -> KeyScheme {
        both!(self, layout => layout.key_scheme())
    }

    fn name(&self, key: &StoreKey) -> Vec<u8> {
        both!(self, layout => layout.name(key))
    }

    fn name_of_trace(&self, key: &StoreKey) -> Option<Vec<u8>> {
        both!(self, layout => layout.name_of_trace(key))
    }

    fn plain(&self, key: &StoreKey, names: Option<&[&str]>, access: &Access) -> Option<Cmd> {
        both!(self, layout => layout.plain(key, names, access))
    }

    fn understood(&self, key: &StoreKey, reply: Value, names: Option<&[&str]>, access: &Access) -> Lookup {
        both!(self, layout => layout.understood(key, reply, names, access))
    }
}
