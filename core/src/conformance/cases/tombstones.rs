//! The tombstones of renewals, with which a repeated login finds the session that the first login created.

use std::time::Duration;

use crate::{
    Changes, StoreKey, Timestamp,
    conformance::{
        fixture::{Fixture, MINUTE, commit_at, moved_at},
        verdict::{Flaw, Verdict, must, must_be, must_match},
    },
    record::Commit,
    storage::{Moved, Removed, SealedId, TOMBSTONE_LIFETIME, Tombstone},
};

/// `length` bytes that do not repeat soon.
fn sealed(length: u16) -> SealedId {
    let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
    SealedId::from_bytes(&bytes)
}

fn moving(sealed: &SealedId, now: Timestamp) -> Commit {
    Commit { sealed: sealed.clone(), ..commit_at(Changes::default(), now) }
}

/// Checks the tombstone under `key`. Compares bytes, because the `Debug` of a sealed id shows nothing.
fn must_leave_tombstone(fixture: &Fixture, key: &StoreKey, now: Timestamp, wanted: &Tombstone) -> Verdict {
    let tombstone = fixture.storage.tombstone(key, now)?;
    let tombstone =
        tombstone.ok_or_else(|| Flaw::seen("a session was renewed, but there is no tombstone under its old key"))?;
    must_be!(tombstone.to, wanted.to, "the new key in a tombstone");
    must_be!(tombstone.at, wanted.at, "the time in a tombstone");
    let (kept, given) = (tombstone.sealed.as_bytes(), wanted.sealed.as_bytes());
    must!(
        kept == given,
        "a sealed id of {} bytes came back as {} bytes, or with other content",
        given.len(),
        kept.len()
    );
    Ok(())
}

pub(super) fn a_tombstone_is_kept_to_the_byte(fixture: &Fixture) -> Verdict {
    let (at, late) = (fixture.start + MINUTE, fixture.start + 2 * MINUTE);
    for (number, length) in [0, 1, 43, 255, 256, 512].into_iter().enumerate() {
        let (from, to) = (fixture.create(2 * number, &[("a", "1")])?, fixture.key(2 * number + 1));
        moved_at(fixture.storage.move_to(&from, &to, &moving(&sealed(length), at)))?;
        must_leave_tombstone(fixture, &from, late, &Tombstone::new(to, at, sealed(length)))?;
    }
    Ok(())
}

pub(super) fn a_tombstone_is_told_as_long_as_it_is_remembered(fixture: &Fixture) -> Verdict {
    let (from, to) = (fixture.create(1, &[("a", "1")])?, fixture.key(2));
    moved_at(fixture.storage.move_to(&from, &to, &moving(&sealed(43), fixture.start)))?;
    let end = fixture.start + TOMBSTONE_LIFETIME;
    let last = fixture.start + (TOMBSTONE_LIFETIME - Duration::from_millis(1));
    must_leave_tombstone(fixture, &from, last, &Tombstone::new(to, fixture.start, sealed(43)))?;
    must_be!(fixture.storage.tombstone(&from, end)?, None, "the tombstone after its time");
    Ok(())
}

pub(super) fn each_move_has_a_tombstone_of_its_own(fixture: &Fixture) -> Verdict {
    let (first, second, third) = (fixture.create(1, &[("a", "1")])?, fixture.key(2), fixture.key(3));
    let (early, late) = (fixture.start + MINUTE, fixture.start + 2 * MINUTE);
    moved_at(fixture.storage.move_to(&first, &second, &moving(&sealed(43), early)))?;
    moved_at(fixture.storage.move_to(&second, &third, &moving(&sealed(44), late)))?;
    must_leave_tombstone(fixture, &first, late, &Tombstone::new(second, early, sealed(43)))?;
    must_leave_tombstone(fixture, &second, late, &Tombstone::new(third, late, sealed(44)))?;
    must_be!(fixture.storage.tombstone(&third, late)?, None, "a tombstone under the session's own key");
    Ok(())
}

pub(super) fn what_was_not_renewed_has_no_tombstone(fixture: &Fixture) -> Verdict {
    let (storage, now) = (&fixture.storage, fixture.start);
    must_be!(storage.tombstone(&fixture.key(1), now)?, None, "the tombstone of a session that never existed");
    let key = fixture.create(2, &[("a", "1")])?;
    must_be!(storage.tombstone(&key, now)?, None, "the tombstone of a live session");
    must_be!(storage.remove(&key)?, Removed::Done, "a remove");
    must_be!(storage.tombstone(&key, now)?, None, "the tombstone of a session that has ended");
    Ok(())
}

pub(super) fn a_tombstone_is_that_of_the_move_that_won(fixture: &Fixture) -> Verdict {
    let storage = &fixture.storage;
    let (from, to, other) = (fixture.create(1, &[("a", "1")])?, fixture.key(2), fixture.key(3));
    let (at, late) = (fixture.start + MINUTE, fixture.start + 2 * MINUTE);
    moved_at(storage.move_to(&from, &to, &moving(&sealed(43), at)))?;
    let first = Tombstone::new(to, at, sealed(43));
    // Repeated because the answer was lost.
    let repeated = storage.move_to(&from, &to, &moving(&sealed(43), late))?;
    must_match!(repeated, Moved::Done { .. } | Moved::Taken | Moved::Renewed(_), "a repeated move");
    must_leave_tombstone(fixture, &from, late, &first)?;
    must_be!(storage.move_to(&from, &other, &moving(&sealed(44), late))?, Moved::Renewed(at), "a second renewal");
    must_leave_tombstone(fixture, &from, late, &first)
}
