//! The time of an access to a storage, and whether it counts as activity.

use std::time::Duration;

use super::Record;
use crate::Timestamp;

/// The time of an access, and whether it counts as activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The time by the manager's clock. A session that has ended by then is absent.
    pub now: Timestamp,
    /// What the manager allows now. It may be stricter than the deadlines that were stored with the session. It does not apply to a
    /// [remembered](Record::is_remembered) session.
    pub bounds: Bounds,
    /// `Some` if this is activity and moves the idle deadline forward; `None` for passive requests.
    pub extend: Option<Extend>,
}

/// How long a session may live at most, whatever deadlines were stored with it, unless it is [remembered](Record::is_remembered).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// How long it may live without being used.
    pub idle_timeout: Duration,
    /// How long it may live in total.
    pub absolute_lifetime: Duration,
}

impl Bounds {
    /// No bounds beyond the deadlines that were stored with the session.
    pub const NONE: Self = Self { idle_timeout: Duration::MAX, absolute_lifetime: Duration::MAX };

    fn are_over(&self, created_at: Timestamp, last_seen: Timestamp, now: Timestamp) -> bool {
        last_seen + self.idle_timeout <= now || created_at + self.absolute_lifetime <= now
    }
}

/// How activity moves the idle deadline forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extend {
    /// The session then ends when it has not been used for this long. A [remembered](Record::is_remembered) one keeps its own idle
    /// timeout.
    pub idle_timeout: Duration,
    /// A touch within this time of the last one is not due and may be skipped: see [`Record::is_touch_due`].
    pub interval: Duration,
}

impl Access {
    /// An access at `now` that does not count as activity.
    #[must_use]
    pub const fn passive(now: Timestamp) -> Self {
        Self { now, bounds: Bounds::NONE, extend: None }
    }

    /// An access at `now` that counts as activity.
    #[must_use]
    pub const fn active(now: Timestamp, idle_timeout: Duration, interval: Duration) -> Self {
        Self { now, bounds: Bounds::NONE, extend: Some(Extend { idle_timeout, interval }) }
    }

    /// The same access by a manager with these bounds.
    #[must_use]
    pub const fn bounded(mut self, idle_timeout: Duration, absolute_lifetime: Option<Duration>) -> Self {
        let absolute_lifetime = match absolute_lifetime {
            Some(lifetime) => lifetime,
            None => Duration::MAX,
        };
        self.bounds = Bounds { idle_timeout, absolute_lifetime };
        self
    }

    /// The idle timeout of the manager.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.extend.as_ref().map_or(self.bounds.idle_timeout, |extend| extend.idle_timeout)
    }

    /// Whether a session with this record, last used at `last_seen`, has ended: by its stored deadlines or, unless it is
    /// remembered, by the bounds of this access.
    #[must_use]
    pub fn has_ended(&self, record: &Record, last_seen: Timestamp) -> bool {
        record.expires_if_last_seen(last_seen) <= self.now
            || !record.is_remembered && self.bounds.are_over(record.created_at, last_seen, self.now)
    }
}
