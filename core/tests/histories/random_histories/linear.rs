//! Whether operations that overlapped can be put into an order: each took effect at once at some moment between its call and
//! its answer (Herlihy and Wing, 1990). The search is that of Wing and Gong, remembering what it has tried.

use std::{collections::HashSet, fmt};

/// What is said of one entry of one session, and what was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Read, with what was seen.
    Read(Option<u64>),
    /// Read, and there was no session.
    ReadNothing,
    /// Set or removed.
    Write(Option<u64>),
    /// One was added, and this came of it.
    Add(u64),
    /// A write or an addition was answered that the session has ended.
    Refused,
    /// The session was ended.
    End,
}

/// An operation, and when it was called and answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) call: Call,
    pub(crate) called: u64,
    /// `u64::MAX` if it never was.
    pub(crate) answered: u64,
}

/// An entry: of a session that lives, or of one that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    Holds(Option<u64>),
    Ended,
}

impl State {
    /// What comes of a call, if its answer is right.
    fn after(self, call: Call) -> Option<Self> {
        match (self, call) {
            (Self::Holds(value), Call::Read(seen)) => (value == seen).then_some(self),
            (Self::Ended, Call::ReadNothing | Call::Refused | Call::End) => Some(self),
            (Self::Holds(_), Call::Write(value)) => Some(Self::Holds(value)),
            (Self::Holds(value), Call::Add(sum)) => (value.unwrap_or(0) + 1 == sum).then_some(Self::Holds(Some(sum))),
            (Self::Holds(_), Call::End) => Some(Self::Ended),
            _ => None,
        }
    }
}

/// Whether there is an order, beginning with an entry that is not there. Operations without an answer may have had their effect
/// or not.
pub(crate) fn is_linearisable(operations: &[Operation]) -> bool {
    assert!(operations.len() <= 64, "more than fit into the set of those that are done");
    let answered = operations.iter().enumerate().filter(|(_, operation)| operation.answered != u64::MAX);
    let needed = answered.fold(0, |needed, (at, _)| needed | 1 << at);
    search(operations, needed, 0, State::Holds(None), &mut HashSet::new())
}

fn search(operations: &[Operation], needed: u64, done: u64, state: State, tried: &mut HashSet<(u64, State)>) -> bool {
    if done & needed == needed {
        return true;
    }
    if !tried.insert((done, state)) {
        return false;
    }
    let open = || operations.iter().enumerate().filter(|(at, _)| done & (1 << at) == 0);
    // Whatever was called after this answer cannot come before it.
    let first_answer = open().map(|(_, operation)| operation.answered).min().unwrap_or(u64::MAX);
    open().filter(|(_, operation)| operation.called <= first_answer).any(|(at, operation)| {
        state.after(operation.call).is_some_and(|next| search(operations, needed, done | 1 << at, next, tried))
    })
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} from {} to {}", self.call, self.called, self.answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation((called, answered, call): (u64, u64, Call)) -> Operation {
        Operation { call, called, answered }
    }

    fn is(list: &[(u64, u64, Call)]) -> bool {
        is_linearisable(&list.iter().copied().map(operation).collect::<Vec<_>>())
    }

    #[test]
    fn what_has_an_order_is_accepted() {
        assert!(is(&[]));
        assert!(is(&[(1, 2, Call::Write(Some(1))), (3, 4, Call::Read(Some(1))), (5, 6, Call::Add(2))]));
        // At the same time: either order will do.
        assert!(is(&[(1, 5, Call::Write(Some(1))), (2, 6, Call::Write(Some(2))), (7, 8, Call::Read(Some(1)))]));
        assert!(is(&[(1, 5, Call::Write(Some(1))), (2, 3, Call::Read(None)), (4, 6, Call::Read(Some(1)))]));
        // One that was never answered may have happened, or not.
        assert!(is(&[(1, u64::MAX, Call::Add(1)), (2, 3, Call::Read(Some(1)))]));
        assert!(is(&[(1, u64::MAX, Call::Add(1)), (2, 3, Call::Read(None))]));
        assert!(is(&[
            (1, 4, Call::End),
            (2, 3, Call::Write(Some(1))),
            (5, 6, Call::ReadNothing),
            (7, 8, Call::Refused)
        ]));
    }

    #[test]
    fn a_lost_update_is_refused() {
        assert!(!is(&[(1, 2, Call::Add(1)), (3, 4, Call::Add(1))]));
        assert!(!is(&[(1, 5, Call::Add(1)), (2, 6, Call::Add(1))]));
        assert!(!is(&[(1, 2, Call::Write(Some(1))), (3, 4, Call::Read(None))]));
    }

    #[test]
    fn a_stale_read_is_refused() {
        let writes = [(1, 2, Call::Write(Some(1))), (3, 4, Call::Write(Some(2)))];
        assert!(!is(&[writes[0], writes[1], (5, 6, Call::Read(Some(1)))]));
        // Back in time.
        assert!(!is(&[(1, 9, Call::Write(Some(1))), (2, 3, Call::Read(Some(1))), (4, 5, Call::Read(None))]));
    }

    #[test]
    fn a_session_that_comes_back_is_refused() {
        assert!(!is(&[(1, 2, Call::End), (3, 4, Call::Write(Some(1)))]));
        assert!(!is(&[(1, 2, Call::End), (3, 4, Call::Read(None))]));
        assert!(!is(&[(1, 2, Call::ReadNothing), (3, 4, Call::Read(None))]));
        assert!(!is(&[(1, 2, Call::Refused), (3, 4, Call::End)]), "refused although it lived");
    }
}
