//! One session from its login to its logout, and what is known about it.

mod actions;
mod login;
mod reading;
mod rotating;
mod two_cookies;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use self::{rotating::Rotating, two_cookies::SecondCookie};
use crate::{
    client::{Answer, Outcome, Tab},
    ledger::{Action, Violation},
    scope::{Rotation, Scope},
    world::World,
};
pub(crate) use actions::Write;
pub(crate) use login::SETTLES;
pub(crate) use rotating::Outlived;

/// What is known about a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Acknowledged, then.
    Stored(Instant),
    /// Answered as not done.
    Refused,
    /// Written after the response, which must be refused.
    Late,
    /// Nobody knows; also what was already counted as a violation.
    Open,
}

/// What the browser knows about its session.
#[derive(Debug, Default)]
struct Facts {
    /// The cookie. The last answer decides.
    jar: Option<String>,
    /// Every cookie that was ever handed out, in order.
    ids: Vec<String>,
    writes: BTreeMap<String, Standing>,
    /// When the session was asked for under new ids, by its login and renewals, and when each was acknowledged.
    settled: Vec<[Instant; 2]>,
    /// When increments were acknowledged, and those of which nobody knows.
    added: Vec<Instant>,
    maybe_added: u64,
    /// Whether a renewal was ever sent: from then on an old id is as good as none.
    renewing: bool,
    /// Whether a renewal was sent and nobody knows what came of it: the new id may have got lost.
    lost_track: bool,
    /// Whether a login was broken off that may still come to its end.
    login_lingers: bool,
    /// Where ids rotate: what is known of them.
    rotating: Option<Rotating>,
}

/// A browser's session.
pub(crate) struct Episode<'a> {
    world: &'a World,
    pub(crate) scope: Scope,
    pub(crate) user: String,
    began: Instant,
    epoch: u64,
    /// A second cookie of the same name.
    second_cookie: Option<SecondCookie>,
    facts: Mutex<Facts>,
}

impl<'a> Episode<'a> {
    pub(crate) fn new(world: &'a World, user: String, tab: &mut Tab, random: &mut fastrand::Rng) -> Self {
        let second_cookie = SecondCookie::pick(world, tab, random);
        Self { second_cookie, ..Self::in_scope(world, Scope::Main, user) }
    }

    /// Of a browser with one cookie.
    pub(crate) fn in_scope(world: &'a World, scope: Scope, user: String) -> Self {
        let (began, epoch) = (Instant::now(), world.fleet.epoch());
        let rotating = (scope == Scope::Rotating).then(|| Rotating::new(Rotation::of(world.target).grace));
        let facts = Mutex::new(Facts { rotating, ..Facts::default() });
        Self { world, scope, user, began, epoch, second_cookie: None, facts }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the session may have died with the process it lived in.
    pub(crate) fn is_moot(&self) -> bool {
        self.world.sessions_die_with_a_process() && self.world.fleet.epoch() != self.epoch
    }

    /// Asks for a page with the browser's cookie, and keeps or forgets the cookie as told.
    pub(crate) fn ask(&self, tab: &mut Tab, path: &str) -> Outcome {
        let (sent, cookies) = self.begin_request();
        let outcome = self.world.ask(tab, &self.page(path), cookies.as_deref());
        let is_late = self.end_request(sent, path, cookies.as_deref(), &outcome);
        match &outcome {
            Outcome::Answered(answer) if !is_late => self.obey(answer, sent),
            Outcome::Answered(_) | Outcome::NotSent => {}
            Outcome::Unknown => self.world.ledger.note(Action::Unknown),
        }
        outcome
    }

    /// The path of a page.
    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.scope.path())
    }

    /// What the browser holds besides its cookie, for people.
    fn besides(&self) -> &'static str {
        self.second_cookie.as_ref().map_or("nothing besides", SecondCookie::in_words)
    }

    /// What the browser sends.
    fn cookies(&self) -> Option<String> {
        let facts = self.facts();
        let jar = facts.jar.as_deref();
        match &self.second_cookie {
            Some(second_cookie) => second_cookie.beside(jar, &facts.ids),
            None => jar.map(str::to_owned),
        }
    }

    /// Keeps or forgets the cookie as told by the answer to a request that was sent then.
    fn obey(&self, answer: &Answer, sent: Instant) {
        let Some(cookie) = &answer.cookie else { return };
        let mut facts = self.facts();
        facts.jar.clone_from(cookie);
        if let Some(cookie) = cookie {
            facts.ids.push(cookie.clone());
            if facts.rotating.as_mut().is_some_and(|rotating| rotating.receive(cookie)) {
                self.world.ledger.note(Action::Rotation);
            }
            facts.settled.push([sent, Instant::now()]);
        }
    }

    pub(crate) fn has_cookie(&self) -> bool {
        self.facts().jar.is_some()
    }

    /// A request was answered that nobody is logged in, or that the session has ended.
    pub(crate) fn told_nobody(&self, page: &str, status: u16) {
        // A renewal that has not been answered yet is enough to make an id old. And once is enough: the browser may have been
        // told to forget its cookie.
        let is_outlived = self.facts().rotating.as_ref().is_some_and(Rotating::has_outlived_requests);
        let may_be = std::mem::replace(&mut self.facts().renewing, true) || is_outlived;
        if !may_be && !self.is_moot() {
            self.facts().lost_track = true;
            let words =
                || format!("{page} was answered {status} to {}, who is logged in, with {}", self.user, self.besides());
            self.world.ledger.suspect_some(Violation::FalseSuccess, 1, self.settled_between(), words);
        }
    }

    /// From now on, whoever is told that nobody is logged in may be told right.
    pub(crate) fn may_end(&self) {
        self.facts().renewing = true;
    }

    /// When the session was last acknowledged under a new id.
    pub(crate) fn settled(&self) -> Instant {
        self.facts().settled.last().map_or(self.began, |[_, acknowledged]| *acknowledged)
    }

    /// Between when and when the session took each of its ids. A failover in the middle may have lost the first steps of that, although
    /// the last one was acknowledged after it; and what is lost of an early one may show much later.
    pub(crate) fn settled_between(&self) -> Vec<Instant> {
        std::iter::once(self.began).chain(self.facts().settled.iter().flatten().copied()).collect()
    }

    /// Whether a login that was broken off may still come to its end, and begin a session of its own.
    pub(crate) fn has_lingering_login(&self) -> bool {
        self.facts().login_lingers
    }

    /// Every cookie of the session.
    pub(crate) fn ids(&self) -> BTreeSet<String> {
        self.facts().ids.iter().cloned().collect()
    }

    /// The cookies for a logout: also one that a renewal, whose answer got lost, has made old leads to the session.
    pub(crate) fn last_cookies(&self) -> Option<String> {
        let facts = self.facts();
        let last = facts.jar.as_ref().or_else(|| facts.ids.last())?;
        match &self.second_cookie {
            Some(second_cookie) => second_cookie.beside(Some(last), &facts.ids),
            None => Some(last.clone()),
        }
    }
}
