//! Commits change only what they name, and only if their condition is true.

use serde_json::json;

use crate::{
    Changes, LimitExceeded, Limits, StorageErrorKind, StoreKey,
    conformance::{
        Ability,
        fixture::{Fixture, IDLE, MINUTE, SECOND, active, commit_at, done_at, setting},
        verdict::{Flaw, Verdict, must, must_be},
    },
    record::{
        Commit, Expect, JsonText, Snapshot,
        reserved::{LABEL, LOGIN},
    },
    storage::{Committed, Touched},
};

pub(super) fn a_commit_changes_what_it_names_and_nothing_else(fixture: &Fixture) -> Verdict {
    let (now, key) = (fixture.start, fixture.create(1, &[("a", "1"), ("b", "2"), ("c", "3")])?);
    let mut changes = setting("b", "20");
    changes.remove("c");
    changes.set("d", "4");
    done_at(&fixture.storage.commit(&key, &commit_at(changes, now))?)?;
    must_be!(fixture.stored(&key, now)?, Some(json!({"a": 1, "b": 20, "d": 4})), "the session");
    Ok(())
}

pub(super) fn commits_that_began_from_the_same_state_both_stay(fixture: &Fixture) -> Verdict {
    let (now, key) = (fixture.start, fixture.create(1, &[("a", "1"), ("z", "26")])?);
    let base = fixture.there(&key, now)?;
    let mut other = setting("y", "1");
    other.remove("z");
    for changes in [setting("x", "1"), other] {
        let mut commit = commit_at(changes, now);
        commit.base = Some(base.clone());
        done_at(&fixture.storage.commit(&key, &commit)?)?;
    }
    must_be!(fixture.stored(&key, now)?, Some(json!({"a": 1, "x": 1, "y": 1})), "the session");
    Ok(())
}

/// A commit that sets `n` if an entry still has a text.
fn setting_n_if(to: &str, name: &str, json: Option<JsonText>, now: crate::Timestamp) -> Commit {
    let mut commit = commit_at(setting("n", to), now);
    commit.expect = Some(Expect { key: name.into(), json });
    commit
}

fn text(json: &str) -> Option<JsonText> {
    Some(JsonText::whole(json.into()))
}

/// The current value in a conflict.
fn conflict(answer: Committed) -> Verdict<Option<String>> {
    match answer {
        Committed::Conflict(current) => Ok(current.map(|json| json.as_str().trim().to_owned())),
        other => Err(Flaw::seen(format!("a commit whose condition is false was answered {other:?}"))),
    }
}

pub(super) fn an_expectation_that_fails_stores_nothing(fixture: &Fixture) -> Verdict {
    let (now, key) = (fixture.start, fixture.create(1, &[("n", "1")])?);
    let commit = |name, json| fixture.storage.commit(&key, &setting_n_if("9", name, json, now));
    must_be!(conflict(commit("n", text("2"))?)?.as_deref(), Some("1"), "what n is, when 2 was expected");
    must_be!(conflict(commit("n", None)?)?.as_deref(), Some("1"), "what n is, when nothing was expected");
    must_be!(conflict(commit("other", text("1"))?)?, None, "what an absent entry is, when 1 was expected");
    must_be!(fixture.stored(&key, now)?, Some(json!({"n": 1})), "the session after three conflicts");
    done_at(&commit("n", fixture.text(&key, "n", now)?)?)?;
    done_at(&commit("other", None)?)?;
    must_be!(
        fixture.stored(&key, now)?,
        Some(json!({"n": 9})),
        "the session after two commits whose conditions are true"
    );
    Ok(())
}

pub(super) fn clear_keeps_what_a_login_has_left(fixture: &Fixture) -> Verdict {
    let (storage, now) = (&fixture.storage, fixture.start);
    let key =
        fixture.create(1, &[("a", "1"), (LOGIN, "{}"), (LABEL, "\"phone\""), ("gsession", "2"), ("gsession/", "3")])?;
    // As a request that has read the session, and as one that has not.
    for has_read in [true, false] {
        let mut changes = setting("b", "1");
        changes.clear();
        changes.set("c", "3");
        changes.set(LABEL, "\"tablet\"");
        let mut commit = commit_at(changes, now);
        commit.base = if has_read { Some(fixture.there(&key, now)?) } else { None };
        done_at(&storage.commit(&key, &commit)?)?;
        must_be!(fixture.stored(&key, now)?, Some(json!({"c": 3, LABEL: "tablet", LOGIN: {}})), "the session");
    }
    Ok(())
}

/// Sets `n` if it has a text, from what was read before.
fn from(fixture: &Fixture, key: &StoreKey, base: &Snapshot, if_it_is: &str, to: &str) -> Verdict<Committed> {
    let mut commit = setting_n_if(to, "n", text(if_it_is), fixture.start);
    commit.base = Some(base.clone());
    Ok(fixture.storage.commit(key, &commit)?)
}

