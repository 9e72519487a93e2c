//! Tells waiters when sessions end ([S18](crate::design#s18)).
//!
//! What this process does is told at once. A thread with a runtime of its own hears of what other processes do. The thread starts with the
//! first waiter, and ends soon after the last one.

use std::{
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::{
    StreamExt as _,
    channel::mpsc::{TryRecvError, UnboundedReceiver, UnboundedSender, unbounded},
    future::{Either, select},
};
use parking_lot::Mutex;

use super::database::Database;
use crate::{
    StoreKey,
    storage::{Source, Watch, Watched},
};

/// How long the thread stays after nobody waits any more.
const LINGER: Duration = Duration::from_secs(5);

/// The reports of a storage.
pub(super) struct Reports<D>(Arc<Shared<D>>);

struct Shared<D> {
    watch: Watch,
    database: Arc<D>,
    interval: Duration,
    /// To the thread, while there is one. Dropping it ends the thread.
    thread: Mutex<Option<UnboundedSender<()>>>,
}

impl<D: Database> Reports<D> {
    pub(super) fn new(database: Arc<D>, interval: Duration) -> Arc<Self> {
        let shared = Shared { watch: Watch::new(), database, interval, thread: Mutex::new(None) };
        let reports = Arc::new(Self(Arc::new(shared)));
        let source: Weak<Self> = Arc::downgrade(&reports);
        reports.0.watch.set_source(source);
        reports
    }

    /// `None` if there can be no thread; this was logged.
    pub(super) fn watch(&self, key: &StoreKey) -> Option<Watched> {
        let watched = self.0.watch.watch(key);
        self.0.thread.lock().is_some().then_some(watched)
    }
}

impl<D: Database> Reports<D> {
    /// A session may have ended or moved, or have another principal or other deadlines, through this process.
    pub(super) fn changed(&self, key: &StoreKey) {
        self.0.watch.changed(key);
        self.0.database.tell(key);
    }

    /// A session has expired, which other processes know by themselves; or this process has noticed what another one has done.
    pub(super) fn noticed(&self, key: &StoreKey) {
        self.0.watch.changed(key);
    }

    /// Waits until others were told, if that was asked for.
    pub(super) async fn told(&self) {
        self.0.database.told().await;
    }
}

impl<D: Database> Source for Reports<D> {
    fn begin(&self, _: &StoreKey) {
        let mut thread = self.0.thread.lock();
        if thread.as_ref().is_some_and(|thread| !thread.is_closed()) {
            return;
        }
        let (sender, receiver) = unbounded();
        let shared = Arc::clone(&self.0);
        let named = std::thread::Builder::new().name("gsession-watch".into());
        *thread = match named.spawn(move || run(&shared, receiver)) {
            Ok(_) => Some(sender),
            Err(error) => {
                tracing::error!(%error, "no thread could be started that hears of the ends of sessions");
                None
            }
        };
    }

    /// The thread notices when it was the last one.
    fn end(&self, _: &StoreKey) {}
}

impl<D> Drop for Reports<D> {
    fn drop(&mut self) {
        self.0.thread.lock().take();
    }
}

/// Runs on the thread, until nobody has waited for a while, or the storage is gone.
fn run<D: Database>(shared: &Shared<D>, mut storage: UnboundedReceiver<()>) {
    let mut has_failed = false;
    let runtime = loop {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => break runtime,
            Err(error) if !has_failed => {
                has_failed = true;
                tracing::error!(%error, "the ends of sessions cannot be heard of now; they are looked for instead");
            }
            Err(_) => {}
        }
        // The process may be out of descriptors for a while. Until then, those who wait look for themselves.
        shared.watch.all_changed();
        std::thread::sleep(shared.interval.min(LINGER));
        if storage.try_recv() == Err(TryRecvError::Closed) || shared.may_end() {
            return;
        }
    };
    runtime.block_on(async {
        let mut hear = pin!(shared.database.hear(&shared.watch, shared.interval));
        loop {
            let pause = pin!(tokio::time::sleep(LINGER));
            match select(hear.as_mut(), select(storage.next(), pause)).await {
                Either::Left(((), _)) | Either::Right((Either::Left(_), _)) => return,
                Either::Right((Either::Right(_), _)) if shared.may_end() => return,
                Either::Right(_) => {}
            }
        }
    });
}

impl<D> Shared<D> {
    /// Ends the thread, unless a task is waiting. A task that begins to wait meanwhile blocks on the lock, and then starts a new thread.
    fn may_end(&self) -> bool {
        let mut thread = self.thread.lock();
        let is_idle = self.watch.is_empty();
        if is_idle {
            *thread = None;
        }
        is_idle
    }
}
