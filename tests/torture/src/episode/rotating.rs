//! What a browser knows of the ids of a session that rotate.
//!
//! An id may be used until the grace is over, which begins with the first use of the next one. A sound library ends the session of a
//! browser that is slower than that, and is not charged with it.

use std::time::{Duration, Instant};

use super::{Episode, Standing};
use crate::{
    client::{Answer, Outcome, Tab},
    ledger::Action,
};

/// What a clock that counts in milliseconds may leave out, and then some.
const MARGIN: Duration = Duration::from_millis(20);

/// The ids of a session, in the order in which they came.
#[derive(Debug)]
pub(super) struct Rotating {
    grace: Duration,
    ids: Vec<Id>,
    /// The ids that requests present which are under way, and when those were sent.
    under_way: Vec<(Instant, String)>,
}

#[derive(Debug)]
struct Id {
    cookie: String,
    received: Instant,
    /// When a request that read its session with it was first answered.
    used: Option<Instant>,
}

impl Rotating {
    pub(super) const fn new(grace: Duration) -> Self {
        Self { grace, ids: Vec::new(), under_way: Vec::new() }
    }

    /// How late an answer may be. One that comes after the grace could bring an id that was replaced meanwhile.
    fn patience(&self) -> Duration {
        self.grace * 3 / 4
    }

    /// The browser has got an id. Gives back whether that is a new one, in the place of another.
    pub(super) fn receive(&mut self, cookie: &str) -> bool {
        if self.ids.last().is_some_and(|id| id.cookie == cookie) {
            return false;
        }
        self.ids.push(Id { cookie: cookie.to_owned(), received: Instant::now(), used: None });
        self.ids.len() > 1
    }

    /// Whether a request is under way whose id was replaced so long ago that it may be taken for stolen.
    pub(super) fn has_outlived_requests(&self) -> bool {
        let is_outlived = |cookie: &String| {
            let next = self.ids.windows(2).find(|pair| pair[0].cookie == *cookie).map(|pair| &pair[1]);
            next.is_some_and(|next| next.received.elapsed() + MARGIN >= self.grace)
        };
        self.under_way.iter().any(|(_, cookie)| is_outlived(cookie))
    }

    /// The session was read with an id.
    fn note_use(&mut self, cookie: &str) {
        if let Some(id) = self.ids.iter_mut().rfind(|id| id.cookie == cookie) {
            id.used.get_or_insert_with(Instant::now);
        }
    }

    /// The first id, if it opens nothing any more.
    fn outlived(&self) -> Option<Outlived> {
        let [first, next, ..] = &*self.ids else { return None };
        let used = next.used.filter(|used| used.elapsed() > self.grace + MARGIN)?;
        Some(Outlived { cookie: first.cookie.clone(), since: used })
    }
}

/// An id that opens nothing any more.
#[derive(Debug)]
pub(crate) struct Outlived {
    pub(crate) cookie: String,
    /// When the one after it was used.
    pub(crate) since: Instant,
}

impl Episode<'_> {
    /// The first id of the session, if it has rotated and its grace is over.
    pub(crate) fn outlived(&self) -> Option<Outlived> {
        self.facts().rotating.as_ref()?.outlived()
    }

    /// What the browser sends with a request now, and when that is.
    pub(super) fn begin_request(&self) -> (Instant, Option<String>) {
        let sent = Instant::now();
        let cookies = self.cookies();
        if let (Some(rotating), Some(cookie)) = (&mut self.facts().rotating, &cookies) {
            rotating.under_way.push((sent, cookie.clone()));
        }
        (sent, cookies)
    }

    /// A request has come to its end. Gives back whether its answer is too late to be obeyed, and counts as lost.
    pub(super) fn end_request(&self, sent: Instant, path: &str, cookies: Option<&str>, outcome: &Outcome) -> bool {
        let mut facts = self.facts();
        let facts = &mut *facts;
        let (Some(rotating), Some(cookie)) = (&mut facts.rotating, cookies) else { return false };
        // A session that has ended since has ended for all.
        facts.renewing |= rotating.has_outlived_requests();
        let at = rotating.under_way.iter().position(|under_way| under_way.0 == sent && under_way.1 == cookie);
        at.map(|at| rotating.under_way.swap_remove(at));
        let reads = !path.starts_with("/put?blind") && !path.starts_with("/plain");
        if reads && matches!(outcome, Outcome::Answered(Answer { status: 200, .. })) {
            rotating.note_use(cookie);
        }
        sent.elapsed() >= rotating.patience()
    }

    /// Writes a key in a request whose answer gets lost.
    pub(crate) fn lose_answer(&self, tab: &mut Tab, key: &str, slow: u64) {
        self.world.ledger.note(Action::HangUp);
        self.facts().writes.insert(key.to_owned(), Standing::Open);
        let path = format!("/set?key={key}&value={}&slow={slow}", self.user);
        let (sent, cookies) = self.begin_request();
        let outcome = self.world.ask(tab, &self.page(&path), cookies.as_deref());
        self.end_request(sent, &path, cookies.as_deref(), &outcome);
    }
}
