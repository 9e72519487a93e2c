//! A session whose user asked to be remembered lives by its own deadlines.

use std::time::Duration;

use crate::{
    Changes, Record, StoreKey, Timestamp,
    conformance::{
        Ability,
        fixture::{Fixture, IDLE, MINUTE, SECOND, done_at, moved_at, setting},
        verdict::{Flaw, Verdict, must, must_be, must_match},
    },
    record::{Commit, Lifespan},
    storage::{Access, Committed, Lookup, Moved, Touched},
};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// The deadlines of a remembered session: longer than those of its manager.
const OWN_IDLE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const OWN_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// An access by a manager whose sessions end soon.
fn strict(now: Timestamp) -> Access {
    Access::active(now, HOUR, MINUTE).bounded(HOUR, Some(2 * HOUR))
}

fn remembering(idle_timeout: Duration, until: Timestamp) -> Changes {
    let mut changes = setting("n", "1");
    changes.set_lifespan(Lifespan::Own { idle_timeout, until });
    changes
}

/// A session that a login made a remembered one, without having read it.
fn remembered(fixture: &Fixture, number: usize) -> Verdict<StoreKey> {
    let (key, start) = (fixture.create(number, &[("a", "1")])?, fixture.start);
    let commit = Commit::new(remembering(OWN_IDLE, start + OWN_LIFE), strict(start));
    must_be!(done_at(&fixture.storage.commit(&key, &commit)?)?, start + OWN_IDLE, "the deadline that a login answers");
    Ok(key)
}

/// The deadlines that are stored under a key, which must be the session's own.
fn own_deadlines(fixture: &Fixture, key: &StoreKey, now: Timestamp) -> Verdict<(Timestamp, Option<Timestamp>)> {
    let record = fixture.there(key, now)?.record;
    must!(record.is_remembered, "the record does not say that the session is remembered");
    Ok((record.expires_at(), record.absolute_deadline))
}

pub(super) fn a_remembered_session_lives_by_its_own_deadlines(fixture: &Fixture) -> Verdict {
    let (storage, start, key) = (&fixture.storage, fixture.start, remembered(fixture, 1)?);
    let until = start + OWN_LIFE;
    // Each time it was unused for longer than its manager allows.
    let mut now = start + IDLE;
    must_be!(storage.touch(&key, &strict(now))?, Touched::Done(now + OWN_IDLE), "a touch under stricter settings");
    must_be!(own_deadlines(fixture, &key, now)?, (now + OWN_IDLE, Some(until)), "the deadlines after a touch");
    now = now + IDLE;
    match storage.load(&key, &strict(now))? {
        Lookup::Found(read) if read.extended => must_be!(read.record.expires_at(), now + OWN_IDLE, "what a load says"),
        // The storage may leave that to `touch`.
        Lookup::Found(_) => drop(storage.touch(&key, &strict(now))?),
        other => return Err(Flaw::seen(format!("a remembered session was read as {other:?}"))),
    }
    must_be!(own_deadlines(fixture, &key, now)?, (now + OWN_IDLE, Some(until)), "the deadlines after a read");
    for has_read in [false, true] {
        now = now + IDLE;
        let mut commit = Commit::new(setting("n", "2"), strict(now));
        commit.base = if has_read { Some(fixture.there(&key, now)?) } else { None };
        let committed = storage.commit(&key, &commit)?;
        must_be!(done_at(&committed)?, now + OWN_IDLE, "the deadline that a commit answers");
        must_match!(committed, Committed::Done { is_remembered: true, .. }, "a commit to a remembered session");
        must_be!(own_deadlines(fixture, &key, now)?, (now + OWN_IDLE, Some(until)), "the deadlines after a commit");
    }
    let (end, before) = (now + OWN_IDLE, now + (OWN_IDLE - SECOND));
    if fixture.can(Ability::Sweeping) {
        must_be!(storage.sweep(before)?.removed, 0, "what sweep removed before it has ended");
    }
    must!(fixture.found(&key, before)?.is_some(), "it is absent before its own idle timeout");
    must!(fixture.is_absent(&key, end)?, "it exists after its own idle timeout");
    must_match!(storage.touch(&key, &strict(end))?, Touched::Gone, "a touch after its own idle timeout");
    let used = fixture.key(2);
    let mut record = Record::new(start, OWN_IDLE, Some(until));
    record.is_remembered = true;
    fixture.create_as(&used, &record)?;
    for day in (6..30).step_by(6) {
        now = start + day * IDLE;
        let end = (now + OWN_IDLE).min(until);
        must_be!(storage.touch(&used, &strict(now))?, Touched::Done(end), "a touch of one that was created so");
    }
    must!(fixture.is_absent(&used, until)?, "it exists after its own absolute deadline");
    Ok(())
}

