//! Logouts that outlast their request: the client has left, or the response is sent.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::{
    runtime::Runtime,
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, error::SendError, unbounded_channel},
    },
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
    began: Instant,
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
        self.0.state.lock().running += 1;
        let mut logout = Logout { session, shared: Arc::clone(&self.0), began: Instant::now() };
        // A thread that has died gives the logout back.
        for _ in 0..2 {
            let Some(thread) = self.thread() else { return };
            match thread.send(logout) {
                Ok(()) => return,
                Err(SendError(back)) => logout = back,
            }
            self.0.state.lock().thread = None;
        }
        tracing::error!("a session could not be ended in the background: the thread that does it dies");
    }

    /// The way to the thread, which is started on first use.
    fn thread(&self) -> Option<UnboundedSender<Logout>> {
        let mut state = self.0.state.lock();
        if let Some(thread) = &state.thread {
            return Some(thread.clone());
        }
        let (sender, receiver) = unbounded_channel();
        let started = std::thread::Builder::new().name("gsession-logouts".into()).spawn(move || run(receiver));
        if let Err(error) = started {
            tracing::error!(%error, "a session could not be ended in the background: no thread could be started");
            return None;
        }
        Some(state.thread.insert(sender).clone())
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
    let (runtime, waiting) = runtime(&mut logouts);
    runtime.block_on(async {
        for logout in waiting {
            tokio::spawn(end(logout));
        }
        while let Some(logout) = logouts.recv().await {
            tokio::spawn(end(logout));
        }
    });
}

/// A runtime, and the logouts that have come meanwhile. A process that is out of file descriptors gets one later.
fn runtime(logouts: &mut UnboundedReceiver<Logout>) -> (Runtime, Vec<Logout>) {
    let (mut waiting, mut pause) = (Vec::new(), FIRST_PAUSE);
    loop {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => return (runtime, waiting),
            Err(error) => tracing::error!(%error, "sessions cannot be ended in the background; trying again"),
        }
        std::thread::sleep(pause);
        pause = (2 * pause).min(LONGEST_PAUSE);
        waiting.extend(std::iter::from_fn(|| logouts.try_recv().ok()));
        waiting.retain(|logout| {
            let is_patient = logout.began.elapsed() < logout.shared.patience;
            if !is_patient {
                tracing::error!(key = ?logout.session.key(), "a session could not be ended after its request; giving up");
            }
            is_patient
        });
    }
}

/// Ends a session. Nobody will repeat this logout, so it is retried for a while if the storage fails.
async fn end(logout: Logout) {
    let (mut pause, mut was_told) = (FIRST_PAUSE, false);
    while let Err(error) = logout.session.save().await {
        let (key, source) = (logout.session.key(), std::error::Error::source(&error).map(ToString::to_string));
        match error {
            // Another call has already carried it out.
            Error::Closed => return,
            error if logout.began.elapsed() + pause > logout.shared.patience => {
                tracing::error!(?key, %error, source, "a session could not be ended after its request; giving up");
                return;
            }
            error if !was_told => {
                tracing::warn!(?key, %error, source, "a session could not be ended after its request; retrying");
                was_told = true;
            }
            error => tracing::debug!(?key, %error, source, "a session could not be ended after its request; retrying"),
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
