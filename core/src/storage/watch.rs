//! Waiting for the end of sessions: who waits, and how a storage tells them ([S18](crate::design#s18)).

use std::{
    collections::HashMap,
    fmt,
    future::poll_fn,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use parking_lot::Mutex;

use crate::StoreKey;

/// How long the end of a session may go unnoticed by those who wait for it where nothing reports it, unless a setting of the storage says
/// otherwise: 5 seconds.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// Those who wait for the end of sessions of a storage. For authors of storages: keep one in the storage, return
/// [`watch`](Self::watch) from [`Storage::watch`](super::Storage::watch), and call [`changed`](Self::changed) after a session was
/// removed or moved, for whatever reason, or got another principal. Clones share those who wait, so the clones of a storage must share one.
///
/// A call for a session for which nobody waits costs next to nothing.
///
/// ```
/// use std::{collections::HashMap, sync::Mutex};
/// use gsession::{Record, StoreKey, storage::{Removed, Watch, Watched}};
///
/// #[derive(Default)]
/// struct Map {
///     sessions: Mutex<HashMap<StoreKey, Record>>,
///     watch: Watch,
/// }
///
/// impl Map {
///     // In `Storage::watch`:
///     fn watch(&self, key: &StoreKey) -> Option<Watched> {
///         Some(self.watch.watch(key))
///     }
///
///     // In `Storage::remove`, and likewise where sessions expire, are evicted or move:
///     fn remove(&self, key: &StoreKey) -> Removed {
///         let removed = self.sessions.lock().unwrap().remove(key);
///         self.watch.changed(key);
///         if removed.is_some() { Removed::Done } else { Removed::Absent }
///     }
/// }
/// # Map::default().remove(&StoreKey::from_bytes([0; 32]));
/// ```
#[derive(Clone, Default)]
pub struct Watch(Arc<Registry>);

#[derive(Default)]
struct Registry {
    /// How many keys are watched, to be read without a lock.
    count: AtomicUsize,
    keys: Mutex<HashMap<StoreKey, Watchers>>,
    /// What finds out about changes that other processes make.
    source: OnceLock<Weak<dyn Source>>,
}

/// Those who wait at one key.
#[derive(Default)]
struct Watchers {
    /// Counts the changes.
    changes: u64,
    next: u64,
    count: usize,
    tasks: HashMap<u64, Waker>,
}

/// Finds out about changes that other processes make. It is called under the lock of the registry, on the thread of a request: a few system
/// calls are fine, but it must not wait for a server or another request, and must not call back.
pub(crate) trait Source: Send + Sync {
    /// Somebody waits at this key, where nobody did.
    fn begin(&self, key: &StoreKey);

    /// Nobody waits at this key any more.
    fn end(&self, key: &StoreKey);
}

impl Watch {
    /// Nobody waits yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins to wait at this key.
    #[must_use]
    pub fn watch(&self, key: &StoreKey) -> Watched {
        let mut keys = self.0.keys.lock();
        let watchers = keys.entry(*key).or_default();
        watchers.next += 1;
        watchers.count += 1;
        let watched =
            Watched { watch: self.clone(), key: *key, number: watchers.next, seen: watchers.changes, beside: None };
        if watchers.count == 1 {
            // With the storage's own change after it, or with the look of the one who waits before it: none is missed.
            self.0.count.fetch_add(1, Ordering::SeqCst);
            if let Some(source) = self.source() {
                source.begin(key);
            }
        }
        watched
    }

    /// The session under this key may have ended or moved, may now end earlier, or may be somebody else's. To say so without need does no harm: those who wait
    /// look, and go on waiting.
    pub fn changed(&self, key: &StoreKey) {
        if self.is_empty() {
            return;
        }
        let woken = self.0.keys.lock().get_mut(key).map(Watchers::change);
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    /// Any session may have ended: all who wait look. For when it is not known what has changed, such as after a connection was lost.
    pub fn all_changed(&self) {
        if self.is_empty() {
            return;
        }
        let woken: Vec<Waker> = self.0.keys.lock().values_mut().flat_map(Watchers::change).collect();
        woken.into_iter().for_each(Waker::wake);
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.count.load(Ordering::SeqCst) == 0
    }

    /// The keys at which somebody waits.
    #[must_use]
    pub fn keys(&self) -> Vec<StoreKey> {
        self.0.keys.lock().keys().copied().collect()
    }

    fn source(&self) -> Option<Arc<dyn Source>> {
        self.0.source.get()?.upgrade()
    }

    /// Has `source` find out about what other processes do. The first one stays.
    #[cfg(any(feature = "file", feature = "redis", feature = "postgres", feature = "sqlite", test))]
    pub(crate) fn set_source(&self, source: Weak<dyn Source>) {
        let _ = self.0.source.set(source);
    }
}

impl Watchers {
    fn change(&mut self) -> Vec<Waker> {
        self.changes += 1;
        self.tasks.drain().map(|(_, waker)| waker).collect()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("keys", &self.0.count.load(Ordering::SeqCst)).finish()
    }
}

/// Somebody who waits at a key of a [`Watch`]. Dropping it leaves nothing behind.
///
/// ```
/// use gsession::{StoreKey, storage::Watch};
///
/// # futures::executor::block_on(async {
/// let (watch, key) = (Watch::new(), StoreKey::from_bytes([0; 32]));
/// let mut watched = watch.watch(&key);
/// watch.changed(&key);
/// watched.changed().await;
/// # });
/// ```
#[derive(Debug)]
pub struct Watched {
    watch: Watch,
    key: StoreKey,
    number: u64,
    /// The changes that were noticed.
    seen: u64,
    /// The same session in another storage.
    beside: Option<Box<Self>>,
}

impl Watched {
    /// Also waits for the changes that `other` waits for.
    pub(crate) fn beside(mut self, other: Self) -> Self {
        self.beside = Some(Box::new(other));
        self
    }

    /// Waits until something may have changed since this was created, or since the last call that returned. Cancel-safe.
    pub async fn changed(&mut self) {
        poll_fn(|context| self.poll_changed(context)).await;
    }

    /// [`changed`](Self::changed), as a `poll` function.
    pub fn poll_changed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut keys = self.watch.0.keys.lock();
        let watchers = keys.entry(self.key).or_default();
        if watchers.changes != self.seen {
            self.seen = watchers.changes;
            return Poll::Ready(());
        }
        watchers.tasks.insert(self.number, context.waker().clone());
        drop(keys);
        self.beside.as_mut().map_or(Poll::Pending, |beside| beside.poll_changed(context))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut keys = self.watch.0.keys.lock();
        let Some(watchers) = keys.get_mut(&self.key) else { return };
        let waker = watchers.tasks.remove(&self.number);
        watchers.count -= 1;
        if watchers.count == 0 {
            keys.remove(&self.key);
            self.watch.0.count.fetch_sub(1, Ordering::SeqCst);
            if let Some(source) = self.watch.source() {
                source.end(&self.key);
            }
        }
        drop(keys);
        // It may be the last thing that holds a task.
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use futures::task::ArcWake;

    use super::*;

    struct Wakes(AtomicU32);

    impl ArcWake for Wakes {
        fn wake_by_ref(wakes: &Arc<Self>) {
            wakes.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn key(number: u8) -> StoreKey {
        StoreKey::from_bytes([number; 32])
    }

    #[test]
    fn each_change_is_told_once_to_each_who_waits_at_its_key() {
        let (watch, wakes) = (Watch::new(), Arc::new(Wakes(AtomicU32::new(0))));
        let waker = futures::task::waker(Arc::clone(&wakes));
        let mut context = Context::from_waker(&waker);
        let [mut one, mut two, mut other] = [key(1), key(1), key(2)].map(|key| watch.watch(&key));
        // Before anybody asks: it is not missed.
        watch.changed(&key(1));
        assert!(one.poll_changed(&mut context).is_ready());
        assert!(one.poll_changed(&mut context).is_pending());
        assert!(two.poll_changed(&mut context).is_ready() && two.poll_changed(&mut context).is_pending());
        assert!(other.poll_changed(&mut context).is_pending());
        watch.changed(&key(1));
        watch.changed(&key(3));
        assert_eq!(wakes.0.load(Ordering::SeqCst), 2);
        assert!(one.poll_changed(&mut context).is_ready());
        watch.all_changed();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 3, "one and two were woken, and have not asked again");
        assert!(other.poll_changed(&mut context).is_ready());
    }

    /// The sources of changes see the first who waits at a key, and the last.
    #[test]
    fn whoever_gives_up_leaves_nothing_behind() {
        #[derive(Default)]
        struct Seen(Mutex<Vec<(bool, StoreKey)>>);
        impl Source for Seen {
            fn begin(&self, key: &StoreKey) {
                self.0.lock().push((true, *key));
            }
            fn end(&self, key: &StoreKey) {
                self.0.lock().push((false, *key));
            }
        }
        let (watch, seen) = (Watch::new(), Arc::new(Seen::default()));
        let source: Weak<Seen> = Arc::downgrade(&seen);
        watch.set_source(source);
        let (one, two, other) = (watch.watch(&key(1)), watch.watch(&key(1)), watch.watch(&key(2)));
        assert_eq!(watch.keys().len(), 2);
        drop(one);
        drop(other);
        assert_eq!(watch.keys(), [key(1)]);
        drop(two);
        assert!(watch.is_empty() && watch.keys().is_empty());
        let steps = [(true, key(1)), (true, key(2)), (false, key(2)), (false, key(1))];
        assert_eq!(*seen.0.lock(), steps);
    }
}
