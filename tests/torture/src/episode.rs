//! One session from its login to its logout, and what is known about it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde_json::{Map, Value};

use crate::{
    client::{Answer, Outcome, Tab},
    ledger::{Charge, Deed},
    run::World,
};

/// What is known about a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Acknowledged, then.
    Stored(Instant),
    /// Answered as not done.
    Refused,
    /// Nobody knows; also whatever was charged already.
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
    /// When the session was last acknowledged under a new id: by its login or a renewal.
    settled: Option<Instant>,
    /// When increments were acknowledged, and those of which nobody knows.
    added: Vec<Instant>,
    maybe_added: u64,
    /// Whether a renewal was ever sent: from then on an old id is as good as none.
    renewing: bool,
    /// Whether a renewal was sent and nobody knows what came of it: the new id may have got lost.
    lost_track: bool,
}

/// What was acknowledged before something was asked for.
pub(crate) struct Before {
    stored: Vec<(String, Instant)>,
    refused: Vec<String>,
    added: Vec<Instant>,
}

/// A browser's session.
pub(crate) struct Episode<'a> {
    world: &'a World,
    pub(crate) user: String,
    began: Instant,
    epoch: u64,
    facts: Mutex<Facts>,
}

impl<'a> Episode<'a> {
    pub(crate) fn new(world: &'a World, user: String) -> Self {
        Self { world, user, began: Instant::now(), epoch: world.fleet.epoch(), facts: Mutex::default() }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the session may have died with the process it lived in.
    fn is_moot(&self) -> bool {
        self.world.sessions_die_with_a_process() && self.world.fleet.epoch() != self.epoch
    }

    /// Asks for a page with the browser's cookie, and keeps or forgets the cookie as told.
    pub(crate) fn get(&self, tab: &mut Tab, path: &str) -> Outcome {
        let jar = self.facts().jar.clone();
        let outcome = self.world.get(tab, path, jar.as_deref());
        match &outcome {
            Outcome::Answered(Answer { cookie: Some(cookie), .. }) => {
                let mut facts = self.facts();
                facts.jar.clone_from(cookie);
                if let Some(cookie) = cookie {
                    facts.ids.push(cookie.clone());
                    facts.settled = Some(Instant::now());
                }
            }
            Outcome::Unknown => self.world.ledger.note(Deed::Unknown),
            _ => {}
        }
        outcome
    }

    pub(crate) fn has_cookie(&self) -> bool {
        self.facts().jar.is_some()
    }

    /// A request was answered that nobody is logged in, or that the session has ended.
    fn told_nobody(&self, page: &str, status: u16) {
        // A renewal that has not been answered yet is enough to make an id old. And once is enough: the browser may have been
        // told to forget its cookie.
        let may_be = std::mem::replace(&mut self.facts().renewing, true);
        if !may_be && !self.is_moot() {
            self.facts().lost_track = true;
            let words = || format!("{page} was answered {status} to {}, who is logged in", self.user);
            self.world.ledger.suspect(Charge::FalseSuccess, 1, self.settled(), words);
        }
    }

    /// When the session was last acknowledged under a new id.
    fn settled(&self) -> Instant {
        self.facts().settled.unwrap_or(self.began)
    }

    /// Writes a key of its own.
    pub(crate) fn write(&self, tab: &mut Tab, key: &str, slow: u64) {
        self.world.ledger.note(Deed::Write);
        self.facts().writes.insert(key.to_owned(), Standing::Open);
        let outcome = self.get(tab, &format!("/set?key={key}&value={}&slow={slow}", self.user));
        let standing = match outcome {
            Outcome::Answered(Answer { status: 200, .. }) => Standing::Stored(Instant::now()),
            Outcome::Answered(Answer { status: status @ (401 | 409), .. }) => {
                self.told_nobody("a write", status);
                Standing::Refused
            }
            Outcome::NotSent => Standing::Refused,
            Outcome::Answered(_) | Outcome::Unknown => Standing::Open,
        };
        self.facts().writes.insert(key.to_owned(), standing);
    }

    /// Writes a key in a request that fails afterwards, with an answer or a panic.
    pub(crate) fn fail(&self, tab: &mut Tab, page: &str, key: &str) {
        self.world.ledger.note(Deed::Failure);
        // A peer has not promised that a failing request stores nothing.
        let standing = if self.world.target.is_ours() { Standing::Refused } else { Standing::Open };
        self.facts().writes.insert(key.to_owned(), standing);
        if let Outcome::Answered(Answer { status: status @ (401 | 409), .. }) =
            self.get(tab, &format!("/{page}?key={key}&value={}", self.user))
        {
            self.told_nobody(page, status);
        }
    }

    /// Writes a key and hangs up.
    pub(crate) fn hang_up(&self, tab: &mut Tab, key: &str, slow: u64) {
        self.world.ledger.note(Deed::HangUp);
        let jar = {
            let mut facts = self.facts();
            facts.writes.insert(key.to_owned(), Standing::Open);
            facts.jar.clone()
        };
        let path = format!("/set?key={key}&value={}&slow={slow}", self.user);
        self.world.hang_up(tab, &path, jar.as_deref());
    }

    /// Counts up.
    pub(crate) fn add(&self, tab: &mut Tab, slow: u64) {
        self.world.ledger.note(Deed::Increment);
        self.facts().maybe_added += 1;
        let outcome = self.get(tab, &format!("/add?slow={slow}"));
        let mut facts = self.facts();
        match outcome {
            Outcome::Answered(Answer { status: 200, .. }) => {
                facts.added.push(Instant::now());
                facts.maybe_added -= 1;
            }
            Outcome::Answered(Answer { status: status @ (401 | 409), .. }) => {
                facts.maybe_added -= 1;
                drop(facts);
                self.told_nobody("an increment", status);
            }
            Outcome::NotSent => facts.maybe_added -= 1,
            Outcome::Answered(_) | Outcome::Unknown => {}
        }
    }

    /// Takes a new id.
    pub(crate) fn renew(&self, tab: &mut Tab, slow: u64) {
        self.world.ledger.note(Deed::Renewal);
        self.facts().renewing = true;
        match self.get(tab, &format!("/renew?slow={slow}")) {
            Outcome::Answered(Answer { status: 200 | 401 | 409, .. }) | Outcome::NotSent => {}
            Outcome::Answered(_) | Outcome::Unknown => self.facts().lost_track = true,
        }
    }

    /// What is known before a page is asked for.
    fn before(&self) -> Before {
        let facts = self.facts();
        let mut before = Before { stored: Vec::new(), refused: Vec::new(), added: facts.added.clone() };
        for (key, standing) in &facts.writes {
            match standing {
                Standing::Stored(since) => before.stored.push((key.clone(), *since)),
                Standing::Refused => before.refused.push(key.clone()),
                Standing::Open => {}
            }
        }
        before
    }

    /// Reads everything. Gives back whether the session was there, if that was answered.
    pub(crate) fn read(&self, tab: &mut Tab) -> Option<bool> {
        self.world.ledger.note(Deed::Read);
        let before = self.before();
        match self.get(tab, "/read") {
            Outcome::Answered(Answer { status: 200, body, .. }) => {
                self.judge(&before, &body);
                Some(true)
            }
            Outcome::Answered(Answer { status: 401, .. }) => Some(false),
            _ => None,
        }
    }

    /// As [`read`](Self::read), in the middle of other requests.
    pub(crate) fn glance(&self, tab: &mut Tab) {
        if self.read(tab) == Some(false) {
            self.told_nobody("a read", 401);
        }
    }

    /// Whether a page is what it has to be.
    fn judge(&self, before: &Before, page: &str) {
        let ledger = &self.world.ledger;
        let data: Map<String, Value> = serde_json::from_str(page).unwrap_or_default();
        let text = |key: &str| data.get(key).and_then(Value::as_str);
        if text("user") != Some(&self.user) {
            let words = || format!("{} reads the session of {:?}", self.user, text("user"));
            return ledger.accuse(Charge::Crossed, 1, words);
        }
        for (key, since) in before.stored.iter().filter(|(key, _)| text(key) != Some(&self.user)) {
            self.facts().writes.insert(key.clone(), Standing::Open);
            let words = || format!("{key} of {} was acknowledged", self.user);
            ledger.suspect(Charge::LostUpdate, 1, *since, words);
        }
        for key in before.refused.iter().filter(|key| data.contains_key(*key)) {
            self.facts().writes.insert(key.clone(), Standing::Open);
            let words = || format!("{key} of {} is there, and its request had failed", self.user);
            ledger.accuse(Charge::FalseSuccess, 1, words);
        }
        let counted = data.get("n").and_then(Value::as_u64).unwrap_or_default();
        let acknowledged = before.added.len() as u64;
        if counted < acknowledged {
            let missing = acknowledged - counted;
            {
                // From here on only what is missing more.
                let mut facts = self.facts();
                let kept = (facts.added.len() as u64).saturating_sub(missing);
                facts.added.truncate(usize::try_from(kept).unwrap_or_default());
                facts.maybe_added += missing;
            }
            let words = || format!("{} counts {counted} of {acknowledged} acknowledged", self.user);
            ledger.suspect_some(Charge::Increment, missing, before.added.clone(), words);
        }
        let at_most = {
            let facts = self.facts();
            facts.added.len() as u64 + facts.maybe_added
        };
        if counted > at_most {
            let words = || format!("{} counts {counted}, and only {at_most} were sent", self.user);
            ledger.accuse(Charge::Increment, counted - at_most, words);
        }
    }

    /// Every cookie of the session.
    pub(crate) fn ids(&self) -> BTreeSet<String> {
        self.facts().ids.iter().cloned().collect()
    }

    /// The cookie for a logout: also one that a renewal, whose answer got lost, has made old leads to the session.
    pub(crate) fn last_id(&self) -> Option<String> {
        let facts = self.facts();
        facts.jar.clone().or_else(|| facts.ids.last().cloned())
    }

    /// Looks at everything while nothing else is under way. Gives back whether the session goes on.
    pub(crate) fn review(&self, tab: &mut Tab) -> bool {
        let Some(is_there) = self.world.patiently(|| self.read(tab)) else { return false };
        let (renewed, lost_track) = {
            let facts = self.facts();
            (facts.renewing, facts.lost_track)
        };
        if !is_there && !lost_track && !self.is_moot() {
            let (charge, what) = match renewed {
                true => (Charge::Successors, "is left with an id that opens nothing"),
                false => (Charge::LostUpdate, "has lost the whole session"),
            };
            self.world.ledger.suspect(charge, 1, self.settled(), || format!("{} {what}", self.user));
        }
        if renewed {
            let living =
                self.ids().iter().filter(|id| self.world.opens(tab, id).as_deref() == Some(&self.user)).count();
            if living > 1 {
                let words = || format!("{living} ids open the session of {}", self.user);
                self.world.ledger.suspect(Charge::Successors, living as u64 - 1, self.settled(), words);
            }
        }
        is_there
    }
}
