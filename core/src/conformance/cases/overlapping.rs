//! Two operations at the same time.

use crate::{
    Changes, StoreKey,
    conformance::{
        fixture::{Fixture, MINUTE, active, commit_at, setting},
        operation::Operation,
        overlap::{is_serialisable, is_whole_when_dropped, leaves_no_session},
        verdict::Verdict,
    },
    record::{Commit, Expect},
};

/// Stores a session with three entries under the first key.
fn session(fixture: &Fixture, keys: &[StoreKey; 4]) -> Verdict {
    fixture.create_as(&keys[0], &fixture.record_of("ada", &[("a", "1"), ("b", "2"), ("n", "1")]))
}

/// The commit of a request that has read the session.
fn informed(fixture: &Fixture, key: &StoreKey, changes: Changes) -> Verdict<Commit> {
    let mut commit = commit_at(changes, fixture.start);
    commit.base = Some(fixture.there(key, fixture.start)?);
    Ok(commit)
}

fn blind(fixture: &Fixture, changes: Changes) -> Commit {
    commit_at(changes, fixture.start)
}

pub(super) fn overlapping_commits_both_stay(fixture: &Fixture) -> Verdict {
    is_serialisable(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let mut second = setting("y", "1");
        second.remove("b");
        let commits = [informed(fixture, &keys[0], setting("x", "1"))?, informed(fixture, &keys[0], second)?];
        Ok(commits.map(|commit| Operation::Commit(keys[0], commit)))
    })?;
    is_serialisable(fixture, |fixture, keys| {
        session(fixture, keys)?;
        Ok([setting("x", "1"), setting("a", "2")].map(|changes| Operation::Commit(keys[0], blind(fixture, changes))))
    })
}

pub(super) fn overlapping_updates_add_up(fixture: &Fixture) -> Verdict {
    is_serialisable(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let mut update = informed(fixture, &keys[0], setting("n", "2"))?;
        update.expect = Some(Expect { key: "n".into(), json: fixture.text(&keys[0], "n", fixture.start)? });
        Ok([Operation::Commit(keys[0], update.clone()), Operation::Commit(keys[0], update)])
    })
}

pub(super) fn an_overlapping_clear_is_not_undone(fixture: &Fixture) -> Verdict {
    is_serialisable(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let mut clear = Changes::default();
        clear.clear();
        let commits = [informed(fixture, &keys[0], clear)?, informed(fixture, &keys[0], setting("x", "1"))?];
        Ok(commits.map(|commit| Operation::Commit(keys[0], commit)))
    })
}

pub(super) fn a_commit_overlapping_a_remove_brings_nothing_back(fixture: &Fixture) -> Verdict {
    is_serialisable(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let commit = informed(fixture, &keys[0], setting("x", "1"))?;
        Ok([Operation::Commit(keys[0], commit), Operation::Remove(keys[0])])
    })
}

pub(super) fn a_touch_overlapping_a_remove_brings_nothing_back(fixture: &Fixture) -> Verdict {
    is_serialisable(fixture, |fixture, keys| {
        session(fixture, keys)?;
        Ok([Operation::Touch(keys[0], active(fixture.start + MINUTE)), Operation::Remove(keys[0])])
    })
}

pub(super) fn a_touch_overlapping_a_commit_loses_neither(fixture: &Fixture) -> Verdict {
    is_serialisable(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let commit = informed(fixture, &keys[0], setting("x", "1"))?;
        Ok([Operation::Commit(keys[0], commit), Operation::Touch(keys[0], active(fixture.start + MINUTE))])
    })
}

pub(super) fn a_remove_overlapping_a_renewal_ends_it(fixture: &Fixture) -> Verdict {
    is_serialisable(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let commit = informed(fixture, &keys[0], setting("x", "1"))?;
        Ok([Operation::Move(keys[0], keys[1], commit), Operation::Remove(keys[0])])
    })
}

pub(super) fn ending_all_sessions_ends_one_that_is_being_renewed(fixture: &Fixture) -> Verdict {
    leaves_no_session(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let commit = informed(fixture, &keys[0], setting("x", "1"))?;
        Ok([Operation::Move(keys[0], keys[1], commit), Operation::EndAll("ada", fixture.start)])
    })?;
    // A login moves a session and sets its principal.
    leaves_no_session(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let mut login = setting("x", "1");
        login.set_principal(Some("ada".into()));
        Ok([Operation::Move(keys[0], keys[1], blind(fixture, login)), Operation::EndAll("ada", fixture.start)])
    })
}

pub(super) fn of_overlapping_renewals_one_wins(fixture: &Fixture) -> Verdict {
    is_serialisable(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let commit = informed(fixture, &keys[0], Changes::default())?;
        Ok([Operation::Move(keys[0], keys[1], commit.clone()), Operation::Move(keys[0], keys[2], commit)])
    })
}

pub(super) fn a_commit_overlapping_a_renewal_is_in_it_or_refused(fixture: &Fixture) -> Verdict {
    is_serialisable(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let commit = informed(fixture, &keys[0], setting("x", "1"))?;
        let renewal = informed(fixture, &keys[0], setting("y", "1"))?;
        Ok([Operation::Commit(keys[0], commit), Operation::Move(keys[0], keys[1], renewal)])
    })
}

pub(super) fn of_overlapping_creates_one_wins(fixture: &Fixture) -> Verdict {
    is_serialisable(fixture, |fixture, keys| {
        let records = [fixture.record_of("ada", &[("a", "1")]), fixture.record_of("bob", &[("b", "2")])];
        Ok(records.map(|record| Operation::Create(keys[0], record)))
    })
}

pub(super) fn a_dropped_commit_is_whole_or_nothing(fixture: &Fixture) -> Verdict {
    is_whole_when_dropped(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let mut changes = setting("x", "1");
        changes.remove("a");
        changes.set("b", "20");
        Ok([Operation::Commit(keys[0], blind(fixture, changes)), Operation::Remove(keys[0])])
    })
}

pub(super) fn a_dropped_renewal_is_whole_or_nothing(fixture: &Fixture) -> Verdict {
    is_whole_when_dropped(fixture, |fixture, keys| {
        session(fixture, keys)?;
        let commit = informed(fixture, &keys[0], setting("x", "1"))?;
        Ok([Operation::Move(keys[0], keys[1], commit), Operation::Remove(keys[0])])
    })
}
