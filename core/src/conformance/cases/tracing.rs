//! The traces of renewals, with which a repeated login finds the session that the first login created.

use std::time::Duration;

use crate::{
    Changes, StoreKey, Timestamp,
    conformance::{
        fixture::{Fixture, MINUTE, commit_at, moved_at},
        verdict::{Flaw, Verdict, must, must_be, must_match},
    },
    record::Commit,
    storage::{FORWARD_FOR, Moved, Removed, SealedId, Trace},
};

/// `length` bytes that do not repeat soon.
fn sealed(length: u16) -> SealedId {
    let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
    SealedId::from_bytes(&bytes)
}

fn moving(sealed: &SealedId, now: Timestamp) -> Commit {
    Commit { sealed: sealed.clone(), ..commit_at(Changes::default(), now) }
}

/// Checks the trace under `key`. Compares bytes, because the `Debug` of a sealed id shows nothing.
fn must_be_traced(fixture: &Fixture, key: &StoreKey, now: Timestamp, wanted: &Trace) -> Verdict {
    let trace = fixture.storage.trace(key, now)?;
    let trace = trace.ok_or_else(|| Flaw::seen("a session was renewed, but there is no trace under its old key"))?;
    must_be!(trace.to, wanted.to, "the new key in a trace");
    must_be!(trace.at, wanted.at, "the time in a trace");
    let (kept, given) = (trace.sealed.as_bytes(), wanted.sealed.as_bytes());
    must!(
        kept == given,
        "a sealed id of {} bytes came back as {} bytes, or with other content",
        given.len(),
        kept.len()
    );
    Ok(())
}

pub(super) fn a_trace_is_kept_to_the_byte(fixture: &Fixture) -> Verdict {
    let (at, late) = (fixture.start + MINUTE, fixture.start + 2 * MINUTE);
    for (number, length) in [0, 1, 43, 255, 256, 512].into_iter().enumerate() {
        let (from, to) = (fixture.create(2 * number, &[("a", "1")])?, fixture.key(2 * number + 1));
        moved_at(fixture.storage.move_to(&from, &to, &moving(&sealed(length), at)))?;
        must_be_traced(fixture, &from, late, &Trace::new(to, at, sealed(length)))?;
    }
    Ok(())
}

pub(super) fn a_trace_is_told_as_long_as_it_is_remembered(fixture: &Fixture) -> Verdict {
    let (from, to) = (fixture.create(1, &[("a", "1")])?, fixture.key(2));
    moved_at(fixture.storage.move_to(&from, &to, &moving(&sealed(43), fixture.start)))?;
    let end = fixture.start + FORWARD_FOR;
    let last = fixture.start + (FORWARD_FOR - Duration::from_millis(1));
    must_be_traced(fixture, &from, last, &Trace::new(to, fixture.start, sealed(43)))?;
    must_be!(fixture.storage.trace(&from, end)?, None, "the trace after its time");
    Ok(())
}

pub(super) fn each_move_has_a_trace_of_its_own(fixture: &Fixture) -> Verdict {
    let (first, second, third) = (fixture.create(1, &[("a", "1")])?, fixture.key(2), fixture.key(3));
    let (early, late) = (fixture.start + MINUTE, fixture.start + 2 * MINUTE);
    moved_at(fixture.storage.move_to(&first, &second, &moving(&sealed(43), early)))?;
    moved_at(fixture.storage.move_to(&second, &third, &moving(&sealed(44), late)))?;
    must_be_traced(fixture, &first, late, &Trace::new(second, early, sealed(43)))?;
    must_be_traced(fixture, &second, late, &Trace::new(third, late, sealed(44)))?;
    must_be!(fixture.storage.trace(&third, late)?, None, "a trace under the session's own key");
    Ok(())
}

pub(super) fn what_was_not_renewed_has_no_trace(fixture: &Fixture) -> Verdict {
    let (storage, now) = (&fixture.storage, fixture.start);
    must_be!(storage.trace(&fixture.key(1), now)?, None, "the trace of a session that never existed");
    let key = fixture.create(2, &[("a", "1")])?;
    must_be!(storage.trace(&key, now)?, None, "the trace of a live session");
    must_be!(storage.remove(&key)?, Removed::Done, "a remove");
    must_be!(storage.trace(&key, now)?, None, "the trace of a session that has ended");
    Ok(())
}

pub(super) fn a_trace_is_that_of_the_move_that_won(fixture: &Fixture) -> Verdict {
    let storage = &fixture.storage;
    let (from, to, other) = (fixture.create(1, &[("a", "1")])?, fixture.key(2), fixture.key(3));
    let (at, late) = (fixture.start + MINUTE, fixture.start + 2 * MINUTE);
    moved_at(storage.move_to(&from, &to, &moving(&sealed(43), at)))?;
    let first = Trace::new(to, at, sealed(43));
    // Repeated because the answer was lost.
    let repeated = storage.move_to(&from, &to, &moving(&sealed(43), late))?;
    must_match!(repeated, Moved::Done { .. } | Moved::Taken | Moved::Moved(_), "a repeated move");
    must_be_traced(fixture, &from, late, &first)?;
    must_be!(storage.move_to(&from, &other, &moving(&sealed(44), late))?, Moved::Moved(at), "a second renewal");
    must_be_traced(fixture, &from, late, &first)
}
