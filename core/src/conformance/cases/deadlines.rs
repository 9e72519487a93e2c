//! Deadlines only move forward, and never past the absolute one.

use std::time::Duration;

use crate::{
    Changes, Record,
    conformance::{
        Ability,
        fixture::{Fixture, IDLE, MINUTE, SECOND, active, commit_at, done_at, moved_at, setting},
        verdict::{Flaw, Verdict, must, must_be, must_match},
    },
    record::Commit,
    storage::{Access, Committed, Lookup, Moved, Touched},
};

pub(super) fn a_touch_moves_the_deadline_forward_only(fixture: &Fixture) -> Verdict {
    let (storage, key) = (&fixture.storage, fixture.create(1, &[("a", "1")])?);
    let (early, late) = (fixture.start + MINUTE, fixture.start + 3 * MINUTE);
    let end = late + IDLE;
    must_be!(storage.touch(&key, &active(late))?, Touched::Done(end), "a touch");
    must_be!(storage.touch(&key, &active(early))?, Touched::Done(end), "a touch of a slow request");
    let committed = storage.commit(&key, &commit_at(setting("a", "2"), early))?;
    must_be!(done_at(&committed)?, end, "the deadline that a slow commit answers");
    must_be!(fixture.there(&key, late)?.record.expires_at(), end, "the deadline after a slow commit");
    if fixture.can(Ability::Renewing) {
        let new = fixture.key(2);
        let moved = moved_at(storage.move_to(&key, &new, &commit_at(Changes::default(), early)))?;
        must_be!(moved, end, "the deadline that a slow renewal answers");
        must_be!(fixture.there(&new, late)?.record.expires_at(), end, "the deadline after a slow renewal");
    }
    Ok(())
}

pub(super) fn a_touch_extends_a_session_past_its_first_end(fixture: &Fixture) -> Verdict {
    let (storage, key) = (&fixture.storage, fixture.create(1, &[("a", "1")])?);
    let (half, end) = (fixture.start + IDLE / 2, fixture.start + IDLE);
    must_be!(storage.touch(&key, &active(half))?, Touched::Done(half + IDLE), "a touch");
    must!(fixture.found(&key, end)?.is_some(), "a session that was touched is absent at its first deadline");
    if fixture.can(Ability::Sweeping) {
        must_be!(storage.sweep(end)?.removed, 0, "what sweep removed at the first deadline");
    }
    must!(fixture.found(&key, end)?.is_some(), "a session that was touched is swept at its first deadline");
    must!(fixture.is_absent(&key, half + IDLE)?, "it exists after its second deadline");
    Ok(())
}

pub(super) fn nothing_extends_past_the_absolute_deadline(fixture: &Fixture) -> Verdict {
    let (storage, mut key) = (&fixture.storage, fixture.key(1));
    let (late, end) = (fixture.start + IDLE / 2, fixture.start + IDLE + MINUTE);
    let first = Record { absolute_deadline: Some(end), ..fixture.record(&[("a", "1")]) };
    fixture.create_as(&key, &first)?;
    must_be!(storage.touch(&key, &active(late))?, Touched::Done(end), "a touch");
    must_be!(done_at(&storage.commit(&key, &commit_at(setting("a", "2"), late))?)?, end, "a commit's deadline");
    if fixture.can(Ability::Renewing) {
        let new = fixture.key(2);
        must_be!(
            moved_at(storage.move_to(&key, &new, &commit_at(setting("b", "1"), late)))?,
            end,
            "a renewal's deadline"
        );
        key = new;
    }
    must_be!(fixture.there(&key, late)?.record.absolute_deadline, Some(end), "the absolute deadline");
    must!(fixture.is_absent(&key, end)?, "it exists after its absolute deadline");
    must_match!(storage.touch(&key, &active(end))?, Touched::Gone, "a touch after the absolute deadline");
    Ok(())
}

pub(super) fn a_passive_access_extends_nothing(fixture: &Fixture) -> Verdict {
    let (storage, key) = (&fixture.storage, fixture.create(1, &[("a", "1")])?);
    let (end, passive) = (fixture.start + IDLE, Access::passive(fixture.start + MINUTE));
    let Lookup::Found(snapshot) = storage.load(&key, &passive)? else {
        return Err(Flaw::seen("the session is absent"));
    };
    must!(!snapshot.extended, "a passive load says that it has extended the session");
    must_be!(storage.touch(&key, &passive)?, Touched::Done(end), "a passive touch");
    let committed = storage.commit(&key, &Commit::new(setting("a", "2"), passive))?;
    must_be!(done_at(&committed)?, end, "the deadline that a passive commit answers");
    must_be!(fixture.there(&key, passive.now)?.record.expires_at(), end, "the deadline after passive accesses");
    if fixture.can(Ability::Renewing) {
        let moved = moved_at(storage.move_to(&key, &fixture.key(2), &Commit::new(Changes::default(), passive)))?;
        must_be!(moved, end, "the deadline that a passive renewal answers");
    }
    Ok(())
}

