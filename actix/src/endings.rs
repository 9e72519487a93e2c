//! Logouts that outlast their request: the client has left, or the response has.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use gsession::AsyncSession;
use parking_lot::{Condvar, Mutex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Carries out what [`destroy`](crate::Session::destroy) asked for, on a thread of its own: the worker that served the request
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
}

/// One logout; when it is dropped, it has come to its end.
struct Ending {
    session: AsyncSession,
    shared: Arc<Shared>,
}

impl Endings {
    /// `patience` is how long a stopping service waits for them.
    pub(crate) fn new(patience: Duration) -> Self {
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

    /// Blocks until every logout has come to its end, no longer than the patience allows.
    pub(crate) fn wait(&self) {
        let until = Instant::now() + self.0.patience.min(Duration::from_secs(24 * 60 * 60));
        let mut state = self.0.state.lock();
        while state.running > 0 {
            if self.0.all_done.wait_until(&mut state, until).timed_out() {
                tracing::error!(sessions = state.running, "stopping before these sessions could be ended");
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
                tokio::spawn(async move {
                    if let Err(error) = ending.session.save().await {
                        tracing::error!(%error, "a session could not be ended after its request had come to its end");
                    }
                });
            }
        }),
        Err(error) => tracing::error!(%error, "sessions cannot be ended in the background"),
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.running -= 1;
        if state.running == 0 {
            self.shared.all_done.notify_all();
        }
    }
}

impl fmt::Debug for Endings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endings").field("running", &self.0.state.lock().running).finish()
    }
}
