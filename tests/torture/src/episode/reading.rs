//! Reading a session, and judging what stands there.

use std::time::Instant;

use serde_json::{Map, Value};

use super::{Episode, Standing};
use crate::{
    client::{Answer, Outcome, Tab},
    ledger::{Action, Violation},
};

/// What was acknowledged before something was asked for.
struct Before {
    stored: Vec<(String, Instant)>,
    refused: Vec<(String, Violation)>,
    added: Vec<Instant>,
}

impl Episode<'_> {
    /// What is known before a page is asked for.
    fn before(&self) -> Before {
        let facts = self.facts();
        let mut before = Before { stored: Vec::new(), refused: Vec::new(), added: facts.added.clone() };
        for (key, standing) in &facts.writes {
            match standing {
                Standing::Stored(since) => before.stored.push((key.clone(), *since)),
                Standing::Refused => before.refused.push((key.clone(), Violation::FalseSuccess)),
                Standing::Late => before.refused.push((key.clone(), Violation::LateWrite)),
                Standing::Open => {}
            }
        }
        before
    }

    /// Reads everything. Gives back whether the session was there, if that was answered.
    pub(crate) fn read(&self, tab: &mut Tab) -> Option<bool> {
        self.world.ledger.note(Action::Read);
        let before = self.before();
        match self.ask(tab, "/read") {
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
            return ledger.accuse(Violation::Crossed, 1, words);
        }
        for (key, since) in before.stored.iter().filter(|(key, _)| text(key) != Some(&self.user)) {
            self.facts().writes.insert(key.clone(), Standing::Open);
            let words = || format!("{key} of {} was acknowledged", self.user);
            ledger.suspect(Violation::LostUpdate, 1, *since, words);
        }
        for (key, violation) in before.refused.iter().filter(|(key, _)| data.contains_key(key)) {
            self.facts().writes.insert(key.clone(), Standing::Open);
            let what = if *violation == Violation::LateWrite { "came after the response" } else { "had failed" };
            let words = || format!("{key} of {} is there, and its request {what}", self.user);
            ledger.accuse(*violation, 1, words);
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
            ledger.suspect_some(Violation::Increment, missing, before.added.clone(), words);
        }
        let at_most = {
            let facts = self.facts();
            facts.added.len() as u64 + facts.maybe_added
        };
        if counted > at_most {
            let words = || format!("{} counts {counted}, and only {at_most} were sent", self.user);
            ledger.accuse(Violation::Increment, counted - at_most, words);
        }
    }

    /// Looks at everything while nothing else is under way. Gives back whether the session goes on.
    pub(crate) fn review(&self, tab: &mut Tab) -> bool {
        let Some(is_there) = self.world.patiently(|| self.read(tab)) else { return false };
        let (renewed, lost_track) = {
            let facts = self.facts();
            (facts.renewing, facts.lost_track)
        };
        if !is_there && !lost_track && !self.is_moot() {
            let (violation, what) = match renewed {
                true => (Violation::Successors, "is left with an id that opens nothing"),
                false => (Violation::LostUpdate, "has lost the whole session"),
            };
            self.world.ledger.suspect_some(violation, 1, self.settled_between(), || format!("{} {what}", self.user));
        }
        if renewed {
            let living = self
                .ids()
                .iter()
                .filter(|id| self.world.opens(tab, self.scope, id).as_deref() == Some(&self.user))
                .count();
            if living > 1 {
                let words = || format!("{living} ids open the session of {}", self.user);
                self.world.ledger.suspect_some(Violation::Successors, living as u64 - 1, self.settled_between(), words);
            }
        }
        is_there
    }
}
