//! Deadlines only move forward, and never past the absolute one.

use std::time::Duration;

use crate::{
    Changes, Record,
    conformance::{
        Ability,
        case::{Flaw, Verdict, must, must_be, must_match},
        stage::{IDLE, MINUTE, SECOND, Stage, active, commit_at, done_at, moved_at, setting},
    },
    record::Commit,
    storage::{Access, Committed, Lookup, Moved, Touched},
};

pub(super) fn a_touch_moves_the_deadline_forward_only(stage: &Stage) -> Verdict {
    let (storage, key) = (&stage.storage, stage.create(1, &[("a", "1")])?);
    let (early, late) = (stage.start + MINUTE, stage.start + 3 * MINUTE);
    let end = late + IDLE;
    must_be!(storage.touch(&key, &active(late))?, Touched::Done(end), "a touch");
    must_be!(storage.touch(&key, &active(early))?, Touched::Done(end), "a touch of a slow request");
    let committed = storage.commit(&key, &commit_at(setting("a", "2"), early))?;
    must_be!(done_at(&committed)?, end, "the deadline that a slow commit answers");
    must_be!(stage.there(&key, late)?.record.expires_at(), end, "the deadline after a slow commit");
    if stage.can(Ability::Renewing) {
        let new = stage.key(2);
        let moved = moved_at(storage.move_to(&key, &new, &commit_at(Changes::default(), early)))?;
        must_be!(moved, end, "the deadline that a slow renewal answers");
        must_be!(stage.there(&new, late)?.record.expires_at(), end, "the deadline after a slow renewal");
    }
    Ok(())
}

pub(super) fn a_touch_extends_a_session_past_its_first_end(stage: &Stage) -> Verdict {
    let (storage, key) = (&stage.storage, stage.create(1, &[("a", "1")])?);
    let (half, end) = (stage.start + IDLE / 2, stage.start + IDLE);
    must_be!(storage.touch(&key, &active(half))?, Touched::Done(half + IDLE), "a touch");
    must!(stage.found(&key, end)?.is_some(), "a session that was touched is gone at its first deadline");
    if stage.can(Ability::Sweeping) {
        must_be!(storage.sweep(end)?.removed, 0, "what sweep removed at the first deadline");
    }
    must!(stage.found(&key, end)?.is_some(), "a session that was touched is swept at its first deadline");
    must!(stage.is_absent(&key, half + IDLE)?, "it is there after its second deadline");
    Ok(())
}

pub(super) fn nothing_extends_past_the_absolute_deadline(stage: &Stage) -> Verdict {
    let (storage, mut key) = (&stage.storage, stage.key(1));
    let (late, end) = (stage.start + IDLE / 2, stage.start + IDLE + MINUTE);
    let first = Record { absolute_deadline: Some(end), ..stage.record(&[("a", "1")]) };
    stage.create_as(&key, &first)?;
    must_be!(storage.touch(&key, &active(late))?, Touched::Done(end), "a touch");
    must_be!(done_at(&storage.commit(&key, &commit_at(setting("a", "2"), late))?)?, end, "a commit's deadline");
    if stage.can(Ability::Renewing) {
        let new = stage.key(2);
        must_be!(
            moved_at(storage.move_to(&key, &new, &commit_at(setting("b", "1"), late)))?,
            end,
            "a renewal's deadline"
        );
        key = new;
    }
    must_be!(stage.there(&key, late)?.record.absolute_deadline, Some(end), "the absolute deadline");
    must!(stage.is_absent(&key, end)?, "it is there after its absolute deadline");
    must_match!(storage.touch(&key, &active(end))?, Touched::Gone, "a touch after the absolute deadline");
    Ok(())
}

pub(super) fn a_passive_access_extends_nothing(stage: &Stage) -> Verdict {
    let (storage, key) = (&stage.storage, stage.create(1, &[("a", "1")])?);
    let (end, passive) = (stage.start + IDLE, Access::passive(stage.start + MINUTE));
    let Lookup::Found(snapshot) = storage.load(&key, &passive)? else { return Err(Flaw::seen("it is not there")) };
    must!(!snapshot.extended, "a passive load says that it has extended the session");
    must_be!(storage.touch(&key, &passive)?, Touched::Done(end), "a passive touch");
    let committed = storage.commit(&key, &Commit::new(setting("a", "2"), passive))?;
    must_be!(done_at(&committed)?, end, "the deadline that a passive commit answers");
    must_be!(stage.there(&key, passive.now)?.record.expires_at(), end, "the deadline after passive accesses");
    if stage.can(Ability::Renewing) {
        let moved = moved_at(storage.move_to(&key, &stage.key(2), &Commit::new(Changes::default(), passive)))?;
        must_be!(moved, end, "the deadline that a passive renewal answers");
    }
    Ok(())
}

