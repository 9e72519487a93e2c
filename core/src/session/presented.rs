//! Which of the ids that a request presents counts.
//!
//! A browser may send several cookies of one name, and a header besides. They are looked up in the order in which they came:
//!
//! | under the id | then |
//! |---|---|
//! | a session lives | it counts, whatever stands under the others |
//! | a session lived that another request has renewed, so recently that this one could not know | it counts if none lives |
//! | nothing, or a renewal of long ago | the next one's turn; it may be another application's |
//!
//! If several were renewed, a login tries one after the other whether it can join it; for everything else the first counts.
//!
//! A logout ends what stands under any of them: whatever the client could come back with belongs to the one who logs out.

use std::collections::VecDeque;

use crate::{SessionId, Timestamp};

/// What a request presents, and how far that has been looked up.
#[derive(Debug, Default)]
pub(super) struct Presented {
    /// Whether it presented anything, well-formed or not, that it would have to forget.
    pub(super) anything: bool,
    /// Not looked up yet, the first last.
    untried: Vec<SessionId>,
    /// Looked up, and nothing lives under them.
    passed: Vec<SessionId>,
    /// Those that were renewed by another request, and when.
    renewed: VecDeque<(SessionId, Timestamp)>,
}

/// Whose turn it is.
pub(super) enum Turn {
    /// This id has not been looked up.
    Next(SessionId),
    /// None lives, and this one was renewed then.
    Renewed(SessionId, Timestamp),
    /// None of them opens anything.
    Nobody,
}

impl Presented {
    pub(super) fn new(anything: bool) -> Self {
        Self { anything, ..Self::default() }
    }

    /// Adds the ids after the first, in their order.
    pub(super) fn add(&mut self, mut others: Vec<SessionId>) {
        others.reverse();
        self.untried = others;
    }

    /// Nothing lives under `id`; `renewed` if it was renewed, at that time, without this request's knowledge.
    pub(super) fn pass(&mut self, id: Option<SessionId>, renewed: Option<Timestamp>) -> Turn {
        match (id, renewed) {
            (Some(id), Some(at)) => self.renewed.push_back((id, at)),
            (id, _) => self.passed.extend(id),
        }
        match self.untried.pop() {
            Some(id) => Turn::Next(id),
            None => self.next_renewed().map_or(Turn::Nobody, |(id, at)| Turn::Renewed(id, at)),
        }
    }

    /// The next that was renewed.
    pub(super) fn next_renewed(&mut self) -> Option<(SessionId, Timestamp)> {
        self.renewed.pop_front()
    }

    /// The request goes on without this one; it still is an id that the client holds.
    pub(super) fn put_back(&mut self, id: Option<SessionId>) {
        self.passed.extend(id);
    }

    /// All that may still open something, for a logout; nothing is presented afterwards.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = SessionId> {
        let Self { untried, passed, renewed, .. } = std::mem::take(self);
        untried.into_iter().chain(passed).chain(renewed.into_iter().map(|(id, _)| id))
    }
}
