//! A place where the carrying out of a commit can be held up, so that an interleaving can be forced.

use std::{sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

/// Nobody is held up for longer than this, whatever the case that built the gate does.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Waiting,
    /// Somebody stands here.
    Reached,
    Open,
}

/// Holds up the first who comes by, once; clones are the same gate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<State>, Condvar)>);

impl Gate {
    /// Stands here until the gate is opened, if this is the first to come.
    pub(super) fn pass(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock();
        if *state == State::Waiting {
            *state = State::Reached;
            changed.notify_all();
            changed.wait_while_for(&mut state, |state| *state != State::Open, PATIENCE);
        }
    }

    /// Waits until somebody stands here, or the gate is opened because nobody will.
    pub(crate) fn reached(&self) {
        let (state, changed) = &*self.0;
        changed.wait_while_for(&mut state.lock(), |state| *state == State::Waiting, PATIENCE);
    }

    pub(crate) fn open(&self) {
        let (state, changed) = &*self.0;
        *state.lock() = State::Open;
        changed.notify_all();
    }
}
