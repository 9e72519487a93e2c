//! What changes a session, and what is known of it afterwards.

use std::time::Instant;

use super::{Episode, Standing};
use crate::{
    client::{Answer, HangUp, Outcome, Tab},
    ledger::{Action, Violation},
    target::Target,
};

/// How a page writes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Write {
    /// It reads first, and saves before it answers.
    Saved,
    /// It reads first, and leaves saving to the middleware.
    Unsaved,
    /// It reads nothing, and leaves saving to the middleware.
    Blindly,
}

impl Write {
    pub(crate) fn any(target: Target, random: &mut fastrand::Rng) -> Self {
        match random.u8(..4) {
            // The peers have one way.
            _ if !target.is_ours() => Self::Saved,
            0 => Self::Unsaved,
            // Where a failover has lost the session, such a page would begin another one.
            1 if !target.fails_over() => Self::Blindly,
            _ => Self::Saved,
        }
    }
}

impl Episode<'_> {
    /// Writes a key of its own.
    pub(crate) fn write(&self, tab: &mut Tab, how: Write, key: &str, slow: u64) {
        self.world.ledger.note(Action::Write);
        self.facts().writes.insert(key.to_owned(), Standing::Open);
        let page = match how {
            // Whoever has no session at all begins a new one.
            Write::Blindly if self.has_cookie() => "put?blind=1&",
            Write::Unsaved | Write::Blindly => "put?",
            Write::Saved => "set?",
        };
        let outcome = self.ask(tab, &format!("/{page}key={key}&value={}&slow={slow}", self.user));
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
        self.world.ledger.note(Action::Failure);
        // A peer has not promised that a failing request stores nothing.
        let standing = if self.world.target.is_ours() { Standing::Refused } else { Standing::Open };
        self.facts().writes.insert(key.to_owned(), standing);
        if let Outcome::Answered(Answer { status: status @ (401 | 409), .. }) =
            self.ask(tab, &format!("/{page}?key={key}&value={}", self.user))
        {
            self.told_nobody(page, status);
        }
    }

    /// Writes a key and hangs up.
    pub(crate) fn hang_up(&self, tab: &mut Tab, key: &str, slow: u64, how: HangUp) {
        self.world.ledger.note(Action::HangUp);
        self.facts().writes.insert(key.to_owned(), Standing::Open);
        let path = format!("/set?key={key}&value={}&slow={slow}", self.user);
        // It stays under way: nobody knows when the service comes to it.
        let (_, cookies) = self.begin_request();
        self.world.hang_up(tab, &self.page(&path), cookies.as_deref(), how);
    }

    /// Has a key written after the response.
    pub(crate) fn write_late(&self, tab: &mut Tab, page: &str, key: &str) {
        self.world.ledger.note(Action::LateUse);
        self.facts().writes.insert(key.to_owned(), Standing::Late);
        let outcome = self.ask(tab, &format!("/{page}?after=write&key={key}&value={}", self.user));
        let Outcome::Answered(answer) = outcome else { return };
        if answer.late {
            self.facts().writes.insert(key.to_owned(), Standing::Open);
            let words = || format!("{key} of {} was accepted after the response", self.user);
            self.world.ledger.accuse(Violation::LateWrite, 1, words);
        }
        if answer.status == 401 {
            self.told_nobody(page, 401);
        }
    }

    /// Counts up.
    pub(crate) fn add(&self, tab: &mut Tab, slow: u64) {
        self.world.ledger.note(Action::Increment);
        self.facts().maybe_added += 1;
        let outcome = self.ask(tab, &format!("/add?slow={slow}"));
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
        self.world.ledger.note(Action::Renewal);
        self.facts().renewing = true;
        match self.ask(tab, &format!("/renew?slow={slow}")) {
            Outcome::Answered(Answer { status: 200 | 401 | 409, .. }) | Outcome::NotSent => {}
            Outcome::Answered(_) | Outcome::Unknown => self.facts().lost_track = true,
        }
    }

    /// Asks for a new id and hangs up.
    pub(crate) fn renew_and_hang_up(&self, tab: &mut Tab, slow: u64, how: HangUp) {
        self.world.ledger.note(Action::HangUp);
        self.facts().renewing = true;
        self.world.hang_up(tab, &self.page(&format!("/renew?slow={slow}")), self.cookies().as_deref(), how);
    }
}
