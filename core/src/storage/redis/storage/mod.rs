//! A Redis storage: its servers, an optional near cache, and a layout.

mod blocking;

use std::{fmt, num::NonZeroUsize, sync::Arc};

use super::{
    cluster_move::{move_between_nodes, moved_before},
    errors::{Answered, Failure, is_answer},
    layout::{Change, Layout, Names, PageOf, READING, Renewal},
    near_cache::{OwnWrites, Writing},
    reports::Reports,
    servers::Servers,
};
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    observe::{Observer, Reporter},
    record::{Access, Commit},
    storage::{
        AsyncStorage, Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, StorageFuture, Swept,
        Tombstone, Touched, Watched,
    },
};

/// A storage in Redis or Valkey, with the layout `L`: see the [module](super). Usually you name it
/// [`RedisStorage`](super::RedisStorage) or [`RedisHashStorage`](super::RedisHashStorage). Clones share it.
pub struct Redis<L>(Arc<Inner<L>>);

struct Inner<L> {
    layout: Arc<L>,
    blocking: Servers,
    asynchronous: Servers,
    /// What this process has written, if there is a near cache that has to know.
    own_writes: Option<Arc<OwnWrites>>,
    reports: Arc<Reports>,
    reporter: Reporter,
}

impl<L> Redis<L> {
    pub(super) fn new(
        layout: Arc<L>,
        blocking: Servers,
        asynchronous: Servers,
        own_writes: Option<Arc<OwnWrites>>,
        reports: Arc<Reports>,
    ) -> Self {
        let reporter = Reporter::default();
        Self(Arc::new(Inner { layout, blocking, asynchronous, own_writes, reports, reporter }))
    }

    pub(super) fn layout(&self) -> &L {
        &self.0.layout
    }

    /// The servers over blocking connections.
    pub(super) fn blocking(&self) -> &Servers {
        &self.0.blocking
    }

    /// The servers over async connections.
    pub(super) fn asynchronous(&self) -> &Servers {
        &self.0.asynchronous
    }

    fn writing<'a>(&'a self, key: &'a StoreKey) -> Writing<'a> {
        Writing::new(self.0.own_writes.as_deref(), key)
    }
}

/// The operations, for both traits.
impl<L: Layout> Redis<L> {
    /// Reads a session from the near cache, if there is one and it knows the session, otherwise from the server.
    async fn read(&self, key: &StoreKey, names: Names<'_>, access: &Access) -> Answered<Lookup> {
        if self.0.own_writes.is_some()
            && let Some(lookup) = self.read_near(key, names, access).await?
        {
            return Ok(lookup);
        }
        // It may touch the session.
        let _writing = self.writing(key);
        self.layout().load(self.asynchronous(), key, names, access).await
    }

    /// What the near cache knows, or the result of a read that fills it. `None` if an ordinary read is needed.
    async fn read_near(&self, key: &StoreKey, names: Names<'_>, access: &Access) -> Answered<Option<Lookup>> {
        let (layout, servers) = (self.layout(), self.asynchronous());
        let name = layout.name(key);
        let node = servers.known_node_of(&name);
        let cache = node.as_ref().and_then(|node| servers.connections.near_cache(node));
        let hit = cache.and_then(|cache| cache.get(&name, key, names)).filter(|snapshot| {
            let record = &snapshot.record;
            !access.has_ended(record, record.last_seen) && !record.is_touch_due(access)
        });
        self.0.reporter.near_cache_read(*key, hit.is_some());
        if let Some(snapshot) = hit {
            return Ok(Some(Lookup::Found(snapshot)));
        }
        let Some(node) = node else { return Ok(None) };
        let Some(command) = layout.plain_read(key, &name, names, access) else { return Ok(None) };
        let Ok(mut connection) = servers.connect(&node).await else { return Ok(None) };
        let Some(cache) = connection.near_cache() else { return Ok(None) };
        let reservation = cache.reserve(&name);
        let reply = match connection.send(&command).await {
            Ok(reply) => reply,
            Err(error) => {
                cache.invalidate(&name);
                let is_reused = connection.is_reused();
                if !is_answer(&error) {
                    servers.connections.discard(&node, connection);
                }
                // The ordinary read handles the error, over a new connection if this one may be dead.
                if is_reused || !error.is_timeout() {
                    return Ok(None);
                }
                return Err(Failure::lost(node.name(), &error).while_doing(READING));
            }
        };
        let lookup = layout.decode(key, reply, names, access);
        match &lookup {
            Lookup::Found(snapshot) => cache.fill(&name, reservation, snapshot, names),
            _ => cache.invalidate(&name),
        }
        Ok(Some(lookup))
    }

