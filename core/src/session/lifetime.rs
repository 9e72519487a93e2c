//! The two clocks of a session ([S7](crate::design#s7)).

use std::time::Duration;

use crate::{Record, Timestamp, storage::Access};

/// How long sessions live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    pub(crate) idle_timeout: Duration,
    pub(crate) absolute: Option<Duration>,
    pub(crate) touch_interval: Duration,
}

impl Lifetime {
    pub(crate) const DEFAULT_IDLE: Duration = Duration::from_secs(24 * 60 * 60);

    /// A twentieth of the idle timeout, at most a minute. A session ends early by at most that much.
    pub(crate) fn default_touch_interval(idle_timeout: Duration) -> Duration {
        (idle_timeout / 20).min(Duration::from_secs(60))
    }

    pub(crate) fn new_record(&self, now: Timestamp) -> Record {
        Record::new(now, self.idle_timeout, self.absolute.map(|absolute| now + absolute))
    }

    pub(crate) const fn access(&self, now: Timestamp, passive: bool) -> Access {
        let access =
            if passive { Access::passive(now) } else { Access::active(now, self.idle_timeout, self.touch_interval) };
        access.bounded(self.idle_timeout, self.absolute)
    }

    /// When a stored session ends if it is not used again.
    #[cfg(feature = "tokio")]
    pub(crate) fn ends_at(&self, record: &Record) -> Timestamp {
        let stored = record.expires_at();
        if record.is_remembered {
            return stored;
        }
        let idle = record.last_seen + self.idle_timeout;
        let absolute = self.absolute.map_or(Timestamp::MAX, |absolute| record.created_at + absolute);
        stored.min(idle).min(absolute)
    }

    /// Whether a stored session has ended, by its stored deadlines or by settings that have become stricter since, unless it is remembered.
    pub(crate) fn is_over(&self, record: &Record, now: Timestamp) -> bool {
        self.access(now, true).has_ended(record, record.last_seen)
    }
}
