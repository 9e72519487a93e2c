//! Logouts that outlast their request: the client has left, or the response is sent.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{
    Notify,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::{AsyncSession, Error};

/// The upper limit for retries and waiting, whatever is set.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Between the first tries.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Between later tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Carries out [`destroy`](crate::AsyncSession::destroy) on a thread of its own, as the worker that served the
/// request may be stopping. Clones share the state.
#[derive(Clone)]
pub(super) struct LateLogouts(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    all_done: Condvar,
    all_done_async: Notify,
    patience: Duration,
}

#[derive(Default)]
struct State {
    /// To the thread, which is started on first use.
    thread: Option<UnboundedSender<Logout>>,
    /// Logouts that have started and not finished.
    running: usize,
    /// Until when a stopping service waits for them, once the first one has begun to wait.
    wait_until: Option<Instant>,
}

impl State {
    /// Until when to wait for the logouts; `None` if all have finished.
    fn wait_until(&mut self, patience: Duration) -> Option<Instant> {
        let longest = || Instant::now() + patience;
        (self.running > 0).then(|| *self.wait_until.get_or_insert_with(longest))
    }

    fn give_up(&self) {
        if self.running > 0 {
            tracing::error!(sessions = self.running, "stopping before these sessions were ended");
        }
    }
}

/// One logout. It has finished when this is dropped.
struct Logout {
    session: AsyncSession,
    shared: Arc<Shared>,
}

impl LateLogouts {
    /// `patience` is how long a stopping service waits for them.
    pub(super) fn new(patience: Duration) -> Self {
        let patience = patience.min(LONGEST);
        Self(Arc::new(Shared {
            state: Mutex::default(),
            all_done: Condvar::new(),
            all_done_async: Notify::new(),
            patience,
        }))
    }

    /// Ends a session in the background.
    pub(super) fn carry_out(&self, session: AsyncSession) {
        let mut state = self.0.state.lock();
        let thread = match &state.thread {
            Some(thread) => thread.clone(),
            None => {
                let (sender, receiver) = unbounded_channel();
                let started = std::thread::Builder::new().name("gsession-logouts".into()).spawn(move || run(receiver));
                if let Err(error) = started {
                    tracing::error!(%error, "a session could not be ended in the background: no thread could be started");
                    return;
                }
                state.thread.insert(sender).clone()
            }
        };
        state.running += 1;
        drop(state);
        // If the thread has died, the logout comes back and is dropped.
        if thread.send(Logout { session, shared: Arc::clone(&self.0) }).is_err() {
            tracing::error!("a session could not be ended in the background: the thread that does it has died");
        }
    }

    /// Blocks until every logout has finished, or the patience has run out. It starts with the first caller.
    pub(super) fn wait(&self) {
        let mut state = self.0.state.lock();
        while let Some(until) = state.wait_until(self.0.patience) {
            if self.0.all_done.wait_until(&mut state, until).timed_out() {
                return state.give_up();
            }
        }
    }

    /// Same as [`wait`](Self::wait), without blocking the thread.
    pub(super) async fn done(&self) {
        loop {
            // Before the look, so that no end is missed.
            let done = self.0.all_done_async.notified();
            let Some(until) = self.0.state.lock().wait_until(self.0.patience) else { return };
            if tokio::time::timeout_at(until.into(), done).await.is_err() {
                return self.0.state.lock().give_up();
            }
        }
    }
}

/// Runs on the thread, until nothing can be sent to it any more.
fn run(mut logouts: UnboundedReceiver<Logout>) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            while let Some(logout) = logouts.recv().await {
                tokio::spawn(end(logout));
            }
        }),
        Err(error) => tracing::error!(%error, "sessions cannot be ended in the background"),
    }
}

/// Ends a session. Nobody will repeat this logout, so it is retried for a while if the storage fails.
async fn end(logout: Logout) {
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    while let Err(error) = logout.session.save().await {
        match error {
            // Another call has already carried it out.
            Error::Closed => return,
            error if began.elapsed() + pause > logout.shared.patience => {
                tracing::error!(%error, "a session could not be ended after its request; giving up");
                return;
            }
            error => tracing::warn!(%error, "a session could not be ended after its request; retrying"),
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

impl Drop for Logout {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.running -= 1;
        if state.running == 0 {
            state.wait_until = None;
            self.shared.all_done.notify_all();
            self.shared.all_done_async.notify_waiters();
        }
    }
}

impl fmt::Debug for LateLogouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateLogouts").field("running", &self.0.state.lock().running).finish()
    }
}
