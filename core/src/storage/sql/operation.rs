//! What is being done, and until when.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// An operation of a storage: one time for all its statements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    /// For errors.
    pub(super) name: &'static str,
    pub(super) deadline: Deadline,
}

/// When there must be an answer. `None`: whenever it comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) const NEVER: Self = Self(None);

    /// After a time from now on.
    pub(super) fn after(limit: Duration) -> Self {
        Self(Instant::now().checked_add(limit))
    }

    /// So much earlier.
    pub(super) fn earlier_by(self, span: Duration) -> Self {
        Self(self.0.map(|at| at.checked_sub(span).unwrap_or(at)))
    }

    /// How much time there is.
    pub(super) fn left(self) -> Duration {
        self.0.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()))
    }

    pub(super) fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// Does this until then; `None` if it takes longer.
    pub(super) async fn limit<F: Future>(self, work: F) -> Option<F::Output> {
        match self.0 {
            Some(at) => timeout_at(at, work).await.ok(),
            None => Some(work.await),
        }
    }
}
