//! Which of the ids that a request presents counts.
//!
//! A browser may send several cookies of one name, and a header as well. They are looked up in the order of the
//! request:
//!
//! | the id opens | then |
//! |---|---|
//! | a live session | it counts, whatever the others open |
//! | a session that another request renewed | it counts if no id opens a live one: see `overtaken` |
//! | nothing | the next id is tried; this one may belong to another application |
//!
//! A logout ends the sessions of all of them, so the client cannot come back with any.

use std::collections::VecDeque;

use crate::{SessionId, Timestamp};

/// The ids that a request presents, and which were looked up.
#[derive(Debug, Default)]
pub(super) struct Presented {
    /// Whether it presented anything, well-formed or not, that it should forget on a logout.
    pub(super) anything: bool,
    /// Boxed, because nearly every request presents one id, and that is live.
    besides: Option<Box<Besides>>,
}

/// The ids other than the one being looked up.
#[derive(Debug, Default)]
struct Besides {
    /// Not looked up yet, the first one last.
    untried: Vec<SessionId>,
    /// Looked up; they open nothing.
    passed: Vec<SessionId>,
    /// Renewed by another request, and when.
    renewed: VecDeque<(SessionId, Timestamp)>,
}

/// Which id to use next.
pub(super) enum Turn {
    /// This id has not been looked up.
    Next(SessionId),
    /// None is live, and this one was renewed at this time.
    Renewed(SessionId, Timestamp),
    /// None of them opens anything.
    Nobody,
}

impl Presented {
    /// `others` are the ids after the first, in order.
    pub(super) fn new(anything: bool, mut others: Vec<SessionId>) -> Self {
        others.reverse();
        let besides = (!others.is_empty()).then(|| Box::new(Besides { untried: others, ..Besides::default() }));
        Self { anything, besides }
    }

    /// Records that `id` opens no session. `renewed` is when another request renewed it, if any did.
    pub(super) fn pass(&mut self, id: Option<SessionId>, renewed: Option<Timestamp>) -> Turn {
        let besides = &mut **self.besides.get_or_insert_default();
        match (id, renewed) {
            (Some(id), Some(at)) => besides.renewed.push_back((id, at)),
            (id, _) => besides.passed.extend(id),
        }
        match besides.untried.pop() {
            Some(id) => Turn::Next(id),
            None => besides.renewed.pop_front().map_or(Turn::Nobody, |(id, at)| Turn::Renewed(id, at)),
        }
    }

    /// The ids that were not looked up yet.
    pub(super) fn untried(&self) -> impl Iterator<Item = &SessionId> {
        self.besides.iter().flat_map(|besides| &besides.untried)
    }

    /// The next id that was renewed.
    pub(super) fn next_renewed(&mut self) -> Option<(SessionId, Timestamp)> {
        self.besides.as_mut()?.renewed.pop_front()
    }

    /// The request continues without this id, which the client still holds.
    pub(super) fn put_back(&mut self, id: Option<SessionId>) {
        self.besides.get_or_insert_default().passed.extend(id);
    }

    /// The application chose another id. The client's ids only matter for a logout.
    pub(super) fn pass_all(&mut self, id: Option<SessionId>) {
        let besides = &mut **self.besides.get_or_insert_default();
        besides.passed.append(&mut besides.untried);
        besides.passed.extend(id);
    }

    /// All ids that may still open something, for a logout. Nothing is presented afterwards.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = SessionId> {
        let Besides { untried, passed, renewed } = std::mem::take(self).besides.map(|all| *all).unwrap_or_default();
        untried.into_iter().chain(passed).chain(renewed.into_iter().map(|(id, _)| id))
    }
}
