//! Those who wait for the end of a session.

use std::{
    sync::Arc,
    task::{Context, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use crate::{
    StoreKey, Timestamp,
    conformance::{
        fixture::{Fixture, MINUTE, commit_at, done_at, moved_at, setting},
        verdict::{Flaw, Verdict, must, must_be},
    },
    record::{Commit, Lifespan},
    storage::{Access, Lookup, Removed, WATCH_INTERVAL, Watched},
};

/// How long a storage may take that looks for changes now and then.
const LONGEST: Duration = Duration::from_secs(2 * WATCH_INTERVAL.as_secs());

/// Whether what was seen at a look is what was waited for.
type Shows = fn(&Lookup) -> bool;

/// Somebody who waits at a key.
struct Waiting<'a> {
    fixture: &'a Fixture,
    key: StoreKey,
    watched: Watched,
    now: Timestamp,
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<'a> Waiting<'a> {
    /// `None` if the storage tells nothing. Those who wait then look now and then.
    fn at(fixture: &'a Fixture, key: StoreKey, now: Timestamp) -> Verdict<Option<Self>> {
        let Some(watched) = fixture.storage.watch(&key) else { return Ok(None) };
        must!(fixture.found(&key, now)?.is_some(), "a session that must exist does not");
        Ok(Some(Self { fixture, key, watched, now }))
    }

    /// Waits until a look shows it. Only what was told leads to a look.
    fn must_see(mut self, what: &str, shows: Shows) -> Verdict {
        let start = Instant::now();
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            if self.watched.poll_changed(&mut context).is_ready() {
                let seen = self.fixture.storage.load(&self.key, &Access::passive(self.now))?;
                if shows(&seen) {
                    return Ok(());
                }
            } else if start.elapsed() > LONGEST {
                return Err(Flaw::seen(format!("those who wait were not told of {what} within {LONGEST:?}")));
            } else {
                thread::park_timeout(LONGEST.saturating_sub(start.elapsed()));
            }
        }
    }
}

pub(super) fn an_end_is_told_to_those_who_wait(fixture: &Fixture) -> Verdict {
    let (key, now) = (fixture.create(1, &[("a", "1")])?, fixture.start);
    let other = fixture.create(2, &[("a", "1")])?;
    let (Some(first), Some(second)) = (Waiting::at(fixture, key, now)?, Waiting::at(fixture, key, now)?) else {
        return Ok(());
    };
    // Somebody who gives up does not take it from the others.
    drop((Waiting::at(fixture, key, now)?, Waiting::at(fixture, other, now)?));
    must_be!(fixture.storage.remove(&key)?, Removed::Done, "a remove");
    for waiting in [first, second] {
        waiting.must_see("the end of their session", |seen| matches!(seen, Lookup::Absent))?;
    }
    Ok(())
}

pub(super) fn a_move_is_told_to_those_who_wait(fixture: &Fixture) -> Verdict {
    let (from, to, now) = (fixture.create(1, &[("a", "1")])?, fixture.key(2), fixture.start);
    let Some(waiting) = Waiting::at(fixture, from, now)? else { return Ok(()) };
    moved_at(fixture.storage.move_to(&from, &to, &commit_at(setting("b", "2"), now)))?;
    waiting.must_see("a renewal", |seen| matches!(seen, Lookup::Renewed(_)))
}

pub(super) fn an_earlier_deadline_is_told_to_those_who_wait(fixture: &Fixture) -> Verdict {
    let (key, now) = (fixture.create(1, &[("a", "1")])?, fixture.start);
    let Some(waiting) = Waiting::at(fixture, key, now)? else { return Ok(()) };
    let mut changes = setting("b", "2");
    changes.set_lifespan(Lifespan::Own { idle_timeout: MINUTE, until: now + 2 * MINUTE });
    let commit = Commit::new(changes, Access::active(now, MINUTE, MINUTE));
    must_be!(done_at(&fixture.storage.commit(&key, &commit)?)?, now + MINUTE, "the deadline that a login answers");
    waiting.must_see(
        "a deadline that is earlier now",
        |seen| matches!(seen, Lookup::Found(snapshot) if snapshot.record.is_remembered),
    )
}

pub(super) fn another_principal_is_told_to_those_who_wait(fixture: &Fixture) -> Verdict {
    let (key, now) = (fixture.create(1, &[("a", "1")])?, fixture.start);
    let Some(waiting) = Waiting::at(fixture, key, now)? else { return Ok(()) };
    let mut changes = setting("b", "2");
    changes.set_principal(Some("ada".into()));
    done_at(&fixture.storage.commit(&key, &commit_at(changes, now))?)?;
    waiting.must_see(
        "another principal",
        |seen| matches!(seen, Lookup::Found(snapshot) if snapshot.record.principal.as_deref() == Some("ada")),
    )
}
