//! Counts the sessions.

use super::{
    slot::Content,
    store::{STEP, Store},
};
use crate::Timestamp;

impl Store {
    /// In steps, so that no request waits for more than one step.
    pub(super) fn count(&self, now: Timestamp) -> u64 {
        let mut living = 0;
        for shard in &self.shards {
            for from in (0..).step_by(STEP) {
                let shard = shard.read();
                if from >= shard.places() {
                    break;
                }
                let sessions = shard.walk(from..from + STEP).filter(|slot| !slot.is_expired(now));
                living += sessions
                    .filter(|slot| matches!(slot.content(), Content::Session { record, .. } if !record.is_list()))
                    .count() as u64;
            }
        }
        living
    }
}
