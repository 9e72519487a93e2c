//! Logging in: at once, after hanging up on the first try, and with a double click.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::Episode;
use crate::{
    client::{Answer, HangUp, Outcome, Tab},
    ledger::{Action, Violation},
    target::Keeps,
};

/// For how long after a renewal whose answer was lost a repeated login is sure to find the renewed session. Promised are thirty
/// seconds after it; this is measured from before it, and until after the answer.
const GRACE: Duration = Duration::from_secs(25);
/// How long a session that has been replaced may take to go: nobody sees all of a storage at one moment.
pub(crate) const SETTLES: Duration = Duration::from_secs(2);

impl Episode<'_> {
    /// Begins the session. Gives back whether the user is logged in.
    pub(crate) fn log_in(&self, tab: &mut Tab, random: &mut fastrand::Rng) -> bool {
        let way = random.u8(..10);
        if way >= 3 && !self.visit(tab) {
            return false;
        }
        match way {
            0..4 => {
                self.world.ledger.note(Action::Login);
                let answer = self.ask(tab, &self.login_page(0));
                matches!(answer, Outcome::Answered(Answer { status: 200, .. })) && self.has_cookie()
            }
            4..7 => self.log_in_repeatedly(tab, &self.login_page(slow(random)), random),
            _ => self.click_twice(tab, random),
        }
    }

    /// Logs in by one request, on the device of this name.
    pub(crate) fn log_in_once(&self, tab: &mut Tab, device: &str, slow: u64) -> Outcome {
        self.world.ledger.note(Action::Login);
        self.ask(tab, &format!("{}&label={device}", self.login_page(slow)))
    }

    /// Logs in once more, in the middle of the session, which keeps all that it holds.
    pub(crate) fn log_in_again(&self, tab: &mut Tab, random: &mut fastrand::Rng) -> bool {
        self.facts().renewing = true;
        match random.u8(..3) {
            0 => self.log_in_repeatedly(tab, &self.login_page(slow(random)), random),
            1 => self.log_in_repeatedly(tab, &format!("/renew?slow={}", slow(random)), random),
            _ => self.click_twice(tab, random),
        }
    }

    fn login_page(&self, slow: u64) -> String {
        format!("/login?user={}&slow={slow}", self.user)
    }

    /// Gets a cookie before the login.
    pub(crate) fn visit(&self, tab: &mut Tab) -> bool {
        matches!(self.ask(tab, "/visit"), Outcome::Answered(Answer { status: 200, .. })) && self.has_cookie()
    }

    /// Hangs up on a page that renews the session, and logs in at once with the cookie that is left.
    fn log_in_repeatedly(&self, tab: &mut Tab, page: &str, random: &mut fastrand::Rng) -> bool {
        let begun = Instant::now();
        self.world.ledger.note(Action::HangUp);
        self.facts().login_lingers = true;
        self.world.hang_up(tab, page, self.cookies().as_deref(), HangUp::any(random));
        self.insist(tab, begun)
    }

    /// Logs in until there is an answer.
    fn insist(&self, tab: &mut Tab, begun: Instant) -> bool {
        self.world.ledger.note(Action::Repeat);
        let answered = self.world.patiently(|| match self.ask(tab, &self.login_page(0)) {
            Outcome::Answered(Answer { status: status @ (200 | 401 | 409), .. }) => Some(status),
            _ => None,
        });
        answered.is_some_and(|status| self.is_logged_in(tab, begun, &format!("was answered {status}")))
    }

    /// Sends two logins at the same time. The answers come in either order, and one may get lost.
    fn click_twice(&self, tab: &mut Tab, random: &mut fastrand::Rng) -> bool {
        let (world, begun, cookies) = (self.world, Instant::now(), self.cookies());
        world.ledger.note(Action::DoubleClick);
        let click = |tab: &mut Tab, page: String| world.ask(tab, &page, cookies.as_deref());
        let pages = [self.login_page(slow(random)), self.login_page(slow(random))];
        let mut outcomes = thread::scope(|scope| {
            let [first, second] = pages;
            let other = scope.spawn(|| click(&mut Tab::default(), second));
            let own = click(tab, first);
            [own, other.join().unwrap_or(Outcome::Unknown)]
        });
        self.facts().login_lingers |= outcomes.iter().any(|outcome| matches!(outcome, Outcome::Unknown));
        random.shuffle(&mut outcomes);
        let ids_before = self.facts().ids.len();
        let obeyed = if random.u8(..3) == 0 { &outcomes[1..] } else { &outcomes[..] };
        let mut statuses = Vec::new();
        for outcome in obeyed {
            if let Outcome::Answered(answer) = outcome {
                self.obey(answer, begun);
                statuses.push(answer.status);
            }
        }
        self.own_up(ids_before, &outcomes);
        if statuses.contains(&200) || statuses == [409, 409] {
            self.is_logged_in(tab, begun, &format!("was answered {statuses:?}"))
        } else {
            self.insist(tab, begun)
        }
    }

    /// Which of the cookies that a double click has brought are the session's.
    fn own_up(&self, ids_before: usize, outcomes: &[Outcome]) {
        let mut facts = self.facts();
        if self.world.target.is_ours() {
            let answers = outcomes.iter().filter_map(|outcome| match outcome {
                Outcome::Answered(Answer { cookie: Some(Some(cookie)), .. }) => Some(cookie.clone()),
                _ => None,
            });
            // The one that the browser holds stays the last.
            let held: Vec<String> = facts.ids.drain(ids_before..).collect();
            facts.ids.extend(answers.chain(held));
        } else {
            // No peer has promised that two logins come to one session, nor that a logout ends both.
            facts.ids.truncate(ids_before);
            let jar = facts.jar.clone();
            facts.ids.extend(jar);
        }
    }

    /// Whether the browser is logged in after it was told so or refused, and in one session.
    fn is_logged_in(&self, tab: &mut Tab, begun: Instant, answer: &str) -> bool {
        let (world, told) = (self.world, Instant::now());
        let jar = self.facts().jar.clone();
        let who = jar.and_then(|jar| world.opens(tab, self.scope, &jar));
        if self.is_moot() || begun.elapsed() > GRACE {
            return false;
        }
        if who.as_ref() != Some(&self.user) {
            let words = || format!("{} {answer} and is not logged in, with {}", self.user, self.besides());
            let acknowledged = [self.settled_between(), vec![begun, told]].concat();
            world.ledger.suspect_some(Violation::LoginRefused, 1, acknowledged, words);
            return false;
        }
        if let Some(living) = self.living_beyond(tab, 1) {
            let words = || format!("{} {answer} and has {living} sessions, with {}", self.user, self.besides());
            let acknowledged = [self.settled_between(), vec![begun, told]].concat();
            world.ledger.suspect_some(Violation::Successors, living - 1, acknowledged, words);
        }
        true
    }

    /// How many sessions of the user live. Only gsession can be asked.
    pub(crate) fn living(&self, tab: &mut Tab) -> Option<u64> {
        if !self.world.target.is_ours() {
            return None;
        }
        self.world.living(tab, &self.user)
    }

    /// How many sessions there may be whose id nobody has: a process that is killed between the two files of a renewal leaves
    /// one, until it expires.
    fn orphans(&self) -> u64 {
        if self.world.target.keeps() == Keeps::InFiles { self.world.fleet.epoch() - self.epoch } else { 0 }
    }

    /// How many sessions of the user live, if they stay more than there may be.
    pub(crate) fn living_beyond(&self, tab: &mut Tab, at_most: u64) -> Option<u64> {
        let begun = Instant::now();
        loop {
            let allowed = at_most + self.orphans();
            let living = self.living(tab).filter(|&living| living > allowed && !self.is_moot())?;
            if begun.elapsed() > SETTLES {
                return Some(living);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// How long a login takes, in milliseconds.
fn slow(random: &mut fastrand::Rng) -> u64 {
    if random.bool() { 0 } else { random.u64(1..25) }
}
