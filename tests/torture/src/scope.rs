//! The applications of one service of gsession, which share its storage.

use std::time::Duration;

use crate::target::{Keeps, Target};

/// How many sessions a user may have in [`Scope::Crowd`].
pub(crate) const MOST_SESSIONS: usize = 3;

/// An application, with a realm of its own. An id from one opens nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All that every library can do.
    Main,
    /// A user may have at most [`MOST_SESSIONS`] sessions.
    Crowd,
    /// Ids rotate.
    Rotating,
}

impl Scope {
    /// What its paths begin with.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Crowd => "/crowd",
            Self::Rotating => "/rotating",
        }
    }
}

/// How ids rotate in [`Scope::Rotating`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation {
    pub(crate) every: Duration,
    pub(crate) grace: Duration,
}

impl Rotation {
    /// Most requests must take less than the grace, since a later answer is not obeyed. What is kept in memory is never waited
    /// for, and ends with its process, about every second.
    pub(crate) const fn of(target: Target) -> Self {
        let (every, grace) = match target.keeps() {
            Keeps::InMemory => (180, 60),
            _ => (1_050, 350),
        };
        Self { every: Duration::from_millis(every), grace: Duration::from_millis(grace) }
    }
}