pub(super) fn a_base_that_is_out_of_date_decides_nothing(fixture: &Fixture) -> Verdict {
    let (now, key) = (fixture.start, fixture.create(1, &[("n", "1")])?);
    let first = fixture.there(&key, now)?;
    let set = |if_it_is, to| from(fixture, &key, &first, if_it_is, to);
    must_be!(conflict(set("7", "8")?)?.as_deref(), Some("1"), "what n is, when 7 was expected and nothing has changed");
    done_at(&set("1", "2")?)?;
    must_be!(conflict(set("1", "9")?)?.as_deref(), Some("2"), "what n is, when its old value was expected");
    // The condition was false when the request read the session, and is true now.
    done_at(&set("2", "3")?)?;
    must_be!(fixture.stored(&key, now)?, Some(json!({"n": 3})), "the session");
    let before = fixture.there(&key, now)?;
    let later = now + MINUTE;
    must_be!(fixture.storage.touch(&key, &active(later))?, Touched::Done(later + IDLE), "a touch");
    let mut slow = commit_at(setting("x", "1"), now + SECOND);
    slow.base = Some(before);
    must_be!(done_at(&fixture.storage.commit(&key, &slow)?)?, later + IDLE, "the deadline that a slow commit answers");
    must_be!(fixture.there(&key, later)?.record.last_seen, later, "the touch in between, after a slow commit");
    Ok(())
}

pub(super) fn a_revision_is_of_what_the_request_knows(fixture: &Fixture) -> Verdict {
    let (now, key) = (fixture.start, fixture.create(1, &[("n", "1")])?);
    let mut known = fixture.there(&key, now)?;
    done_at(&fixture.storage.commit(&key, &commit_at(setting("theirs", "1"), now))?)?;
    // Like a session: an update that meets the change of another request, then another commit based on what it knows.
    for n in 1..=3 {
        let mut commit = setting_n_if(&(n + 1).to_string(), "n", fixture.text(&key, "n", now)?, now);
        commit.base = Some(known.clone());
        let answer = fixture.storage.commit(&key, &commit)?;
        done_at(&answer)?;
        let Committed::Done { revision, .. } = answer else { return Ok(()) };
        known.record.entries = commit
            .changes
            .apply_to(&known.record.entries, &Limits::default())
            .map_err(|limit| Flaw::seen(limit.to_string()))?;
        known.revision = revision;
        let mut more = commit_at(setting("ours", &n.to_string()), now);
        more.base = Some(known.clone());
        done_at(&fixture.storage.commit(&key, &more)?)?;
    }
    must_be!(fixture.stored(&key, now)?, Some(json!({"n": 4, "ours": 3, "theirs": 1})), "the session");
    Ok(())
}

pub(super) fn clear_removes_what_was_there_before_it(fixture: &Fixture) -> Verdict {
    let (now, key) = (fixture.start, fixture.key(1));
    fixture.create_as(&key, &fixture.record_of("ada", &[("a", "1"), ("b", "2")]))?;
    let mut changes = setting("b", "3");
    changes.clear();
    changes.set("c", "4");
    done_at(&fixture.storage.commit(&key, &commit_at(changes, now))?)?;
    must_be!(fixture.stored(&key, now)?, Some(json!({"c": 4})), "the session");
    must_be!(fixture.there(&key, now)?.record.principal.as_deref(), Some("ada"), "the principal");
    Ok(())
}

pub(super) fn the_principal_is_changed_by_those_who_name_it(fixture: &Fixture) -> Verdict {
    let (now, key) = (fixture.start, fixture.create(1, &[("a", "1")])?);
    let mut named = Changes::default();
    named.set_principal(Some("ada".into()));
    let mut nobody = Changes::default();
    nobody.set_principal(None);
    for (changes, wanted) in [(named, Some("ada")), (setting("a", "2"), Some("ada")), (nobody, None)] {
        done_at(&fixture.storage.commit(&key, &commit_at(changes, now))?)?;
        must_be!(fixture.there(&key, now)?.record.principal.as_deref(), wanted, "the principal");
    }
    must_be!(fixture.stored(&key, now)?, Some(json!({"a": 2})), "the entries");
    Ok(())
}

pub(super) fn any_key_can_be_removed(fixture: &Fixture) -> Verdict {
    let (storage, now, key) = (&fixture.storage, fixture.start, fixture.create(1, &[("a", "1"), ("b", "2")])?);
    for length in [0, 257, 100_000] {
        let mut changes = setting("c", &length.to_string());
        changes.remove(&"k".repeat(length));
        changes.remove("a");
        done_at(&storage.commit(&key, &commit_at(changes, now))?)?;
        must_be!(fixture.stored(&key, now)?, Some(json!({"b": 2, "c": length})), "the session afterwards");
    }
    Ok(())
}

pub(super) fn a_limit_is_a_typed_error_and_leaves_the_record(fixture: &Fixture) -> Verdict {
    let (storage, now, key) = (&fixture.storage, fixture.start, fixture.create(1, &[("a", "1")])?);
    let before = fixture.there(&key, now)?.record;
    for limits in [Limits::default().max_entries(1), Limits::default().max_record_bytes(10)] {
        let mut commit = commit_at(setting("b", "\"long enough\""), now + MINUTE);
        commit.limits = limits;
        let mut errors = vec![("a commit", storage.commit(&key, &commit).err())];
        if fixture.can(Ability::Renewing) {
            errors.push(("a renewal", storage.move_to(&key, &fixture.key(2), &commit).err()));
        }
        for (what, error) in errors {
            let kind = error.map(|error| error.kind());
            let named = match kind {
                Some(StorageErrorKind::Limit(LimitExceeded::Entries { limit: 1, .. })) => limits.max_entries == 1,
                Some(StorageErrorKind::Limit(LimitExceeded::Record { limit: 10, .. })) => limits.max_record_bytes == 10,
                _ => false,
            };
            must!(named, "{what} over a limit was answered {kind:?}");
        }
    }
    must_be!(fixture.there(&key, now)?.record, before, "the session afterwards");
    must!(fixture.is_absent(&fixture.key(2), now)?, "a renewal over a limit has created a session");
    Ok(())
}