pub(super) fn reading_is_activity_when_a_touch_is_due(stage: &Stage) -> Verdict {
    let (storage, key, start) = (&stage.storage, stage.create(1, &[("a", "1")])?, stage.start);
    let access = |now| Access::active(now, IDLE, MINUTE);
    let read = |now| match storage.load(&key, &access(now))? {
        Lookup::Found(snapshot) => Ok(snapshot),
        other => Err(Flaw::seen(format!("a living session was read as {other:?}"))),
    };
    let soon = read(start + (MINUTE - SECOND))?;
    must!(!soon.extended, "a load says that it has extended the session, and that was not due");
    must_be!(soon.record.expires_at(), start + IDLE, "the deadline before a touch is due");
    let due = read(start + MINUTE)?;
    if !due.extended {
        // It may leave that to `touch`.
        storage.touch(&key, &access(start + MINUTE))?;
    }
    let end = start + MINUTE + IDLE;
    must_be!(stage.there(&key, start + MINUTE)?.record.expires_at(), end, "the deadline after a touch was due");
    Ok(())
}

pub(super) fn a_touch_stores_the_timeout_it_extends_with(stage: &Stage) -> Verdict {
    let (storage, start, longer) = (&stage.storage, stage.start, 3 * IDLE);
    let (due, hour) = (start + MINUTE, 60 * MINUTE);
    let access = |now| Access::active(now, longer, MINUTE);
    let (touched, read) = (stage.create(1, &[("a", "1")])?, stage.create(2, &[("a", "1")])?);
    must_be!(storage.touch(&touched, &access(due))?, Touched::Done(due + longer), "a touch by another timeout");
    let Lookup::Found(snapshot) = storage.load(&read, &access(due))? else { return Err(Flaw::seen("it is not there")) };
    if snapshot.extended {
        must_be!(snapshot.record.expires_at(), due + longer, "what a load that has extended the session says");
    } else {
        // It may leave that to `touch`.
        storage.touch(&read, &access(due))?;
    }
    for (key, how) in [(&touched, "a touch"), (&read, "reading")] {
        must_be!(stage.there(key, due)?.record.expires_at(), due + longer, "the deadline after {how}");
        // A slow request takes neither the time nor the timeout back.
        let slow = storage.touch(key, &active(start))?;
        must_be!(slow, Touched::Done(due + longer), "a touch of a slow request after {how}");
    }
    let end = start + (IDLE + hour);
    if stage.can(Ability::Sweeping) {
        must_be!(storage.sweep(end)?.removed, 0, "what sweep removed after the first timeout");
    }
    for key in [&touched, &read] {
        must!(stage.found(key, end)?.is_some(), "a session that was touched is gone after its first timeout");
        must!(stage.is_absent(key, due + longer)?, "it is there after its second timeout");
    }
    Ok(())
}

pub(super) fn stricter_settings_end_what_is_there(stage: &Stage) -> Verdict {
    let (storage, hour) = (&stage.storage, 60 * MINUTE);
    let now = stage.start + 2 * hour;
    let strict = [
        ("idle timeout", active(now).bounded(hour, None)),
        ("absolute lifetime", active(now).bounded(Duration::MAX, Some(hour))),
    ];
    for (number, (setting_name, access)) in strict.into_iter().enumerate() {
        let key = stage.create(10 * number, &[("a", "1")])?;
        let commit = Commit::new(setting("b", "2"), access);
        let committed = storage.commit(&key, &commit)?;
        must!(
            matches!(committed, Committed::Gone),
            "a commit under a shorter {setting_name} was answered {committed:?}"
        );
        let touched = storage.touch(&key, &access)?;
        must!(touched == Touched::Gone, "a touch under a shorter {setting_name} was answered {touched:?}");
        if stage.can(Ability::Renewing) {
            let moved = storage.move_to(&key, &stage.key(10 * number + 1), &commit)?;
            must!(moved == Moved::Gone, "a renewal under a shorter {setting_name} was answered {moved:?}");
        }
    }
    Ok(())
}
