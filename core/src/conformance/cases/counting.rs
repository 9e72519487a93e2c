//! Counting the sessions, and checking whether they can be stored.

use serde_json::json;

use crate::{
    Changes, Record,
    conformance::{
        Ability,
        fixture::{Fixture, IDLE, MINUTE, SECOND, commit_at, moved_at},
        verdict::{Verdict, must, must_be},
    },
    record::reserved::OF_LISTS,
    storage::Removed,
};

pub(super) fn count_counts_the_living_sessions(fixture: &Fixture) -> Verdict {
    let (storage, start) = (&fixture.storage, fixture.start);
    let later = start + MINUTE;
    must_be!(storage.count(start)?, 0, "the sessions of an empty storage");
    let anonymous = fixture.record(&[("a", "1")]);
    let until = |deadline| Record { absolute_deadline: Some(deadline), ..fixture.record(&[]) };
    let records = [
        anonymous.clone(),
        anonymous.clone(),
        fixture.record_of("ada", &[("a", "1")]),
        fixture.record_of("ada", &[]),
        until(start + IDLE),
        // These end.
        Record { idle_timeout: MINUTE, ..anonymous.clone() },
        Record { idle_timeout: MINUTE, ..fixture.record_of("bob", &[]) },
        until(later),
        anonymous,
    ];
    for (number, record) in records.iter().enumerate() {
        fixture.create_as(&fixture.key(number), record)?;
    }
    must_be!(storage.count(start + (IDLE - SECOND))?, 6, "the sessions a second before their deadline");
    must_be!(storage.remove(&fixture.key(8))?, Removed::Done, "a remove");
    must_be!(storage.count(start)?, 8, "the sessions before any has ended");
    for (number, name) in (20..).zip(OF_LISTS) {
        fixture.create_as(&fixture.key(number), &fixture.record(&[(name, "1"), ("a", "1")]))?;
    }
    must_be!(storage.count(start)?, 8, "the sessions beside lists");
    must_be!(storage.count(later)?, 5, "the sessions after some have ended");
    must_be!(storage.count(start + IDLE)?, 0, "the sessions after all have ended");
    for number in 0..5 {
        fixture.there(&fixture.key(number), later)?;
    }
    Ok(())
}

pub(super) fn a_renewed_session_counts_once(fixture: &Fixture) -> Verdict {
    let (storage, now) = (&fixture.storage, fixture.start);
    let [first, second, third] = fixture.new_keys();
    fixture.create_as(&first, &fixture.record_of("ada", &[("a", "1")]))?;
    for (from, to) in [(&first, &second), (&second, &third)] {
        moved_at(storage.move_to(from, to, &commit_at(Changes::default(), now)))?;
        must_be!(storage.count(now)?, 1, "the sessions after a renewal");
    }
    Ok(())
}

pub(super) fn a_check_passes_and_leaves_nothing_behind(fixture: &Fixture) -> Verdict {
    let (storage, now) = (&fixture.storage, fixture.start);
    storage.check()?;
    must_be!(fixture.survivors(now)?.unwrap_or(0), 0, "the sessions after a check of an empty storage");
    let key = fixture.create(1, &[("a", "1")])?;
    for _ in 0..3 {
        storage.check()?;
    }
    must_be!(fixture.stored(&key, now)?, Some(json!({"a": 1})), "the session after checks");
    must_be!(fixture.survivors(now)?.unwrap_or(1), 1, "the sessions after checks");
    if fixture.can(Ability::Counting) {
        must_be!(storage.count(now)?, 1, "the sessions counted after checks");
    }
    Ok(())
}
