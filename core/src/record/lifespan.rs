//! How long one session lives: as its manager says, or by deadlines of its own ([S17](crate::design#s17)).

use std::time::Duration;

use super::{Access, Record};
use crate::Timestamp;

/// What a login says about how long the session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifespan {
    /// As long as the manager's settings allow.
    Managers,
    /// By deadlines of its own, whatever the manager's settings are: "remember me".
    Own {
        /// The session ends when it has not been used for this long.
        idle_timeout: Duration,
        /// The session ends at this time, however much it is used.
        until: Timestamp,
    },
}

/// The last absolute deadline that a remembered session can have, some 140,000 years from now. Later ones count as this one.
const LAST: u64 = REMEMBERED - 1;
/// Added to the stored absolute deadline of a remembered session. It is exact in a double, which is what Lua counts in. A build that
/// does not know it sees a deadline that is far away, and applies its own settings instead of logging the user out.
const REMEMBERED: u64 = 1 << 52;

impl Lifespan {
    /// The absolute deadline of a remembered session as it is stored.
    pub(crate) fn stored_deadline_of(until: Timestamp) -> u64 {
        REMEMBERED + until.as_millis().min(LAST)
    }

    /// Gives a session this lifespan, which begins with the access.
    pub(super) fn begin(self, record: &mut Record, access: &Access) {
        match self {
            Self::Own { idle_timeout, until } => {
                record.is_remembered = true;
                record.idle_timeout = idle_timeout;
                record.absolute_deadline = Some(until.min(Timestamp::from_millis(LAST)));
            }
            Self::Managers if record.is_remembered => {
                record.is_remembered = false;
                // It may be older than the manager allows. The user has just logged in, so it begins anew.
                record.created_at = access.now;
                record.idle_timeout = access.idle_timeout();
                let deadline = access.now + access.bounds.absolute_lifetime;
                record.absolute_deadline = Some(deadline).filter(|deadline| deadline.as_millis() <= LAST);
            }
            Self::Managers => return,
        }
        record.last_seen = record.last_seen.max(access.now);
    }
}

impl Record {
    /// The absolute deadline as it is stored, which also says whether the session is remembered.
    pub(crate) fn stored_deadline(&self) -> Option<u64> {
        let deadline = self.absolute_deadline.map(Timestamp::as_millis);
        if self.is_remembered {
            return Some(Lifespan::stored_deadline_of(self.absolute_deadline.unwrap_or(Timestamp::from_millis(LAST))));
        }
        deadline.map(|deadline| if is_flagged(deadline) { u64::MAX } else { deadline })
    }

    /// Takes a [`stored_deadline`](Self::stored_deadline).
    pub(crate) fn set_stored_deadline(&mut self, stored: Option<u64>) {
        self.is_remembered = stored.is_some_and(is_flagged);
        let flag = if self.is_remembered { REMEMBERED } else { 0 };
        self.absolute_deadline = stored.map(|stored| Timestamp::from_millis(stored - flag));
    }
}

/// Whether a stored deadline is that of a remembered session.
fn is_flagged(stored: u64) -> bool {
    (REMEMBERED..=REMEMBERED + LAST).contains(&stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Changes;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn record(deadline: Option<u64>, is_remembered: bool) -> Record {
        let mut record = Record::new(NOW, HOUR, deadline.map(Timestamp::from_millis));
        record.is_remembered = is_remembered;
        record
    }

    #[test]
    fn a_stored_deadline_says_whether_the_session_is_remembered() {
        for (deadline, is_remembered, stored) in [
            (None, false, None),
            (Some(5), false, Some(5)),
            (Some(LAST), false, Some(LAST)),
            (Some(u64::MAX), false, Some(u64::MAX)),
            (Some(5), true, Some((1 << 52) + 5)),
            (Some(LAST), true, Some((1 << 53) - 1)),
        ] {
            let before = record(deadline, is_remembered);
            assert_eq!(before.stored_deadline(), stored);
            let mut after = record(Some(7), !is_remembered);
            after.set_stored_deadline(stored);
            assert_eq!(after, before);
        }
    }

    #[test]
    fn a_deadline_beyond_the_calendar_never_passes_for_another_one() {
        for far in [LAST + 1, LAST + 2, (1 << 53) - 1, 1 << 53, u64::MAX] {
            let stored = record(Some(far), false).stored_deadline();
            assert!(stored.is_some_and(|stored| stored >= 1 << 53), "{far}: {stored:?}");
            assert_eq!(record(Some(far), true).stored_deadline(), Some((1 << 53) - 1));
        }
        assert_eq!(record(None, true).stored_deadline(), Some((1 << 53) - 1));
    }

    #[test]
    fn of_several_lifespans_the_last_one_counts_and_a_withdrawn_login_leaves_none() {
        let own = Lifespan::Own { idle_timeout: HOUR, until: NOW + HOUR };
        let with = |lifespan| {
            let mut changes = Changes::default();
            changes.set_lifespan(lifespan);
            changes
        };
        for (first, second) in [(own, Lifespan::Managers), (Lifespan::Managers, own)] {
            let mut changes = with(first);
            changes.then(Changes::default());
            assert_eq!(changes.lifespan(), Some(first));
            changes.then(with(second));
            assert_eq!(changes.lifespan(), Some(second));
            assert!(!changes.is_empty());
            changes.withdraw_login();
            assert!(changes.is_empty() && changes.lifespan().is_none());
        }
    }

    #[test]
    fn an_ordinary_login_begins_an_ordinary_session() {
        let login = NOW + 100 * HOUR;
        for (lifetime, deadline) in
            [(None, None), (Some(2 * HOUR), Some(login + 2 * HOUR)), (Some(Duration::MAX), None)]
        {
            let mut remembered = record(Some(u64::MAX), true);
            let access = Access::active(login, HOUR, HOUR / 2).bounded(HOUR, lifetime);
            Lifespan::Managers.begin(&mut remembered, &access);
            assert_eq!(remembered, Record::new(login, HOUR, deadline));
            assert!(!access.has_ended(&remembered, login));
        }
        let mut ordinary = record(Some(5), false);
        Lifespan::Managers.begin(&mut ordinary, &Access::active(login, 2 * HOUR, HOUR));
        assert_eq!(ordinary, record(Some(5), false), "it keeps its deadlines");
    }
}