pub(super) fn reading_is_activity_when_a_touch_is_due(fixture: &Fixture) -> Verdict {
    let (storage, key, start) = (&fixture.storage, fixture.create(1, &[("a", "1")])?, fixture.start);
    let access = |now| Access::active(now, IDLE, MINUTE);
    let read = |now| match storage.load(&key, &access(now))? {
        Lookup::Found(snapshot) => Ok(snapshot),
        other => Err(Flaw::seen(format!("a live session was read as {other:?}"))),
    };
    let soon = read(start + (MINUTE - SECOND))?;
    must!(!soon.extended, "a load says that it has extended the session although no touch was due");
    must_be!(soon.record.expires_at(), start + IDLE, "the deadline before a touch is due");
    let due = read(start + MINUTE)?;
    if !due.extended {
        // The storage may leave that to `touch`.
        storage.touch(&key, &access(start + MINUTE))?;
    }
    let end = start + MINUTE + IDLE;
    must_be!(fixture.there(&key, start + MINUTE)?.record.expires_at(), end, "the deadline after a touch was due");
    Ok(())
}

pub(super) fn a_touch_stores_the_timeout_it_extends_with(fixture: &Fixture) -> Verdict {
    let (storage, start, longer) = (&fixture.storage, fixture.start, 3 * IDLE);
    let (due, hour) = (start + MINUTE, 60 * MINUTE);
    let access = |now| Access::active(now, longer, MINUTE);
    let (touched, read) = (fixture.create(1, &[("a", "1")])?, fixture.create(2, &[("a", "1")])?);
    must_be!(storage.touch(&touched, &access(due))?, Touched::Done(due + longer), "a touch by another timeout");
    let Lookup::Found(snapshot) = storage.load(&read, &access(due))? else {
        return Err(Flaw::seen("the session is absent"));
    };
    if snapshot.extended {
        must_be!(snapshot.record.expires_at(), due + longer, "what a load that has extended the session says");
    } else {
        // The storage may leave that to `touch`.
        storage.touch(&read, &access(due))?;
    }
    for (key, how) in [(&touched, "a touch"), (&read, "reading")] {
        must_be!(fixture.there(key, due)?.record.expires_at(), due + longer, "the deadline after {how}");
        // A slow request undoes neither the touch nor the timeout.
        let slow = storage.touch(key, &active(start))?;
        must_be!(slow, Touched::Done(due + longer), "a touch of a slow request after {how}");
    }
    let end = start + (IDLE + hour);
    if fixture.can(Ability::Sweeping) {
        must_be!(storage.sweep(end)?.removed, 0, "what sweep removed after the first timeout");
    }
    for key in [&touched, &read] {
        must!(fixture.found(key, end)?.is_some(), "a session that was touched is absent after its first timeout");
        must!(fixture.is_absent(key, due + longer)?, "it exists after its second timeout");
    }
    Ok(())
}

pub(super) fn stricter_settings_end_what_is_there(fixture: &Fixture) -> Verdict {
    let (storage, hour) = (&fixture.storage, 60 * MINUTE);
    let now = fixture.start + 2 * hour;
    let strict = [
        ("idle timeout", active(now).bounded(hour, None)),
        ("absolute lifetime", active(now).bounded(Duration::MAX, Some(hour))),
    ];
    for (number, (setting_name, access)) in strict.into_iter().enumerate() {
        let key = fixture.create(10 * number, &[("a", "1")])?;
        let commit = Commit::new(setting("b", "2"), access);
        let committed = storage.commit(&key, &commit)?;
        must!(
            matches!(committed, Committed::Gone),
            "a commit under a shorter {setting_name} was answered {committed:?}"
        );
        let touched = storage.touch(&key, &access)?;
        must!(touched == Touched::Gone, "a touch under a shorter {setting_name} was answered {touched:?}");
        if fixture.can(Ability::Renewing) {
            let moved = storage.move_to(&key, &fixture.key(10 * number + 1), &commit)?;
            must!(moved == Moved::Gone, "a renewal under a shorter {setting_name} was answered {moved:?}");
        }
    }
    Ok(())
}
