//! Which of the ids that a request presents counts.
//!
//! A browser may send several cookies of one name, and a header besides. They are looked up in the order in which they came:
//!
//! | under the id | then |
//! |---|---|
//! | a session lives | it counts, whatever stands under the others |
//! | a session lived that another request has renewed | it counts if none lives: see `overtaken` |
//! | nothing that is known | the next one's turn; it may be another application's |
//!
//! A logout ends what stands under any of them: whatever the client could come back with belongs to the one who logs out.

use std::collections::VecDeque;

use crate::{SessionId, Timestamp};

/// What a request presents, and how far that has been looked up.
#[derive(Debug, Default)]
pub(super) struct Presented {
    /// Whether it presented anything, well-formed or not, that it would have to forget.
    pub(super) anything: bool,
    /// Behind a pointer, because nearly every request presents one id, and that lives.
    besides: Option<Box<Besides>>,
}

/// The ids besides the one that is looked up.
#[derive(Debug, Default)]
struct Besides {
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
    /// `others` are the ids after the first, in their order.
    pub(super) fn new(anything: bool, mut others: Vec<SessionId>) -> Self {
        others.reverse();
        let besides = (!others.is_empty()).then(|| Box::new(Besides { untried: others, ..Besides::default() }));
        Self { anything, besides }
    }

    /// Records that no session lives under `id`. `renewed` is when another request renewed it, if one did.
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

    /// The next that was renewed.
    pub(super) fn next_renewed(&mut self) -> Option<(SessionId, Timestamp)> {
        self.besides.as_mut()?.renewed.pop_front()
    }

    /// The request goes on without this one, which still is one that the client holds.
    pub(super) fn put_back(&mut self, id: Option<SessionId>) {
        self.besides.get_or_insert_default().passed.extend(id);
    }

    /// The application has chosen another id: what the client holds is only ended, if it logs out.
    pub(super) fn pass_all(&mut self, id: Option<SessionId>) {
        let besides = &mut **self.besides.get_or_insert_default();
        besides.passed.append(&mut besides.untried);
        besides.passed.extend(id);
    }

    /// All that may still open something, for a logout; nothing is presented afterwards.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = SessionId> {
        let Besides { untried, passed, renewed } = std::mem::take(self).besides.map(|all| *all).unwrap_or_default();
        untried.into_iter().chain(passed).chain(renewed.into_iter().map(|(id, _)| id))
    }
}
