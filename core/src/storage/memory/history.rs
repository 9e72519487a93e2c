//! What the storage remembers of a session beside its record, to know what to give up when room is needed.

use std::time::Duration;

use super::slot::TraceRank;
use crate::Timestamp;

/// How long the trace of a renewal is as precious as its session: as long as requests commonly take. Also the window in
/// which renewals are counted.
pub(super) const PRECIOUS_FOR: Duration = Duration::from_secs(60);

/// Renewals of one session within a window whose traces are precious. A login renews once or twice; who renews more often
/// than this must not fill the storage with what nobody may give up.
const PRECIOUS: u32 = 16;

/// What is remembered of a session from one slot to the next, across commits and renewals.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct History {
    /// Whether its client has come with its id after the request that made the session.
    pub(super) has_returned: bool,
    /// When the current window began, and the renewals in it.
    window: Timestamp,
    renewals: u32,
}

impl History {
    /// The history after one more renewal, and how precious the trace of that is.
    pub(super) fn renewed(self, now: Timestamp, is_owned: bool) -> (Self, TraceRank) {
        // A window that begins later is that of a faster clock: still the current one.
        let is_new = self.renewals == 0 || self.window + PRECIOUS_FOR <= now;
        let (window, renewals) = if is_new { (now, 1) } else { (self.window, self.renewals.saturating_add(1)) };
        let rank = match (renewals <= PRECIOUS, is_owned) {
            (false, _) => TraceRank::Surplus,
            (true, false) => TraceRank::Anonymous,
            (true, true) => TraceRank::Owned,
        };
        (Self { window, renewals, ..self }, rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(history: &mut History, now: Timestamp, renewals: usize) -> Vec<TraceRank> {
        let renew = |_| {
            let (next, rank) = history.renewed(now, true);
            *history = next;
            rank
        };
        (0..renewals).map(renew).collect()
    }

    #[test]
    fn the_first_renewals_of_each_window_are_precious() {
        let (mut history, start) = (History::default(), Timestamp::from_millis(1_000));
        let first = ranks(&mut history, start, 40);
        assert!(first[..16].iter().all(|rank| *rank == TraceRank::Owned));
        assert!(first[16..].iter().all(|rank| *rank == TraceRank::Surplus));
        let last = Timestamp::from_millis(60_999);
        assert_eq!(ranks(&mut history, last, 1), [TraceRank::Surplus]);
        assert_eq!(ranks(&mut history, start + PRECIOUS_FOR, 1), [TraceRank::Owned]);
        // A clock that lags begins no window.
        ranks(&mut history, start + PRECIOUS_FOR, 20);
        assert_eq!(ranks(&mut history, start, 1), [TraceRank::Surplus]);
    }

    #[test]
    fn an_anonymous_session_has_as_many() {
        let (history, rank) = History::default().renewed(Timestamp::from_millis(1), false);
        assert_eq!(rank, TraceRank::Anonymous);
        let full = History { renewals: PRECIOUS, ..history };
        assert_eq!(full.renewed(Timestamp::from_millis(2), false).1, TraceRank::Surplus);
    }
}
