//! What was found, and what was done to find it.

mod action;
mod violation;

pub(crate) use action::Action;
pub(crate) use violation::Violation;

use std::{
    collections::VecDeque,
    fmt::Display,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::scope::Scope;

/// How many findings of each kind are kept in words.
const IN_WORDS: usize = 5;
/// How long before a failover something may have been acknowledged that its new primary does not have: replicas that are alive
/// lag by much less, even on a busy machine.
const LAG: Duration = Duration::from_secs(5);
/// How many things that the second hand has done are remembered.
const MARKS: usize = 1_000;
/// How many sessions that have ended are remembered and looked at again: a run may take days.
const GRAVES: usize = 10_000;

/// A session that has ended for good.
#[derive(Debug, Clone)]
pub(crate) struct Dead {
    pub(crate) user: String,
    pub(crate) scope: Scope,
    pub(crate) cookie: String,
    pub(crate) since: Instant,
}

/// The books of one target.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    violations: [AtomicU64; Violation::ALL.len()],
    /// What an asynchronous failover may lose, as documented.
    in_failover: AtomicU64,
    actions: [AtomicU64; Action::ALL.len()],
    findings: Mutex<Vec<(Violation, String)>>,
    /// Texts that no finding contains so far.
    missing: Mutex<Vec<String>>,
    /// What a failover may explain of which nobody knows yet.
    suspicions: Mutex<Vec<Suspicion>>,
    failovers: Mutex<Vec<Failover>>,
    /// What the second hand has done lately.
    marks: Mutex<VecDeque<(Instant, &'static str)>>,
    dead: Mutex<Vec<Dead>>,
    /// When the second hand last began to do harm, and when it had come to its end.
    harm: Mutex<Option<(Instant, Option<Instant>)>>,
}

/// Something that was acknowledged and does not hold any more.
#[derive(Debug)]
pub(crate) struct Suspicion {
    violation: Violation,
    count: u64,
    /// When those were acknowledged of which `count` are lost.
    acknowledged: Vec<Instant>,
    words: String,
}

/// The time in which a primary lost its place.
#[derive(Debug, Clone, Copy)]
struct Failover {
    began: Instant,
    /// `None` while it has not come to its end.
    ended: Option<Instant>,
}

impl Failover {
    /// Whether something that was acknowledged then may be lost with the primary.
    fn may_lose(&self, acknowledged: Instant) -> bool {
        acknowledged + LAG >= self.began && self.ended.is_none_or(|ended| acknowledged <= ended)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// Empty books, which keep a finding in words for each of these texts.
    pub(crate) fn in_search_of(texts: &[String]) -> Self {
        Self { missing: Mutex::new(texts.to_vec()), ..Self::default() }
    }

    /// Whether each text that it is in search of is in a finding.
    pub(crate) fn has_all_texts(&self) -> bool {
        locked(&self.missing).is_empty()
    }

    /// Whether there is nothing to do that has not been done.
    pub(crate) fn has_all_deeds(&self) -> bool {
        Action::ALL.into_iter().all(|action| !action.is_deed() || self.actions(action) > 0)
    }

    pub(crate) fn note(&self, action: Action) {
        self.actions[action as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn actions(&self, action: Action) -> u64 {
        self.actions[action as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn violations(&self, violation: Violation) -> u64 {
        self.violations[violation as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn in_failover(&self) -> u64 {
        self.in_failover.load(Ordering::Relaxed)
    }

    /// The second hand has done something.
    pub(crate) fn mark(&self, what: &'static str) {
        let mut marks = locked(&self.marks);
        if marks.len() == MARKS {
            marks.pop_front();
        }
        marks.push_back((Instant::now(), what));
    }

    /// A time, as people who look for a reason want it.
    fn when(&self, time: Instant) -> String {
        match locked(&self.marks).iter().rev().find(|(mark, _)| *mark <= time) {
            Some((mark, what)) => format!("{} ms after {what}", (time - *mark).as_millis()),
            None => "before anything was broken".to_owned(),
        }
    }

    /// The second hand begins to do harm.
    pub(crate) fn begin_harm(&self) {
        self.note(Action::Fault);
        *locked(&self.harm) = Some((Instant::now(), None));
    }

    /// And everything runs again.
    pub(crate) fn end_harm(&self) {
        if let Some((_, ended)) = &mut *locked(&self.harm) {
            *ended = Some(Instant::now());
        }
    }

    /// Whether no harm has been done since then.
    pub(crate) fn is_calm_since(&self, then: Instant) -> bool {
        locked(&self.harm).is_none_or(|(_, ended)| ended.is_some_and(|ended| ended < then))
    }

    /// A primary is about to be killed.
    pub(crate) fn begin_failover(&self) {
        locked(&self.failovers).push(Failover { began: Instant::now(), ended: None });
    }

    /// It was, and another one serves.
    pub(crate) fn end_failover(&self) {
        if let Some(failover) = locked(&self.failovers).last_mut() {
            failover.ended = Some(Instant::now());
        }
    }

    /// One that nobody has asked for: a primary lost its place between two looks, and was left by its clients a little later.
    pub(crate) fn add_failover(&self, began: Instant, ended: Instant) {
        locked(&self.failovers).push(Failover { began, ended: Some(ended) });
        self.mark("a failover that nobody asked for");
    }

    /// Charges it `count` times with something that no failover explains.
    pub(crate) fn accuse(&self, violation: Violation, count: u64, words: impl FnOnce() -> String) {
        self.add_violation(violation, count, || self.dated(words()));
    }

    fn add_violation(&self, violation: Violation, count: u64, words: impl FnOnce() -> String) {
        self.violations[violation as usize].fetch_add(count, Ordering::Relaxed);
        let words = words();
        let finding = format!("{}: {words}", violation.name());
        let is_sought = {
            let mut missing = locked(&self.missing);
            let before = missing.len();
            missing.retain(|text| !finding.contains(text));
            missing.len() < before
        };
        let mut findings = locked(&self.findings);
        if is_sought || findings.iter().filter(|(held, _)| *held == violation).count() < IN_WORDS {
            findings.push((violation, finding));
        }
    }

    /// What was found, and when.
    fn dated(&self, words: impl Display) -> String {
        format!("{words} (found {})", self.when(Instant::now()))
    }

    /// Suspects it of having lost something `count` times that was acknowledged.
    pub(crate) fn suspect(
        &self,
        violation: Violation,
        count: u64,
        acknowledged: Instant,
        words: impl FnOnce() -> String,
    ) {
        let words = self.dated(format_args!("{}, acknowledged {}", words(), self.when(acknowledged)));
        let acknowledged = std::iter::repeat_n(acknowledged, usize::try_from(count).unwrap_or(usize::MAX)).collect();
        locked(&self.suspicions).push(Suspicion { violation, count, acknowledged, words });
    }

    /// As [`suspect`](Self::suspect), where nobody can tell which of those are lost that were acknowledged.
    pub(crate) fn suspect_some(
        &self,
        violation: Violation,
        count: u64,
        acknowledged: Vec<Instant>,
        words: impl FnOnce() -> String,
    ) {
        let words = self.dated(words());
        locked(&self.suspicions).push(Suspicion { violation, count, acknowledged, words });
    }

    /// The suspicions so far, for [`judge`](Self::judge).
    pub(crate) fn suspicions(&self) -> Vec<Suspicion> {
        std::mem::take(&mut locked(&self.suspicions))
    }

    /// Charges it with what it was suspected of, unless a failover may lose it, of which all are known by now.
    pub(crate) fn judge(&self, suspicions: Vec<Suspicion>) {
        for Suspicion { violation, count, acknowledged, words } in suspicions {
            let excused = {
                let failovers = locked(&self.failovers);
                let may_be_lost = |at: &&Instant| failovers.iter().any(|failover| failover.may_lose(**at));
                count.min(acknowledged.iter().filter(may_be_lost).count() as u64)
            };
            self.in_failover.fetch_add(excused, Ordering::Relaxed);
            if count > excused {
                self.add_violation(violation, count - excused, || words);
            }
        }
    }

    pub(crate) fn findings(&self) -> Vec<String> {
        locked(&self.findings).iter().map(|(_, finding)| finding.clone()).collect()
    }

    pub(crate) fn total(&self) -> u64 {
        Violation::ALL.into_iter().map(|violation| self.violations(violation)).sum()
    }

    /// Remembers a session that has ended, in the place of another one if there are too many.
    pub(crate) fn bury(&self, dead: Dead, random: &mut fastrand::Rng) {
        let mut graves = locked(&self.dead);
        if graves.len() < GRAVES {
            graves.push(dead);
        } else {
            graves[random.usize(..GRAVES)] = dead;
        }
    }

    /// One of those that have ended.
    pub(crate) fn some_dead(&self, random: &mut fastrand::Rng) -> Option<Dead> {
        let dead = locked(&self.dead);
        (!dead.is_empty()).then(|| dead[random.usize(..dead.len())].clone())
    }

    /// All that have ended, in random order.
    pub(crate) fn all_dead(&self, random: &mut fastrand::Rng) -> Vec<Dead> {
        let mut dead = locked(&self.dead).clone();
        random.shuffle(&mut dead);
        dead
    }

    /// Found alive once, a session is not counted again.
    pub(crate) fn forget(&self, user: &str) {
        locked(&self.dead).retain(|dead| dead.user != user);
    }
}