    async fn create_in(&self, servers: &Servers, key: &StoreKey, record: &Record, now: Timestamp) -> Answered<Created> {
        let _writing = self.writing(key);
        self.layout().create(servers, key, record, now).await
    }

    async fn commit_in(&self, servers: &Servers, key: &StoreKey, commit: &Commit) -> Answered<Committed> {
        let committed = self.commit_untold(servers, key, commit).await;
        if commit.changes.principal().is_some() {
            self.0.reports.changed(key);
        }
        committed
    }

    async fn commit_untold(&self, servers: &Servers, key: &StoreKey, commit: &Commit) -> Answered<Committed> {
        let _writing = self.writing(key);
        self.layout().check(commit)?;
        Ok(match self.layout().change(servers, key, None, commit).await? {
            Change::Done { expires_at, is_remembered, revision } => {
                Committed::Done { expires_at, is_remembered, revision }
            }
            Change::Renewed(at) | Change::AlreadyRenewed(at) => Committed::Renewed(at),
            Change::Conflict(current) => Committed::Conflict(current),
            Change::Gone | Change::Taken | Change::Unreadable => Committed::Gone,
        })
    }

    async fn touch_in(&self, servers: &Servers, key: &StoreKey, access: &Access) -> Answered<Touched> {
        let _writing = self.writing(key);
        self.layout().touch(servers, key, access).await
    }

    async fn move_in(&self, servers: &Servers, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Answered<Moved> {
        let moved = self.move_untold(servers, from, to, commit).await;
        self.0.reports.changed(from);
        moved
    }

    async fn move_untold(&self, servers: &Servers, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Answered<Moved> {
        let _writing = (self.writing(from), self.writing(to));
        self.layout().check(commit)?;
        let renewal = Renewal { from, to, commit };
        if servers.are_a_cluster() {
            return move_between_nodes(self.layout(), servers, &renewal).await;
        }
        Ok(match self.layout().change(servers, from, Some(to), commit).await? {
            Change::Done { expires_at, is_remembered, revision } => Moved::Done { expires_at, is_remembered, revision },
            Change::Renewed(at) => Moved::Renewed(at),
            Change::AlreadyRenewed(at) => return moved_before(self.layout(), servers, &renewal, at).await,
            Change::Taken => Moved::Taken,
            Change::Gone | Change::Conflict(_) => Moved::Gone,
            Change::Unreadable => {
                // It has moved, and nobody can use it there.
                self.layout().remove(servers, to).await?;
                Moved::Gone
            }
        })
    }

    async fn remove_in(&self, servers: &Servers, key: &StoreKey) -> Answered<Removed> {
        let writing = self.writing(key);
        let removed = self.layout().remove(servers, key).await;
        drop(writing);
        self.0.reports.changed(key);
        removed
    }
}

impl<L: Layout> AsyncStorage for Redis<L> {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(self.read(key, None, access))
    }

    fn fetch<'a>(&'a self, key: &'a StoreKey, names: &'a [&'a str], access: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(self.read(key, Some(names), access))
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        Box::pin(self.create_in(self.asynchronous(), key, record, now))
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        Box::pin(self.commit_in(self.asynchronous(), key, commit))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        Box::pin(self.touch_in(self.asynchronous(), key, access))
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        Box::pin(self.move_in(self.asynchronous(), from, to, commit))
    }

    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        Box::pin(self.layout().tombstone(self.asynchronous(), key, now))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        Box::pin(self.remove_in(self.asynchronous(), key))
    }

    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(self.layout().find(self.asynchronous(), principal, now))
    }

    fn find_page<'a>(
        &'a self,
        principal: &'a str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(self.layout().find_page(self.asynchronous(), principal, PageOf { after, most }, now))
    }

    fn sweep(&self, now: Timestamp) -> StorageFuture<'_, Swept> {
        Box::pin(self.layout().sweep(self.asynchronous(), now))
    }

    fn count(&self, now: Timestamp) -> StorageFuture<'_, u64> {
        Box::pin(self.layout().count(self.asynchronous(), now))
    }

    fn scan<'a>(&'a self, after: Option<&'a ScanCursor>, now: Timestamp) -> StorageFuture<'a, Scanned> {
        Box::pin(self.layout().scan(self.asynchronous(), after, now))
    }

    fn check(&self) -> StorageFuture<'_, ()> {
        Box::pin(self.check_in(self.asynchronous()))
    }

    fn key_scheme(&self) -> KeyScheme {
        L::KEY_SCHEME
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.0.reports.watch(key)
    }

    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        self.0.reporter.add(observers);
    }
}

impl<L> Clone for Redis<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L> fmt::Debug for Redis<L> {
    /// With the servers' addresses, without logins.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.0.blocking).finish()
    }
}