pub(super) fn a_short_remembered_session_in_use_does_not_end(fixture: &Fixture) -> Verdict {
    let (storage, start) = (&fixture.storage, fixture.start);
    let (touched, written) = (fixture.create(1, &[("a", "1")])?, fixture.create(2, &[("a", "1")])?);
    // A touch within an hour of the last one is not due, but these two would have ended by then.
    let access = |now| Access::active(now, IDLE, HOUR);
    let mut now = start;
    for key in [&touched, &written] {
        let commit = Commit::new(remembering(10 * SECOND, start + MINUTE), access(start));
        must_be!(done_at(&storage.commit(key, &commit)?)?, start + 10 * SECOND, "the deadline that a login answers");
    }
    for _ in 0..7 {
        now = now + 8 * SECOND;
        let end = (now + 10 * SECOND).min(start + MINUTE);
        must_be!(storage.touch(&touched, &access(now))?, Touched::Done(end), "a touch of a short session");
        let committed = storage.commit(&written, &Commit::new(setting("n", "1"), access(now)))?;
        must_be!(done_at(&committed)?, end, "the deadline that a commit to a short session answers");
    }
    for key in [&touched, &written] {
        must!(fixture.is_absent(key, start + MINUTE)?, "it exists after its absolute deadline");
    }
    Ok(())
}

pub(super) fn a_move_keeps_or_sets_own_deadlines(fixture: &Fixture) -> Verdict {
    let (storage, start, first) = (&fixture.storage, fixture.start, remembered(fixture, 1)?);
    let [second, third] = [2, 3].map(|number| fixture.key(number));
    let mut now = start + IDLE;
    let moved = storage.move_to(&first, &second, &Commit::new(setting("n", "2"), strict(now)))?;
    must_match!(moved, Moved::Done { is_remembered: true, .. }, "the renewal of a remembered session");
    must_be!(moved_at(Ok(moved))?, now + OWN_IDLE, "the deadline that a renewal answers");
    let kept = own_deadlines(fixture, &second, now)?;
    must_be!(kept, (now + OWN_IDLE, Some(start + OWN_LIFE)), "the deadlines after a renewal");
    now = now + IDLE;
    let login = Commit::new(remembering(3 * IDLE, now + 5 * IDLE), strict(now));
    must_be!(moved_at(storage.move_to(&second, &third, &login))?, now + 3 * IDLE, "the deadline that a login answers");
    let set = own_deadlines(fixture, &third, now)?;
    must_be!(set, (now + 3 * IDLE, Some(now + 5 * IDLE)), "the deadlines after a login");
    must!(fixture.is_absent(&third, now + 3 * IDLE)?, "it exists after the idle timeout that a login has set");
    Ok(())
}

pub(super) fn an_ordinary_login_takes_back_own_deadlines(fixture: &Fixture) -> Verdict {
    let (storage, start) = (&fixture.storage, fixture.start);
    // Longer than an ordinary session may live.
    let now = start + 3 * HOUR;
    for (number, has_read) in [(10, false), (20, true)] {
        let key = remembered(fixture, number)?;
        let mut login = setting("n", "2");
        login.set_lifespan(Lifespan::Managers);
        let mut commit = Commit::new(login, strict(now));
        commit.base = if has_read { Some(fixture.there(&key, now)?) } else { None };
        let committed = storage.commit(&key, &commit)?;
        must_be!(done_at(&committed)?, now + HOUR, "the deadline that an ordinary login answers");
        must_match!(committed, Committed::Done { is_remembered: false, .. }, "an ordinary login");
        let record = fixture.there(&key, now)?.record;
        must!(!record.is_remembered, "the record still says that the session is remembered");
        must_be!(record.absolute_deadline, Some(now + 2 * HOUR), "the absolute deadline after an ordinary login");
        must_match!(storage.touch(&key, &strict(now + HOUR))?, Touched::Gone, "a touch after the manager's timeout");
    }
    Ok(())
}

pub(super) fn a_listing_says_who_is_remembered(fixture: &Fixture) -> Verdict {
    let (storage, start) = (&fixture.storage, fixture.start);
    let (key, other) = (fixture.create(1, &[("a", "1")])?, fixture.key(2));
    fixture.create_as(&other, &fixture.record_of("ada", &[]))?;
    let mut login = remembering(OWN_IDLE, start + OWN_LIFE);
    login.set_principal(Some("ada".into()));
    done_at(&storage.commit(&key, &Commit::new(login, strict(start)))?)?;
    let mut listed = storage.find("ada", start)?;
    listed.sort_by_key(|found| found.key != key);
    let all: Vec<_> = listed.iter().map(|found| (found.key, found.record.is_remembered)).collect();
    must_be!(all, vec![(key, true), (other, false)], "the sessions of the principal, and whether they are remembered");
    // An index that goes by the settings of the manager would have lost it.
    let late = start + (OWN_IDLE - SECOND);
    must!(
        storage.find("ada", late)?.iter().any(|found| found.key == key),
        "a remembered session is not listed any more"
    );
    Ok(())
}
