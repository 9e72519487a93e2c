//! Only `create` creates, and it never overwrites.

use serde_json::{Value, json};

use crate::{
    Changes, Entries, Record,
    conformance::{
        fixture::{Fixture, IDLE, commit_at, moved_at},
        verdict::{Verdict, must, must_be},
    },
    storage::{Created, Removed},
};

pub(super) fn create_stores_the_record_as_it_is(fixture: &Fixture) -> Verdict {
    let now = fixture.start;
    let mut full = Record::new(now, IDLE, Some(now + 3 * IDLE));
    full.entries = fixture.record(&[("cart", "[1,2]"), ("user", "\"ada\"")]).entries;
    full.principal = Some("ada".into());
    let key = fixture.key(1);
    must_be!(fixture.storage.create(&key, &full, now)?, Created::Done, "a create");
    let snapshot = fixture.there(&key, now)?;
    must!(snapshot.complete, "the load does not have all entries");
    let kept = Record { entries: Entries::EMPTY, ..snapshot.record };
    must_be!(kept, Record { entries: Entries::EMPTY, ..full }, "the record");
    must_be!(fixture.stored(&key, now)?, Some(json!({"cart": [1, 2], "user": "ada"})), "the entries");
    Ok(())
}

pub(super) fn create_never_overwrites_a_session(fixture: &Fixture) -> Verdict {
    let (now, key) = (fixture.start, fixture.create(1, &[("a", "1")])?);
    let before = fixture.there(&key, now)?.record;
    must_be!(
        fixture.storage.create(&key, &fixture.record_of("eve", &[("b", "2")]), now)?,
        Created::Exists,
        "a second create"
    );
    must_be!(fixture.there(&key, now)?.record, before, "the session afterwards");
    Ok(())
}

pub(super) fn the_place_of_an_expired_session_is_free(fixture: &Fixture) -> Verdict {
    let key = fixture.create(1, &[("a", "1")])?;
    let later = fixture.start + IDLE;
    let mut fresh = Record::new(later, IDLE, None);
    fresh.entries = fixture.record(&[("b", "2")]).entries;
    must_be!(fixture.storage.create(&key, &fresh, later)?, Created::Done, "a create where a session has expired");
    must_be!(fixture.stored(&key, later)?, Some(json!({"b": 2})), "the new session");
    Ok(())
}

pub(super) fn create_never_overwrites_the_tombstone_of_a_renewal(fixture: &Fixture) -> Verdict {
    let (storage, now, key, new) = (&fixture.storage, fixture.start, fixture.create(1, &[("a", "1")])?, fixture.key(2));
    moved_at(storage.move_to(&key, &new, &commit_at(Changes::default(), now)))?;
    must_be!(storage.create(&key, &fixture.record(&[("b", "2")]), now)?, Created::Exists, "a create under the old key");
    must_be!(storage.remove(&key)?, Removed::Renewed(new), "a remove of the old key");
    must_be!(fixture.stored(&new, now)?, Some(json!({"a": 1})), "the renewed session");
    Ok(())
}

pub(super) fn odd_keys_and_values_survive(fixture: &Fixture) -> Verdict {
    let odd = json!({
        "": "",
        "key with spaces \t\n": null,
        "Größe 名前 🦀": "ß 名 🦀 \u{0} \u{7f} \u{2028}",
        "'; DROP TABLE sessions; --": "\"quoted\" \\ back",
        "../../etc/passwd": [[], {}, [{"": [0]}]],
        "numbers": [0, -1, 9_007_199_254_740_993_u64, 0.5, 1e300],
        "long": "x".repeat(100_000),
    });
    let texts: Vec<_> =
        odd.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value.to_string())).collect();
    let pairs: Vec<_> = texts.iter().map(|(key, json)| (*key, json.as_str())).collect();
    let now = fixture.start;
    // In a new session, and in a changed one.
    let created = fixture.create(1, &pairs)?;
    let changed = fixture.create(2, &[])?;
    let mut changes = Changes::default();
    for (key, json) in &pairs {
        changes.set(key, *json);
    }
    crate::conformance::fixture::done_at(&fixture.storage.commit(&changed, &commit_at(changes, now))?)?;
    for key in [created, changed] {
        let kept = fixture.stored(&key, now)?.unwrap_or(Value::Null);
        let differs = |(key, _): &(&str, String)| kept.get(key) != odd.get(key);
        let wrong: Vec<_> = texts.iter().filter(|entry| differs(entry)).map(|(key, _)| *key).collect();
        must!(wrong.is_empty(), "the entries {wrong:?} came back changed");
        must_be!(kept.as_object().map(serde_json::Map::len), Some(texts.len()), "the number of entries");
    }
    Ok(())
}
