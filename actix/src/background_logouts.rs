//! Logouts that outlast their request: the client has left, or the response is sent.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use gsession::{AsyncSession, Error};
use parking_lot::{Condvar, Mutex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The upper limit for retries and waiting, whatever is set.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Between the first tries.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Between later tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Carries out [`destroy`](gsession::AsyncSession::destroy) on a thread of its own, as the worker that served the
/// request may be stopping. Clones share the state.
#[derive(Clone)]
pub(crate) struct BackgroundLogouts(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    all_done: Condvar,
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

/// One logout. It has finished when this is dropped.
struct Logout {
    session: AsyncSession,
    shared: Arc<Shared>,
}

impl BackgroundLogouts {
    /// `patience` is how long a stopping service waits for them.
    pub(crate) fn new(patience: Duration) -> Self {
        let patience = patience.min(LONGEST);
        Self(Arc::new(Shared { state: Mutex::default(), all_done: Condvar::new(), patience }))
    }

    /// Ends a session in the background.
    pub(crate) fn carry_out(&self, session: AsyncSession) {
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
    pub(crate) fn wait(&self) {
        let mut state = self.0.state.lock();
        while state.running > 0 {
            let until = *state.wait_until.get_or_insert_with(|| Instant::now() + self.0.patience);
            if self.0.all_done.wait_until(&mut state, until).timed_out() {
                if state.running > 0 {
                    tracing::error!(sessions = state.running, "stopping before these sessions were ended");
                }
                return;
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
        }
    }
}

impl fmt::Debug for BackgroundLogouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundLogouts").field("running", &self.0.state.lock().running).finish()
    }
}
