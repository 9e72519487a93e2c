//! When a storage is used, and whether that counts as activity.

use std::time::Duration;

use crate::Timestamp;

/// The time of an access, and whether it counts as activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The time by the manager's clock. A session that has expired by then is absent.
    pub now: Timestamp,
    /// `Some` if this is activity and pushes the idle deadline forward; `None` for passive requests.
    pub extend: Option<Extend>,
}

/// How activity pushes the idle deadline forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extend {
    /// The session ends when it has not been used for so long.
    pub idle_timeout: Duration,
    /// A touch within this time of the last one is not due and may be left out.
    pub interval: Duration,
}

impl Access {
    /// An access at `now` that does not count as activity.
    #[must_use]
    pub const fn passive(now: Timestamp) -> Self {
        Self { now, extend: None }
    }

    /// An access at `now` that counts as activity.
    #[must_use]
    pub const fn active(now: Timestamp, idle_timeout: Duration, interval: Duration) -> Self {
        Self { now, extend: Some(Extend { idle_timeout, interval }) }
    }
}
