//! Pauses a commit half-way through, so that a case can force an interleaving.

use std::{sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

/// The longest pause, whatever the case does.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Armed,
    /// A thread is paused here.
    Hit,
    Resumed,
}

/// Pauses the first thread that hits it, once. Clones are the same breakpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Breakpoint(Arc<(Mutex<State>, Condvar)>);

impl Breakpoint {
    /// Pauses until [`resume`](Self::resume), unless another thread was here before.
    pub(super) fn hit(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock();
        if *state == State::Armed {
            *state = State::Hit;
            changed.notify_all();
            changed.wait_while_for(&mut state, |state| *state != State::Resumed, PATIENCE);
        }
    }

    /// Waits until a thread is paused here, or until there is nothing left to wait for.
    pub(super) fn wait_until_hit(&self) {
        let (state, changed) = &*self.0;
        changed.wait_while_for(&mut state.lock(), |state| *state == State::Armed, PATIENCE);
    }

    pub(super) fn resume(&self) {
        let (state, changed) = &*self.0;
        *state.lock() = State::Resumed;
        changed.notify_all();
    }
}
