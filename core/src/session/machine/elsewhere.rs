//! A session of another library that the client presents, and that may be taken over ([H9](crate::design#h9)).

#[cfg(feature = "import")]
use super::{Held, Life, Machine, Origin, Progress, State};
#[cfg(feature = "import")]
use crate::{Saved, SessionId, StoreKey, Timestamp, record::Lifespan, session::config::Config};

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// There is none.
    Nowhere,
    /// Nobody has looked.
    #[cfg_attr(not(feature = "import"), allow(dead_code, reason = "nothing is presented"))]
    Untried,
    /// This request has looked for it.
    #[cfg_attr(not(feature = "import"), allow(dead_code, reason = "nothing is presented"))]
    Looked,
    /// The session was destroyed, and this one with it. Nobody has done that yet.
    ToEnd,
}

/// What to do about it before anything is stored.
#[cfg(feature = "import")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DueElsewhere {
    Nothing,
    /// Looking for the session, as nothing else may be the client's.
    Look,
    End,
}

impl Elsewhere {
    /// Ends it too, and all else that the client presents, whether it was taken over or not.
    pub(super) const fn end(&mut self) {
        if matches!(self, Self::Untried | Self::Looked) {
            *self = Self::ToEnd;
        }
    }
}

#[cfg(feature = "import")]
impl Machine {
    /// The client presents a session of another library.
    pub(crate) const fn presents_elsewhere(&mut self) {
        self.elsewhere = Elsewhere::Untried;
    }

    /// Whether to look for it now: nothing else that the client presents opens a session.
    pub(crate) const fn seeks_elsewhere(&self) -> bool {
        matches!((self.elsewhere, &self.life, &self.current.state), (Elsewhere::Untried, Life::Open, State::Absent))
    }

    /// What to do about it before anything is stored.
    pub(crate) fn due_elsewhere(&self) -> DueElsewhere {
        match (self.elsewhere, &self.current.state) {
            (Elsewhere::ToEnd, _) => DueElsewhere::End,
            (Elsewhere::Untried, State::Unknown | State::Absent)
                if matches!(self.life, Life::Open) && !self.current.pending.is_empty() =>
            {
                DueElsewhere::Look
            }
            _ => DueElsewhere::Nothing,
        }
    }

    /// Whether the session ends before it would have to by the manager's settings, as one that was taken over may.
    pub(crate) fn ends_early(&self, config: &Config) -> bool {
        let State::Found(view) = &self.current.state else { return false };
        let record = &view.snapshot.record;
        let latest = config.lifetime.absolute.map_or(Timestamp::MAX, |absolute| record.created_at + absolute);
        !record.is_remembered && record.absolute_deadline.is_some_and(|deadline| deadline < latest)
    }

    /// A session that has deadlines of its own gets those of the manager.
    pub(crate) fn live_as_managed(&mut self) {
        self.current.pending.changes.set_lifespan(Lifespan::Managers);
        self.note_write();
    }

    /// It was looked for. `found` is the id of the session that has its place, if there is one. The client must learn it.
    pub(crate) fn found_elsewhere(&mut self, found: Option<SessionId>, config: &Config) {
        let was_destroyed = self.elsewhere == Elsewhere::ToEnd;
        if !was_destroyed {
            self.elsewhere = Elsewhere::Looked;
        }
        let Some(id) = found else { return };
        let key = config.keys.key_of(&id);
        if was_destroyed {
            self.ending.add(key);
        } else if matches!(self.current.state, State::Absent) {
            self.current.adopt(&id, key, Origin::Issued);
            self.current.state = State::Unknown;
        }
    }

    /// It was ended, and with it the session under this key, which the storage still has to end.
    pub(crate) fn ends_successor(&mut self, successor: Option<StoreKey>) {
        successor.into_iter().for_each(|key| self.ending.add(key));
    }

    /// All that the client presents was ended.
    pub(crate) const fn ended_elsewhere(&mut self, progress: &mut Progress) {
        self.elsewhere = Elsewhere::Nowhere;
        progress.saved = Saved::Destroyed;
    }

    /// A session that has taken the place of another one was read. It must still be there when the client is told.
    pub(super) fn note_taken_over(&mut self, expires_at: Timestamp) {
        if self.current.held.as_ref().is_some_and(|held: &Held| held.origin == Origin::Issued) {
            self.current.expires_at.get_or_insert(expires_at);
        }
    }
}
