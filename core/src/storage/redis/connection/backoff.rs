//! How long not to try again after connecting to a server failed.

use std::time::{Duration, Instant};

use crate::storage::redis::errors::Failure;

/// Doubled with each failure in a row.
const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// The attempts to connect to one server. Dropping it forgets them.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    last: Option<(Instant, Failure)>,
}

impl Backoff {
    /// Why not to try again yet.
    pub(super) fn refusal(&self) -> Option<Failure> {
        let (at, failure) = self.last.as_ref()?;
        let pause = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        (at.elapsed() < pause).then(|| failure.clone())
    }

    pub(super) fn failed(&mut self, failure: Failure) {
        self.failures += 1;
        self.last = Some((Instant::now(), failure));
    }
}
