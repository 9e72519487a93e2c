//! What the browsers and the faults of one target share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::{Answer, HangUp, Outcome, Tab},
    fleet::Fleet,
    ledger::{Action, Ledger},
    scope::Scope,
    target::{Keeps, Target},
};

/// How long something may be down before it is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// And once something has not come back by then.
const IMPATIENCE: Duration = Duration::from_millis(500);

/// One target, and what all threads that torture it share.
pub(crate) struct World {
    pub(crate) target: Target,
    pub(crate) fleet: Fleet,
    pub(crate) ledger: Ledger,
    pub(crate) tabs: usize,
    pub(crate) deadline: Instant,
    /// Until when it goes on after the deadline, as long as something is missing.
    pub(crate) last_call: Instant,
    /// Whether all there is to do must have been done.
    pub(crate) is_to_do_all: bool,
    /// Whether Ctrl-C was pressed.
    pub(crate) interrupted: Arc<AtomicBool>,
    /// Whether the second hand has failed.
    pub(crate) is_broken_off: AtomicBool,
    /// Whether something has been down for too long.
    pub(crate) is_down: AtomicBool,
}

impl World {
    pub(crate) fn is_over(&self) -> bool {
        let is_broken_off = self.interrupted.load(Ordering::Relaxed) || self.is_broken_off.load(Ordering::Relaxed);
        let now = Instant::now();
        is_broken_off || now >= self.last_call || (now >= self.deadline && !self.is_missing_something())
    }

    fn is_missing_something(&self) -> bool {
        (self.is_to_do_all && !self.ledger.has_all_deeds()) || !self.ledger.has_all_texts()
    }

    /// Gets a page from one of the services.
    pub(crate) fn ask(&self, tab: &mut Tab, page: &str, cookie: Option<&str>) -> Outcome {
        let (address, path) = self.fleet.somewhere(page);
        tab.ask(address, &path, cookie)
    }

    /// Asks one of the services for a page and hangs up.
    pub(crate) fn hang_up(&self, tab: &mut Tab, page: &str, cookie: Option<&str>, how: HangUp) -> Outcome {
        let (address, path) = self.fleet.somewhere(page);
        tab.hang_up(address, &path, cookie, how)
    }

    pub(crate) const fn sessions_die_with_a_process(&self) -> bool {
        matches!(self.target.keeps(), Keeps::InMemory)
    }

    /// Asks again until there is an answer, or something has been down for too long.
    pub(crate) fn patiently<T>(&self, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
        let begun = Instant::now();
        let patience = if self.is_down.load(Ordering::Relaxed) { IMPATIENCE } else { PATIENCE };
        while begun.elapsed() < patience {
            if let Some(answer) = ask() {
                return Some(answer);
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.is_down.store(true, Ordering::Relaxed);
        None
    }

    /// Whose session a cookie opens; `None` if it opens none.
    pub(crate) fn opens(&self, tab: &mut Tab, scope: Scope, cookie: &str) -> Option<String> {
        self.ledger.note(Action::Probe);
        let page = format!("{}/whoami", scope.path());
        self.patiently(|| match self.ask(tab, &page, Some(cookie)) {
            Outcome::Answered(Answer { status: 200, body, .. }) => Some(Some(body)),
            Outcome::Answered(Answer { status: 401, .. }) => Some(None),
            _ => None,
        })?
    }

    /// How many sessions of a user live. Only gsession can be asked.
    pub(crate) fn living(&self, tab: &mut Tab, user: &str) -> Option<u64> {
        let page = format!("/sessions?user={user}");
        self.patiently(|| match self.ask(tab, &page, None) {
            Outcome::Answered(Answer { status: 200, body, .. }) => body.parse().ok(),
            _ => None,
        })
    }
}
