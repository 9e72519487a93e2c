//! Listing all sessions, page by page, so that each can be moved or rewritten.

use std::collections::BTreeSet;

use crate::{
    Changes, Record, StoreKey, Timestamp,
    conformance::{
        Ability,
        fixture::{Fixture, MINUTE, commit_at, done_at, moved_at, setting},
        verdict::{Verdict, must, must_be},
    },
    record::reserved::OF_LISTS,
    storage::{Removed, ScanCursor},
};

/// More than a page may have.
const MANY: usize = 1_200;
/// More than a page should have.
const SOME: usize = 600;
/// Far more than a page should have. What counts is that a caller can hold it.
const LONG_PAGE: usize = 1_000;
/// More pages than any storage needs for so few sessions.
const PAGES: usize = 10_000;

/// A scan of which some pages were read.
struct Scan<'a> {
    fixture: &'a Fixture,
    now: Timestamp,
    next: Option<ScanCursor>,
    cursors: BTreeSet<String>,
    listed: Vec<StoreKey>,
}

impl<'a> Scan<'a> {
    /// Reads the first page.
    fn begin(fixture: &'a Fixture, now: Timestamp) -> Verdict<Self> {
        let mut scan = Self { fixture, now, next: None, cursors: BTreeSet::new(), listed: Vec::new() };
        scan.page()?;
        Ok(scan)
    }

    fn page(&mut self) -> Verdict {
        let page = self.fixture.storage.scan(self.next.as_ref(), self.now)?;
        must!(page.keys.len() <= LONG_PAGE, "{} keys are in one page", page.keys.len());
        self.listed.extend(page.keys);
        self.next = None;
        if let Some(next) = page.next {
            // As it is printed by one process and read by another.
            let text = next.to_string();
            self.next = text.parse().ok();
            must_be!(self.next.as_ref(), Some(&next), "a cursor that was printed and read");
            let is_new = self.cursors.insert(text);
            must!(is_new && self.cursors.len() < PAGES, "the scan never ends");
        }
        Ok(())
    }

    /// Reads the pages that are left. Returns all keys, how often each was listed.
    fn end(mut self) -> Verdict<Vec<StoreKey>> {
        while self.next.is_some() {
            self.page()?;
        }
        Ok(self.listed)
    }
}

pub(super) fn a_scan_lists_all_that_lives(fixture: &Fixture) -> Verdict {
    let (storage, later) = (&fixture.storage, fixture.start + MINUTE);
    must_be!(Scan::begin(fixture, later)?.end()?, [], "the sessions of an empty storage");
    let (mut living, mut removed) = (BTreeSet::new(), 0);
    for number in 0..MANY {
        let (key, anonymous) = (fixture.key(number), fixture.record(&[("a", "1")]));
        let record = match number % 10 {
            0..=5 => anonymous,
            6 => fixture.record_of("ada", &[("a", "1")]),
            7 => Record { absolute_deadline: Some(later + MINUTE), ..fixture.record(&[]) },
            8 => Record { idle_timeout: MINUTE, ..anonymous },
            _ => fixture.record(&[(OF_LISTS[number / 10 % OF_LISTS.len()], "1")]),
        };
        let lives = !record.is_expired(later);
        fixture.create_as(&key, &record)?;
        if number % 100 == 0 {
            must_be!(storage.remove(&key)?, Removed::Done, "a remove");
            removed += 1;
        } else if lives {
            living.insert(key);
        }
    }
    let listed = Scan::begin(fixture, later)?.end()?;
    must!(listed.len() <= 2 * living.len(), "{} sessions were listed {} times", living.len(), listed.len());
    let listed: BTreeSet<_> = listed.into_iter().collect();
    must_be!(living.difference(&listed).count(), 0, "the living sessions that are not listed");
    // A storage may have left tombstones where it has removed something, and they may lead to where nothing is.
    let dead = listed.difference(&living).count();
    must!(dead <= removed, "{dead} keys are listed under which nothing lives");
    let foreign: Option<ScanCursor> = "?".parse().ok();
    must!(storage.scan(foreign.as_ref(), later).is_err(), "a cursor that is not from this storage leads somewhere");
    Ok(())
}

pub(super) fn what_changes_during_a_scan_is_listed(fixture: &Fixture) -> Verdict {
    let (storage, now) = (&fixture.storage, fixture.start);
    let keys: Vec<_> = (0..SOME).map(|number| fixture.key(number)).collect();
    for key in &keys {
        fixture.create_as(key, &fixture.record_of("ada", &[("a", "1")]))?;
    }
    let mut scan = Scan::begin(fixture, now)?;
    must!(scan.next.is_some(), "{SOME} keys are in one page");
    let mut living: BTreeSet<_> = keys.iter().copied().collect();
    // Every second of those that were listed ends.
    for key in scan.listed.clone().iter().step_by(2) {
        if living.remove(key) {
            must_be!(storage.remove(key)?, Removed::Done, "a remove");
        }
    }
    let long = format!("\"{}\"", "x".repeat(500));
    for key in living.iter().filter(|key| key.as_bytes()[0] % 4 == 0) {
        done_at(&storage.commit(key, &commit_at(setting("b", &long), now))?)?;
    }
    for number in SOME..SOME + SOME / 10 {
        fixture.create(number, &[("a", "1")])?;
        scan.page()?;
        if scan.next.is_none() {
            break;
        }
    }
    let listed: BTreeSet<_> = if scan.next.is_some() { scan.end()? } else { scan.listed }.into_iter().collect();
    must_be!(living.difference(&listed).count(), 0, "the living sessions that are not listed");
    Ok(())
}

pub(super) fn what_is_renewed_during_a_scan_is_listed(fixture: &Fixture) -> Verdict {
    let (storage, now) = (&fixture.storage, fixture.start);
    for number in 0..SOME {
        fixture.create(number, &[("a", "1")])?;
    }
    let scan = Scan::begin(fixture, now)?;
    let mut living = BTreeSet::new();
    for number in 0..SOME {
        let (mut at, to) = (fixture.key(number), fixture.key(SOME + number));
        if number % 8 > 0 && scan.listed.contains(&at) {
            living.insert(at);
            continue;
        }
        // Some twice.
        for to in [to].into_iter().chain((number % 3 == 0).then(|| fixture.key(2 * SOME + number))) {
            moved_at(storage.move_to(&at, &to, &commit_at(Changes::default(), now)))?;
            at = to;
        }
        living.insert(at);
    }
    let mut reached = BTreeSet::new();
    for mut key in scan.end()? {
        let mut hops = 0;
        while let Some(tombstone) = storage.tombstone(&key, now)? {
            key = tombstone.to;
            hops += 1;
            must!(hops < 10, "the tombstones of renewals lead nowhere");
        }
        reached.insert(key);
    }
    must_be!(living.difference(&reached).count(), 0, "the renewed sessions to which no listed key leads");
    if fixture.can(Ability::Counting) {
        must_be!(storage.count(now)?, living.len() as u64, "the sessions after the scan");
    }
    Ok(())
}
