//! Hearing from the servers which sessions change, for those who wait for their ends ([S18](crate::design#s18)).
//!
//! A thread with a runtime of its own has one connection to each node that has such a session, with the server's client tracking on. It asks
//! once for each key whether it exists (`EXISTS`), and from then on the server reports the next change of it. A report is for one change, so
//! the thread asks again first, and then wakes those who wait, who read the session: whatever changes meanwhile is seen by them, or
//! reported. The thread begins with the first who waits, and ends soon after the last.
//!
//! When a connection is lost, nobody knows what has changed since. So all of its keys are asked for again over a new one, and all who wait
//! for them look. As long as that fails, they look every [`watch_interval`](super::RedisBuilder::watch_interval). A connection that has heard
//! nothing is tested twice in that time, so that one that died silently is noticed within it and the timeouts.

mod asking;
mod keys;
mod thread;

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::Duration;

use futures::channel::mpsc::{UnboundedSender, unbounded};
use parking_lot::Mutex;

use super::{
    connection::{Connections, Listener, News, Settings},
    near_cache::OwnWrites,
    servers::{Servers, Topology},
};
use crate::{
    StoreKey,
    storage::{Source, Watch, Watched},
};
use keys::Keys;

/// Gives the Redis key of a session.
type NameOf = Box<dyn Fn(&StoreKey) -> Vec<u8> + Send + Sync>;

/// The reports of a storage's servers.
pub(super) struct Reports(Arc<Shared>);

struct Shared {
    watch: Watch,
    own_writes: Option<Arc<OwnWrites>>,
    servers: Servers,
    name_of: NameOf,
    /// How long, plus the timeouts, an end may go unnoticed while the reports are cut off.
    interval: Duration,
    state: Arc<State>,
    /// Whether the log says that the reports are cut off.
    is_cut: AtomicBool,
    is_retrying: AtomicBool,
}

#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    /// How many connections were lost so far.
    losses: AtomicU64,
}

#[derive(Default)]
struct Inner {
    /// To the thread, while there is one.
    thread: Option<UnboundedSender<Event>>,
    keys: Keys,
}

/// What the thread is told.
enum Event {
    /// Somebody waits at this key.
    Begun(StoreKey),
    Heard(News),
    /// The storage is gone.
    Stop,
}

impl State {
    fn tell(&self, event: Event) {
        if let Some(thread) = &self.inner.lock().thread {
            // If the thread has died, nobody can be told.
            let _ = thread.unbounded_send(event);
        }
    }
}

impl Reports {
    pub(super) fn new(
        topology: Arc<Topology>,
        settings: &Settings,
        own_writes: Option<Arc<OwnWrites>>,
        name_of: impl Fn(&StoreKey) -> Vec<u8> + Send + Sync + 'static,
        interval: Duration,
    ) -> Arc<Self> {
        let state = Arc::new(State::default());
        let heard = Arc::clone(&state);
        let listener: Listener = Arc::new(move |news| {
            if matches!(news, News::Lost(_)) {
                heard.losses.fetch_add(1, Ordering::SeqCst);
            }
            heard.tell(Event::Heard(news));
        });
        let reports = Arc::new(Self(Arc::new(Shared {
            watch: Watch::new(),
            own_writes,
            servers: Servers::new(topology, settings, Connections::listening(listener)),
            name_of: Box::new(name_of),
            interval,
            state,
            is_cut: AtomicBool::new(false),
            is_retrying: AtomicBool::new(false),
        })));
        let source: Weak<Self> = Arc::downgrade(&reports);
        reports.0.watch.set_source(source);
        reports
    }

    /// `None` if there can be no thread; this was logged.
    pub(super) fn watch(&self, key: &StoreKey) -> Option<Watched> {
        let watched = self.0.watch.watch(key);
        self.0.state.inner.lock().thread.is_some().then_some(watched)
    }

    /// This process has ended or moved a session, or changed its principal.
    pub(super) fn changed(&self, key: &StoreKey) {
        self.0.watch.changed(key);
    }
}

impl Source for Reports {
    fn begin(&self, key: &StoreKey) {
        let mut inner = self.0.state.inner.lock();
        inner.keys.begin(*key, (self.0.name_of)(key));
        let begun = |thread: &UnboundedSender<Event>| thread.unbounded_send(Event::Begun(*key)).is_ok();
        if inner.thread.as_ref().is_some_and(begun) {
            return;
        }
        // There is none, or it has died. A new one asks for all keys first.
        let (sender, receiver) = unbounded();
        let shared = Arc::clone(&self.0);
        let thread = std::thread::Builder::new().name("gsession-watch".into());
        inner.thread = match thread.spawn(move || thread::run(&shared, receiver)) {
            Ok(_) => Some(sender),
            Err(error) => {
                tracing::error!(%error, "no thread could be started that hears of the ends of sessions");
                inner.keys.end(key);
                None
            }
        };
    }

    fn end(&self, key: &StoreKey) {
        self.0.state.inner.lock().keys.end(key);
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        self.0.state.tell(Event::Stop);
    }
}
