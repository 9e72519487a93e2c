//! Times as columns: milliseconds since the Unix epoch, as signed numbers of 64 bits.

use std::time::Duration;

use super::values::Arg;
use crate::{
    Record, Timestamp,
    record::{Access, Commit},
};

/// Times and spans from here on count as for ever. The sum of two is still a number of the database.
pub(super) const FOREVER: i64 = 1 << 61;
/// Before all times.
const NEVER: i64 = -1;

/// A time as it is stored.
pub(super) fn stored(time: Timestamp) -> i64 {
    bounded(time.as_millis())
}

/// A span as it is stored.
pub(super) fn stored_span(span: Duration) -> i64 {
    bounded(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

fn bounded(millis: u64) -> i64 {
    i64::try_from(millis).map_or(FOREVER, |millis| millis.min(FOREVER))
}

/// A stored number of milliseconds.
const fn read_millis(stored: i64) -> u64 {
    if stored >= FOREVER { u64::MAX } else { stored.unsigned_abs() }
}

/// A stored time.
pub(super) const fn read(stored: i64) -> Timestamp {
    Timestamp::from_millis(read_millis(stored))
}

/// A stored span.
pub(super) const fn read_span(stored: i64) -> Duration {
    Duration::from_millis(read_millis(stored))
}

/// What the statements have to know of an access: arguments 2 to 7, described in [`clauses`](super::clauses).
pub(super) fn access_args<'a>(access: &Access) -> [Arg<'a>; 6] {
    let now = stored(access.now);
    let (due, active, idle_timeout) = access.extend.as_ref().map_or((NEVER, NEVER, 0), |extend| {
        (now - stored_span(extend.interval), now, stored_span(extend.idle_timeout))
    });
    let before = |span| Arg::Number(now - stored_span(span));
    [
        Arg::Number(now),
        before(access.bounds.idle_timeout),
        before(access.bounds.absolute_lifetime),
        Arg::Number(due),
        Arg::Number(active),
        Arg::Number(idle_timeout),
    ]
}

/// What the statements have to know of a lifespan that begins with a commit: three arguments.
pub(super) fn lifespan_args<'a>(commit: &Commit) -> [Arg<'a>; 3] {
    use crate::record::Lifespan;
    let kind = match commit.changes.lifespan() {
        None => 0,
        Some(Lifespan::Managers) => 1,
        Some(Lifespan::Own { .. }) => 2,
    };
    // The deadlines that it gives to a session that has others.
    let mut record = Record::new(commit.access.now, Duration::ZERO, None);
    record.is_remembered = true;
    commit.changes.apply_lifespan(&mut record, &commit.access);
    [
        Arg::Number(kind),
        Arg::Number(stored_span(record.idle_timeout)),
        Arg::NumberOrNull(record.absolute_deadline.map(stored)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_they_were_or_as_for_ever() {
        for millis in [0, 1, 1_750_000_000_000, (1 << 61) - 1] {
            assert_eq!(read(stored(Timestamp::from_millis(millis))), Timestamp::from_millis(millis));
        }
        for far in [1 << 61, i64::MAX as u64, u64::MAX] {
            assert_eq!(read(stored(Timestamp::from_millis(far))), Timestamp::MAX);
        }
        assert_eq!(read_span(stored_span(Duration::MAX)), Duration::from_millis(u64::MAX));
        assert!(stored(Timestamp::MAX).checked_add(stored_span(Duration::MAX)).is_some());
    }
}
