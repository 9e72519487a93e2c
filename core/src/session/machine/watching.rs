//! Which session a caller of `ended` waits for.

use std::sync::Arc;

use super::{
    Life, Machine, Origin, State,
    renewal::{Overtaken, Part},
    rotation::Verdict,
    step::Write,
};
use crate::{ClientInfo, Error, StoreKey, session::config::Config, session::rotation::OnReuse, storage::Committed};

/// The session whose end is waited for, as far as is known without asking the storage.
#[derive(Debug)]
pub(crate) enum Awaited {
    /// There is none, and this request stores none.
    Nobody,
    /// The one under this key, or where it was renewed to.
    Key(StoreKey, Whose),
    /// The one that this request will store, if it does.
    Coming(Whose),
    /// The one that the ids of the client open, as a machine of its own finds out.
    Unread(Box<Unread>),
}

/// A session that was not looked up yet.
#[derive(Debug)]
pub(crate) struct Unread {
    /// Finds it.
    pub(crate) alone: Machine,
    /// If there is none: whether this request will store one.
    pub(crate) is_coming: bool,
    /// Whose it is, as far as this request knows.
    pub(crate) whose: Whose,
}

/// Whose the session is. When it becomes somebody else's, or nobody's, the wait is over: what is open belongs to its user.
#[derive(Debug, Clone)]
pub(crate) enum Whose {
    /// The first user's who is seen in it.
    Anyones,
    Users(Arc<str>),
}

impl Awaited {
    /// Whether this request may have yet to store it.
    pub(crate) fn is_coming(&self) -> bool {
        match self {
            Self::Coming(_) => true,
            Self::Unread(unread) => unread.is_coming,
            Self::Nobody | Self::Key(..) => false,
        }
    }
}

impl Whose {
    /// Takes the principal that a look has shown. Returns whether the session is still theirs.
    pub(crate) fn sees(&mut self, principal: Option<&Arc<str>>) -> bool {
        match (&*self, principal) {
            (Self::Users(user), seen) => return seen == Some(user),
            (Self::Anyones, Some(seen)) => *self = Self::Users(Arc::clone(seen)),
            (Self::Anyones, None) => {}
        }
        true
    }

    /// What is known here, or else what is known there.
    pub(crate) fn or(self, other: Self) -> Self {
        if matches!(self, Self::Anyones) { other } else { self }
    }
}

impl Machine {
    /// The session whose end is waited for. That is no use of the session.
    pub(crate) fn awaited(&mut self, config: &Config) -> Result<Awaited, Error> {
        if let Life::Detached(why) = self.life {
            return Err(Error::Detached(why));
        }
        let is_coming = matches!(self.life, Life::Open) && !self.current.pending.is_empty();
        if let Some(Some(user)) = self.current.pending.new_principal()
            && is_coming
            && !matches!(self.current.state, State::Lost)
        {
            // The session that is stored now is not theirs yet.
            return Ok(Awaited::Coming(Whose::Users(Arc::clone(user))));
        }
        let whose = self.whose();
        Ok(match &self.current.state {
            State::Found(_) | State::Written => self.current.key(config).map_or(Awaited::Nobody, key_of(whose)),
            State::Unknown => self
                .presented_alone()
                .map_or(Awaited::Nobody, |alone| Awaited::Unread(Box::new(Unread { alone, is_coming, whose }))),
            State::Overtaken(overtaken) if !overtaken.is_as_good_as_none(self.request.began) => {
                self.current.key(config).map_or(Awaited::Nobody, key_of(whose))
            }
            State::Absent | State::Overtaken(_) if is_coming => Awaited::Coming(whose),
            State::Absent | State::Overtaken(_) | State::Lost => Awaited::Nobody,
        })
    }

    /// Whose the session is, as far as this request knows.
    fn whose(&self) -> Whose {
        let principal = match &self.current.state {
            State::Found(view) => view.snapshot.record.principal.as_ref(),
            State::Overtaken(Overtaken { part: Part::Read(principal), .. }) => principal.as_ref(),
            _ => None,
        };
        principal.map_or(Whose::Anyones, |user| Whose::Users(Arc::clone(user)))
    }

    /// A request of the same client that does nothing, so that finding its session changes nothing for this one.
    fn presented_alone(&self) -> Option<Self> {
        let held = self.current.held.as_ref()?;
        let others = self.presented.untried().cloned().collect::<Vec<_>>();
        let others = others.into_iter().rev().collect();
        let mut alone = Self::new(Some(held.id.clone()), others, false, ClientInfo::default(), self.request.began);
        if let Some(alone_held) = &mut alone.current.held {
            // An id that the application chose was checked then.
            alone_held.origin = if held.is_given() { Origin::Reopened } else { held.origin };
        }
        alone.request.is_passive = true;
        Some(alone)
    }

    /// Takes the answer to what proves that an id was used again, in a machine that is alone: the id opens nothing, and the request itself
    /// reports it and ends its session.
    pub(crate) fn suspected_alone(&mut self, suspicion: &Write, committed: &Committed, config: &Config) {
        self.current.id_check.is_reported = true;
        if let Verdict::Reused { on_reuse: OnReuse::EndSession, .. } = self.suspected(suspicion, committed, config) {
            self.ended_as_stolen(suspicion.key);
        }
    }
}

fn key_of(whose: Whose) -> impl FnOnce(StoreKey) -> Awaited {
    move |key| Awaited::Key(key, whose)
}
