//! Listing a user's sessions, and sweeping.

use std::num::NonZeroUsize;

use serde_json::json;

use crate::{
    Changes, Record,
    conformance::{
        Ability,
        fixture::{Fixture, IDLE, MINUTE, SECOND, commit_at, done_at, moved_at},
        verdict::{Flaw, Verdict, must, must_be},
    },
    record::reserved::{LABEL, LOGIN},
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

pub(super) fn a_session_is_listed_under_the_principal_it_has_now(fixture: &Fixture) -> Verdict {
    let (storage, now) = (&fixture.storage, fixture.start);
    let key = fixture.create(1, &[("a", "1")])?;
    let listed = |principal: &str| -> Verdict<Vec<_>> {
        Ok(storage.find(principal, now)?.into_iter().map(|found| found.key).collect())
    };
    let becomes = |principal: Option<&str>| {
        let mut changes = Changes::default();
        changes.set_principal(principal.map(Into::into));
        changes
    };
    // As a request that has read it, and as one that has not.
    for has_read in [true, false] {
        for (before, principal) in [("bob", Some("ada")), ("ada", Some("bob")), ("bob", None), ("ada", Some("ada"))] {
            let mut commit = commit_at(becomes(principal), now);
            commit.base = if has_read { Some(fixture.there(&key, now)?) } else { None };
            done_at(&storage.commit(&key, &commit)?)?;
            must_be!(
                listed(principal.unwrap_or("nobody"))?,
                principal.map_or(vec![], |_| vec![key]),
                "the sessions of the new principal"
            );
            if principal != Some(before) {
                must_be!(listed(before)?, [], "the sessions of the principal before");
            }
        }
    }
    if fixture.can(Ability::Renewing) {
        let [second, third] = [2, 3].map(|number| fixture.key(number));
        // The first keeps the principal, the second sets one.
        moved_at(storage.move_to(&key, &second, &commit_at(Changes::default(), now)))?;
        must_be!(listed("ada")?, [second], "ada's sessions after a renewal");
        moved_at(storage.move_to(&second, &third, &commit_at(becomes(Some("bob")), now)))?;
        must_be!(listed("bob")?, [third], "bob's sessions after a login");
        must_be!(listed("ada")?, [], "ada's sessions after bob's login");
    }
    Ok(())
}

pub(super) fn a_walk_in_pages_sees_each_session_once(fixture: &Fixture) -> Verdict {
    let storage = &fixture.storage;
    // Every second session has ended by then, and one in four is another user's.
    let mut living = Vec::new();
    for number in 0..24 {
        let idle_timeout = if number % 2 == 0 { MINUTE } else { IDLE };
        let principal = if number % 4 == 3 { "bob" } else { "ada" };
        let record = Record { idle_timeout, ..fixture.record_of(principal, &[("a", "1")]) };
        let key = fixture.key(number);
        fixture.create_as(&key, &record)?;
        if number % 4 == 1 {
            living.push(key);
        }
    }
    living.sort();
    let later = fixture.start + MINUTE;
    for most in [1, 2, 3, 5, 6, 7, 100].into_iter().filter_map(NonZeroUsize::new) {
        let mut after = None;
        for wanted in living.chunks(most.get()) {
            let page = storage.find_page("ada", after, most, later)?;
            must!(
                page.iter().all(|found| found.record.principal.as_deref() == Some("ada")),
                "a page has another user's"
            );
            let keys: Vec<_> = page.iter().map(|found| found.key).collect();
            must_be!(keys, wanted, "a page");
            after = keys.last().copied();
        }
        must!(storage.find_page("ada", after, most, later)?.is_empty(), "there are sessions after the last one");
    }
    // The cursor may have ended meanwhile.
    must_be!(storage.remove(&living[2])?, Removed::Done, "a remove");
    let page = storage.find_page("ada", Some(living[2]), NonZeroUsize::MIN, later)?;
    must_be!(page.first().map(|found| found.key), living.get(3).copied(), "the page after a session that has ended");
    must!(
        storage.find_page("eve", None, NonZeroUsize::MIN, later)?.is_empty(),
        "somebody who never logged in has sessions"
    );
    Ok(())
}

pub(super) fn what_a_login_has_left_is_listed(fixture: &Fixture) -> Verdict {
    let (storage, now) = (&fixture.storage, fixture.start);
    let key = fixture.create(1, &[("a", "1")])?;
    let mut changes = Changes::default();
    changes.set_principal(Some("ada".into()));
    changes.set(LABEL, "\"phone\"");
    changes.set(LOGIN, "{\"at\":1,\"n\":2}");
    done_at(&storage.commit(&key, &commit_at(changes, now))?)?;
    for listed in [storage.find("ada", now)?, storage.find_page("ada", None, NonZeroUsize::MIN, now)?] {
        let [found] = &listed[..] else { return Err(Flaw::seen("not one session is listed")) };
        must_be!(found.record.entries.get_str(LABEL), Some("\"phone\""), "the label");
        must_be!(found.record.entries.get_str(LOGIN), Some("{\"at\":1,\"n\":2}"), "the login");
    }
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
