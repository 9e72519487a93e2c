//! A storage around its layout: the servers, the two faces, and the near cache between.

use std::{future::Future, iter};

use futures::FutureExt as _;

use super::{
    check::check,
    layout::Plain,
    near::Writes,
    server::{AsyncDialer, BlockingDialer, Dialer, Failure, Link as _, Servers, is_answer},
    wire::Wire,
};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    record::{Access, Commit},
    storage::{
        Committed, Created, Found, Lookup, Moved, Removed, StorageError, StorageErrorKind, Swept, Touched, Trace,
    },
};

const READING: &str = "reading a session from Redis";

/// What a storage consists of.
pub(super) struct Shell<L> {
    pub(super) servers: Servers,
    blocking: BlockingDialer,
    waiting: AsyncDialer,
    layout: L,
}

/// Runs a future over the blocking face, where nothing ever waits.
pub(super) fn at_once<T>(future: impl Future<Output = Result<T, StorageError>>) -> Result<T, StorageError> {
    future
        .now_or_never()
        .unwrap_or_else(|| Err(StorageError::new(StorageErrorKind::Other, "waiting where nothing waits")))
}

/// Notes that this process has written to a session when the write has ended, however it did: also when its future is
/// dropped.
struct Writing<'a>(Option<(&'a Writes, &'a StoreKey)>);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if let Some((writes, key)) = self.0 {
            writes.note(key);
        }
    }
}

impl<L: Plain> Shell<L> {
    pub(super) fn new(servers: Servers, waiting: AsyncDialer, layout: L) -> Self {
        Self { servers, blocking: BlockingDialer::default(), waiting, layout }
    }

    pub(super) const fn blocking(&self) -> Wire<'_, BlockingDialer> {
        Wire { servers: &self.servers, dialer: &self.blocking }
    }

    pub(super) const fn waiting(&self) -> Wire<'_, AsyncDialer> {
        Wire { servers: &self.servers, dialer: &self.waiting }
    }

    pub(super) fn key_scheme(&self) -> KeyScheme {
        self.layout.key_scheme()
    }

    /// Whether the servers can be used.
    pub(super) async fn check(&self) -> Result<(), StorageError> {
        let key = |random| match self.key_scheme() {
            KeyScheme::Hashed => StoreKey::from_bytes(random),
            // A raw id of GoFrame's length.
            KeyScheme::RawIds => {
                let hex = StoreKey::from_bytes(random).hex();
                hex.get(..32).and_then(StoreKey::from_raw_id).unwrap_or_else(|| StoreKey::from_bytes(random))
            }
        };
        let names = |random| {
            let key = key(random);
            iter::once(self.layout.name(&key)).chain(self.layout.name_of_trace(&key)).collect()
        };
        check(&self.blocking(), names).await
    }

    fn writing<'a>(&'a self, key: &'a StoreKey) -> Writing<'a> {
        Writing(self.waiting.writes().map(|writes| (writes, key)))
    }

    pub(super) async fn load<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Lookup, StorageError> {
        self.layout.load(wire, key, names, access).await
    }

    /// Reads a session from the near cache, if there is one and it knows the session, otherwise from the server.
    pub(super) async fn load_near(
        &self,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Lookup, StorageError> {
        if self.waiting.writes().is_some()
            && let Some(lookup) = self.near(key, names, access).await?
        {
            return Ok(lookup);
        }
        // It may touch the session.
        let _writing = self.writing(key);
        self.load(&self.waiting(), key, names, access).await
    }

    /// What the near cache knows, or what a read finds that can be cached; `None` if an ordinary read is needed.
    async fn near(
        &self,
        key: &StoreKey,
        names: Option<&[&str]>,
        access: &Access,
    ) -> Result<Option<Lookup>, StorageError> {
        let name = self.layout.name(key);
        let Some(node) = self.servers.known_node_of(&name) else { return Ok(None) };
        if let Some(near) = self.waiting.near(&node)
            && let Some(snapshot) = near.cache.get(&name, key, names, &near.writes)
            && !access.has_ended(&snapshot.record, snapshot.record.last_seen)
            && !snapshot.record.is_touch_due(access)
        {
            return Ok(Some(Lookup::Found(snapshot)));
        }
        let Some(command) = self.layout.plain(key, names, access) else { return Ok(None) };
        let Ok(mut link) = self.servers.connect(&self.waiting, &node).await else { return Ok(None) };
        let Some(cache) = link.near().map(|near| near.cache.clone()) else { return Ok(None) };
        let reservation = cache.reserve(&name);
        let reply = match link.send(&command).await {
            Ok(reply) => reply,
            Err(error) => {
                cache.invalidate(&name);
                let is_reused = link.is_reused();
                if !is_answer(&error) {
                    self.waiting.discard(&node, link);
                }
                // What else has to be done about it, the ordinary way knows: over a new connection, if this one may have died.
                if is_reused || !error.is_timeout() {
                    return Ok(None);
                }
                return Err(Failure::lost(node.name(), &error).while_doing(READING));
            }
        };
        let lookup = self.layout.understood(key, reply, names, access);
        match &lookup {
            Lookup::Found(snapshot) => cache.fill(&name, reservation, snapshot, names),
            _ => cache.invalidate(&name),
        }
        Ok(Some(lookup))
    }

    pub(super) async fn create<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> Result<Created, StorageError> {
        let _writing = self.writing(key);
        self.layout.create(wire, key, record, now).await
    }

    pub(super) async fn commit<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<Committed, StorageError> {
        let _writing = self.writing(key);
        self.layout.commit(wire, key, commit).await
    }

    pub(super) async fn touch<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        access: &Access,
    ) -> Result<Touched, StorageError> {
        let _writing = self.writing(key);
        self.layout.touch(wire, key, access).await
    }

    pub(super) async fn move_to<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
    ) -> Result<Moved, StorageError> {
        let _writing = (self.writing(from), self.writing(to));
        self.layout.move_to(wire, from, to, commit).await
    }

    pub(super) async fn trace<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        key: &StoreKey,
        now: Timestamp,
    ) -> Result<Option<Trace>, StorageError> {
        self.layout.trace(wire, key, now).await
    }

    pub(super) async fn remove<D: Dialer>(&self, wire: &Wire<'_, D>, key: &StoreKey) -> Result<Removed, StorageError> {
        let _writing = self.writing(key);
        self.layout.remove(wire, key).await
    }

    pub(super) async fn find<D: Dialer>(
        &self,
        wire: &Wire<'_, D>,
        principal: &str,
        now: Timestamp,
    ) -> Result<Vec<Found>, StorageError> {
        self.layout.find(wire, principal, now).await
    }

    pub(super) async fn sweep<D: Dialer>(&self, wire: &Wire<'_, D>, now: Timestamp) -> Result<Swept, StorageError> {
        self.layout.sweep(wire, now).await
    }
}
