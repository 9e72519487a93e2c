//! Logouts that outlast their request: the client has left, or the response has.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use gsession::{AsyncSession, Error};
use parking_lot::{Condvar, Mutex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The longest that is tried and waited, whatever is set.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Between the first tries.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Between later ones.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Carries out what [`destroy`](gsession::AsyncSession::destroy) asked for, on a thread of its own: the worker that served the request
/// may be stopping. Clones are the same.
#[derive(Clone)]
pub(crate) struct Endings(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    all_done: Condvar,
    patience: Duration,
}

#[derive(Default)]
struct State {
    /// To the thread, which is started when it is first needed.
    thread: Option<UnboundedSender<Ending>>,
    /// Logouts that have begun and not come to their end.
    running: usize,
    /// Until when a stopping service waits for them, since the first that does.
    wait_until: Option<Instant>,
}

/// One logout; when it is dropped, it has come to its end.
struct Ending {
    session: AsyncSession,
    shared: Arc<Shared>,
}

impl Endings {
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
                let started = std::thread::Builder::new().name("gsession-endings".into()).spawn(move || run(receiver));
                if let Err(error) = started {
                    tracing::error!(%error, "a session could not be ended in the background: no thread could be started");
                    return;
                }
                state.thread.insert(sender).clone()
            }
        };
        state.running += 1;
        drop(state);
        // If the thread has died, the ending comes back, and is dropped.
        if thread.send(Ending { session, shared: Arc::clone(&self.0) }).is_err() {
            tracing::error!("a session could not be ended in the background: the thread that does it has died");
        }
    }

    /// Blocks until every logout has come to its end, no longer than the patience allows: that begins with the first to wait.
    pub(crate) fn wait(&self) {
        let mut state = self.0.state.lock();
        while state.running > 0 {
            let until = *state.wait_until.get_or_insert_with(|| Instant::now() + self.0.patience);
            if self.0.all_done.wait_until(&mut state, until).timed_out() {
                if state.running > 0 {
                    tracing::error!(sessions = state.running, "stopping before these sessions could be ended");
                }
                return;
            }
        }
    }
}

/// What the thread does. It ends when nothing can be sent to it any more.
fn run(mut endings: UnboundedReceiver<Ending>) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            while let Some(ending) = endings.recv().await {
                tokio::spawn(end(ending));
            }
        }),
        Err(error) => tracing::error!(%error, "sessions cannot be ended in the background"),
    }
}

/// Ends a session. Nobody will ask for it again, so a storage that fails is tried again for a while.
async fn end(ending: Ending) {
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    while let Err(error) = ending.session.save().await {
        match error {
            // It had been carried out by another call.
            Error::Closed => return,
            error if began.elapsed() + pause > ending.shared.patience => {
                tracing::error!(%error, "a session could not be ended after its request had come to its end");
                return;
            }
            error => tracing::warn!(%error, "a session could not be ended yet after its request had come to its end"),
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.running -= 1;
        if state.running == 0 {
            state.wait_until = None;
            self.shared.all_done.notify_all();
        }
    }
}

impl fmt::Debug for Endings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endings").field("running", &self.0.state.lock().running).finish()
    }
}
