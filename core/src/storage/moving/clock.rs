//! What time it is by the clock of the manager.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::{Clock as _, SystemClock, Timestamp};

/// By how many milliseconds the manager's clock is ahead of the system's, as the latest operation has shown. A removal is not told the
/// time, and must not act as of the time of the last request, which may be hours ago.
#[derive(Debug, Clone, Default)]
pub(super) struct ManagersClock(Arc<AtomicI64>);

impl ManagersClock {
    pub(super) fn see(&self, now: Timestamp) {
        self.0.store(ahead(now, SystemClock.now()), Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Timestamp {
        at(SystemClock.now(), self.0.load(Ordering::Relaxed))
    }
}

fn ahead(now: Timestamp, system: Timestamp) -> i64 {
    let millis = |time: Timestamp| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    millis(now).saturating_sub(millis(system))
}

fn at(system: Timestamp, ahead: i64) -> Timestamp {
    Timestamp::from_millis(system.as_millis().saturating_add_signed(ahead))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOURS: Duration = Duration::from_secs(3 * 60 * 60);

    #[test]
    fn an_instance_that_was_idle_does_not_act_in_the_past() {
        let system = Timestamp::from_millis(1_700_000_000_000);
        for now in [system, system + HOURS, system.before(HOURS), Timestamp::from_millis(5)] {
            assert_eq!(at(system + HOURS, ahead(now, system)), now + HOURS);
        }
    }

    #[test]
    fn no_time_is_too_far_off() {
        let system = Timestamp::from_millis(1_700_000_000_000);
        for now in [Timestamp::from_millis(0), Timestamp::MAX] {
            let _ = at(system, ahead(now, system));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_is_followed() {
        let clock = ManagersClock::default();
        clock.see(SystemClock.now() + HOURS);
        clock.see(SystemClock.now());
        assert!(clock.now() < SystemClock.now() + HOURS / 2);
    }
}
