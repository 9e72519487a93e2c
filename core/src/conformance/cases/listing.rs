//! Listing a user's sessions, and sweeping.

use serde_json::json;

use crate::{
    Changes, Record,
    conformance::{
        Ability,
        fixture::{Fixture, IDLE, MINUTE, SECOND, commit_at, moved_at},
        verdict::{Verdict, must, must_be},
    },
    storage::Removed,
};

pub(super) fn find_lists_the_living_sessions_of_a_principal(fixture: &Fixture) -> Verdict {
    let storage = &fixture.storage;
    let short = Record { idle_timeout: MINUTE, ..fixture.record_of("ada", &[]) };
    let ada = || fixture.record_of("ada", &[("a", "1")]);
    for (number, record) in
        [(1, ada()), (2, ada()), (3, fixture.record_of("bob", &[])), (4, fixture.record(&[])), (5, short), (6, ada())]
    {
        fixture.create_as(&fixture.key(number), &record)?;
    }
    must_be!(storage.remove(&fixture.key(6))?, Removed::Done, "a remove");
    let later = fixture.start + MINUTE;
    let mut second = fixture.key(2);
    if fixture.can(Ability::Renewing) {
        second = fixture.key(20);
        moved_at(storage.move_to(&fixture.key(2), &second, &commit_at(Changes::default(), later)))?;
    }
    let listed = |principal: &str| -> Verdict<Vec<_>> {
        let mut keys: Vec<_> = storage.find(principal, later)?.into_iter().map(|found| found.key).collect();
        keys.sort();
        Ok(keys)
    };
    let mut wanted = [fixture.key(1), second];
    wanted.sort();
    must_be!(listed("ada")?, wanted, "ada's sessions");
    must_be!(listed("bob")?, [fixture.key(3)], "bob's sessions");
    must!(listed("eve")?.is_empty(), "somebody who never logged in has sessions");
    must!(listed("")?.is_empty(), "anonymous sessions are listed as those of an empty name");
    let facts = storage.find("bob", later)?.pop().map(|found| (found.record.principal, found.record.created_at));
    must_be!(facts, Some((Some("bob".into()), fixture.start)), "the facts about bob's session");
    Ok(())
}

pub(super) fn sweep_removes_what_has_expired_and_nothing_else(fixture: &Fixture) -> Verdict {
    let (storage, start) = (&fixture.storage, fixture.start);
    for number in 0..3 {
        fixture.create_as(&fixture.key(number), &Record::new(start, MINUTE, None))?;
    }
    fixture.create_as(&fixture.key(3), &Record::new(start, IDLE, Some(start + MINUTE)))?;
    let living = [fixture.create(10, &[("a", "1")])?, fixture.create(11, &[("a", "1")])?];
    must_be!(storage.sweep(start + (MINUTE - SECOND))?.removed, 0, "what was removed before anything had expired");
    let swept = storage.sweep(start + MINUTE)?;
    must_be!((swept.removed, swept.kept, swept.foreign), (4, 2, 0), "the numbers removed, kept and foreign");
    must_be!(storage.sweep(start + MINUTE)?.removed, 0, "what was removed by a second sweep");
    for key in &living {
        must_be!(fixture.stored(key, start + MINUTE)?, Some(json!({"a": 1})), "a live session");
    }
    for number in 0..4 {
        must!(fixture.found(&fixture.key(number), start)?.is_none(), "a swept session is only hidden, not removed");
    }
    Ok(())
}
