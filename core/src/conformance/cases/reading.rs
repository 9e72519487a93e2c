//! Every acknowledged write can be read, and every read is consistent.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    conformance::{
        fixture::{Fixture, IDLE, SECOND, active, commit_at, done_at, setting},
        verdict::{Flaw, Verdict, must, must_be},
    },
    record::reserved::TAG,
    storage::{Access, Created, Lookup, Removed},
};

pub(super) fn what_is_answered_is_seen_by_the_next_load(fixture: &Fixture) -> Verdict {
    let (storage, now) = (&fixture.storage, fixture.start);
    for number in 0..20 {
        let key = fixture.create(number, &[("a", "1")])?;
        must_be!(fixture.stored(&key, now)?, Some(json!({"a": 1})), "the session after create");
        done_at(&storage.commit(&key, &commit_at(setting("a", "2"), now))?)?;
        must_be!(fixture.stored(&key, now)?, Some(json!({"a": 2})), "the session after commit");
        must_be!(storage.remove(&key)?, Removed::Done, "a remove");
        must_be!(fixture.stored(&key, now)?, None, "the session after remove");
    }
    Ok(())
}

pub(super) fn a_fetch_has_the_entries_it_was_asked_for(fixture: &Fixture) -> Verdict {
    let (now, key) = (fixture.start, fixture.create(1, &[("a", "1"), ("b", "2"), ("c", "3")])?);
    let Lookup::Found(snapshot) = fixture.storage.fetch(&key, &["a", "c", "no"], &active(now))? else {
        return Err(Flaw::seen("a fetch of a live session found none"));
    };
    let value = |name: &str| snapshot.record.entries.get(name).map(|json| json.as_str().trim().to_owned());
    for (name, wanted) in [("a", Some("1")), ("c", Some("3")), ("no", None)] {
        must_be!(value(name).as_deref(), wanted, "the entry {name}");
    }
    Ok(())
}

pub(super) fn a_fetch_that_is_activity_has_the_tag(fixture: &Fixture) -> Verdict {
    let key = fixture.create(1, &[("a", "1"), ("b", "2"), (TAG, "\"sid\"")])?;
    // A touch may be due at once, or at the end of the request.
    for (names, interval) in [(&["a"][..], IDLE), (&[], IDLE), (&["a"], Duration::ZERO), (&[], Duration::ZERO)] {
        let access = Access::active(fixture.start + SECOND, IDLE, interval);
        let Lookup::Found(snapshot) = fixture.storage.fetch(&key, names, &access)? else {
            return Err(Flaw::seen("a fetch of a live session found none"));
        };
        must_be!(snapshot.record.entries.get_str(TAG), Some("\"sid\""), "the tag of a session that is used");
    }
    Ok(())
}

pub(super) fn a_reader_sees_all_of_a_commit_or_nothing(fixture: &Fixture) -> Verdict {
    const COMMITS: u64 = 200;
    let (storage, now, key) = (&fixture.storage, fixture.start, fixture.create(1, &[("a", "0"), ("b", "0")])?);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 1..=COMMITS {
                let mut changes = setting("a", &n.to_string());
                changes.set("b", n.to_string());
                done_at(&storage.commit(&key, &commit_at(changes, now))?)?;
            }
            Ok::<_, Flaw>(())
        });
        let mut last = 0;
        while !writer.is_finished() {
            let seen = fixture.stored(&key, now)?.unwrap_or(Value::Null);
            must!(seen["a"] == seen["b"], "half a commit: {seen}");
            let n = seen["a"].as_u64().unwrap_or_default();
            must!(n >= last, "{n} after {last}: a reader went back in time");
            last = n;
        }
        writer.join().map_err(|panic| Flaw::panicked(&*panic))?
    })?;
    must_be!(fixture.stored(&key, now)?, Some(json!({"a": COMMITS, "b": COMMITS})), "the session in the end");
    Ok(())
}

pub(super) fn a_principal_of_any_length_is_kept_or_refused(fixture: &Fixture) -> Verdict {
    let (key, record) = (fixture.key(1), fixture.record_of(&"x".repeat(2 << 20), &[("a", "1")]));
    if let Ok(created) = fixture.storage.create(&key, &record, fixture.start) {
        must_be!(created, Created::Done, "a create");
        must!(fixture.found(&key, fixture.start)?.is_some(), "a create was acknowledged, but the session is absent");
    }
    Ok(())
}
