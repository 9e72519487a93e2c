//! Touches that wait to be written, so that reading a session costs no write.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::{StoreKey, Timestamp};

/// When sessions were last seen, where that is later than what their files say.
#[derive(Debug, Default)]
pub(super) struct Touches(Mutex<HashMap<StoreKey, Timestamp>>);

impl Touches {
    pub(super) fn note(&self, key: &StoreKey, at: Timestamp) {
        let mut waiting = self.0.lock();
        let held = waiting.entry(*key).or_insert(at);
        *held = (*held).max(at);
    }

    /// When the session was last seen, if that waits. To be asked before the file is: what is written meanwhile then shows there.
    pub(super) fn waiting(&self, key: &StoreKey) -> Timestamp {
        self.0.lock().get(key).copied().unwrap_or_default()
    }

    pub(super) fn forget(&self, key: &StoreKey) {
        self.0.lock().remove(key);
    }

    /// Everything that waits. It stays until it is written, so that readers meanwhile see it.
    pub(super) fn all(&self) -> Vec<(StoreKey, Timestamp)> {
        self.0.lock().iter().map(|(&key, &at)| (key, at)).collect()
    }

    /// A touch was written, unless a later one has come.
    pub(super) fn written(&self, key: &StoreKey, at: Timestamp) {
        let mut waiting = self.0.lock();
        if waiting.get(key).is_some_and(|&held| held <= at) {
            waiting.remove(key);
        }
    }
}
