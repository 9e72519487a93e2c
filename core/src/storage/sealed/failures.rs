//! Counts and reports what could not be opened.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    StoreKey,
    observe::{DecryptionFailure, Reporter},
};

/// How often a session could not be opened, for each reason.
#[derive(Default)]
pub(super) struct Failures {
    counts: [AtomicU64; DecryptionFailure::COUNT],
    pub(super) reporter: Reporter,
}

impl Failures {
    /// Counts one, and reports it. The log tells of the first, the tenth, the hundredth and so on: a wrong key fails on every request.
    pub(super) fn note(&self, key: &StoreKey, failure: DecryptionFailure) {
        let count = self.counts[failure as usize].fetch_add(1, Ordering::Relaxed) + 1;
        if is_power_of_ten(count) {
            tracing::warn!(
                ?key,
                count,
                failure = failure.as_str(),
                "a sealed session cannot be opened, and counts as absent"
            );
        }
        self.reporter.decryption_failed(*key, failure);
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

fn is_power_of_ten(count: u64) -> bool {
    count.checked_ilog10().is_some_and(|power| 10_u64.checked_pow(power) == Some(count))
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failures").field(&self.count()).finish()
    }
}
