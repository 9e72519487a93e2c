//! Absent is a value, not an error, and absent sessions stay absent.

use std::time::Duration;

use serde_json::json;

use crate::{
    Changes, StorageErrorKind,
    conformance::{
        Ability,
        fixture::{Fixture, IDLE, active, commit_at, moved_at, setting},
        verdict::{Verdict, must, must_be, must_match},
    },
    storage::{Committed, Created, Lookup, Moved, Removed, Touched},
};

pub(super) fn what_was_never_there_is_absent(fixture: &Fixture) -> Verdict {
    let (storage, now, key) = (&fixture.storage, fixture.start, fixture.key(1));
    must_match!(storage.load(&key, &active(now))?, Lookup::Absent, "a load");
    must_match!(storage.fetch(&key, &["a"], &active(now))?, Lookup::Absent, "a fetch");
    must_match!(storage.commit(&key, &commit_at(setting("a", "1"), now))?, Committed::Gone, "a commit");
    must_match!(storage.touch(&key, &active(now))?, Touched::Gone, "a touch");
    must_match!(storage.remove(&key)?, Removed::Absent, "a remove");
    if fixture.can(Ability::Renewing) {
        let moved = storage.move_to(&key, &fixture.key(2), &commit_at(setting("a", "1"), now))?;
        must_match!(moved, Moved::Gone, "a move");
        must!(fixture.is_absent(&fixture.key(2), now)?, "moving a session that does not exist has created one");
    }
    if fixture.can(Ability::Listing) {
        must!(storage.find("ada", now)?.is_empty(), "find lists a session, but there is none");
    }
    must!(fixture.is_absent(&key, now)?, "asking for a session that never existed has created one");
    must!(fixture.survivors(now)?.is_none_or(|living| living == 0), "sweep counts a session, but there is none");
    Ok(())
}

pub(super) fn what_has_expired_is_absent(fixture: &Fixture) -> Verdict {
    let (storage, key) = (&fixture.storage, fixture.create(1, &[("a", "1")])?);
    let last = fixture.start + (IDLE - Duration::from_millis(1));
    let end = fixture.start + IDLE;
    must!(fixture.found(&key, last)?.is_some(), "it is absent a millisecond before its deadline");
    must!(fixture.is_absent(&key, end)?, "it exists after its deadline");
    must_match!(
        storage.commit(&key, &commit_at(setting("a", "2"), end))?,
        Committed::Gone,
        "a commit after its deadline"
    );
    must_match!(storage.touch(&key, &active(end))?, Touched::Gone, "a touch after its deadline");
    if fixture.can(Ability::Renewing) {
        let moved = storage.move_to(&key, &fixture.key(2), &commit_at(Changes::default(), end))?;
        must_match!(moved, Moved::Gone, "a move after its deadline");
        must!(fixture.is_absent(&fixture.key(2), end)?, "a move after its deadline has revived it under another key");
    }
    must!(fixture.is_absent(&key, end)?, "an operation after its deadline has revived it");
    // By a slow clock it still exists, unless it was removed. But it is unchanged.
    if let Some(left) = fixture.stored(&key, last)? {
        must_be!(left, json!({"a": 1}), "an operation after its deadline changed it");
    }
    Ok(())
}

pub(super) fn nothing_comes_back_after_remove(fixture: &Fixture) -> Verdict {
    let (storage, now, key) = (&fixture.storage, fixture.start, fixture.create(1, &[("a", "1")])?);
    let before = fixture.there(&key, now)?;
    must_be!(storage.remove(&key)?, Removed::Done, "a remove");
    let blind = commit_at(setting("b", "2"), now);
    let mut informed = blind.clone();
    informed.base = Some(before);
    for commit in [&blind, &informed] {
        must_match!(storage.commit(&key, commit)?, Committed::Gone, "a commit after remove");
        must_match!(storage.touch(&key, &active(now))?, Touched::Gone, "a touch after remove");
        if fixture.can(Ability::Renewing) {
            must_match!(storage.move_to(&key, &fixture.key(2), commit)?, Moved::Gone, "a move after remove");
            must!(fixture.is_absent(&fixture.key(2), now)?, "a move after remove has revived it under another key");
        }
        must!(fixture.is_absent(&key, now)?, "an operation after remove has revived it");
    }
    must_be!(storage.remove(&key)?, Removed::Absent, "a second remove");
    must!(fixture.survivors(now)?.is_none_or(|living| living == 0), "a session exists under another key");
    Ok(())
}

pub(super) fn what_is_lacking_says_so(fixture: &Fixture) -> Verdict {
    let (storage, now, key) = (&fixture.storage, fixture.start, fixture.create(1, &[("a", "1")])?);
    if !fixture.can(Ability::Renewing) {
        let kind =
            storage.move_to(&key, &fixture.key(2), &commit_at(Changes::default(), now)).err().map(|error| error.kind());
        must_be!(kind, Some(StorageErrorKind::Unsupported), "a move");
    }
    if fixture.can(Ability::Renewing) && !fixture.can(Ability::Tombstones) {
        let (from, to) = (fixture.create(3, &[("a", "1")])?, fixture.key(4));
        moved_at(storage.move_to(&from, &to, &commit_at(Changes::default(), now)))?;
        must_be!(storage.tombstone(&from, now)?, None, "the tombstone of a renewal");
    }
    if !fixture.can(Ability::Listing) {
        let kind = storage.find("ada", now).err().map(|error| error.kind());
        must_be!(kind, Some(StorageErrorKind::Unsupported), "find");
    }
    if !fixture.can(Ability::Counting) {
        let kind = storage.count(now).err().map(|error| error.kind());
        must_be!(kind, Some(StorageErrorKind::Unsupported), "count");
    }
    if !fixture.can(Ability::Scanning) {
        let kind = storage.scan(None, now).err().map(|error| error.kind());
        must_be!(kind, Some(StorageErrorKind::Unsupported), "scan");
    }
    must_be!(fixture.stored(&key, now)?, Some(json!({"a": 1})), "the session afterwards");
    must_match!(storage.create(&key, &fixture.record(&[]), now)?, Created::Exists, "a create under its key");
    Ok(())
}
