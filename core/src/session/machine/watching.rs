//! Which session somebody waits for who waits for its end.

use super::{Life, Machine, Origin, State};
use crate::{ClientInfo, Error, StoreKey, session::config::Config};

/// The session whose end is waited for, as far as is known without asking the storage.
#[derive(Debug)]
pub(crate) enum Awaited {
    /// There is none, and this request stores none.
    Nobody,
    /// The one under this key, or where it was renewed to.
    Key(StoreKey),
    /// The one that this request will store, if it does.
    Coming,
    /// The one that the ids of the client open, as this machine finds out. If there is none: whether this request will store one.
    Presented(Box<Machine>, bool),
}

impl Machine {
    /// The session whose end is waited for. That is no use of the session.
    pub(crate) fn awaited(&mut self, config: &Config) -> Result<Awaited, Error> {
        if let Life::Detached(why) = self.life {
            return Err(Error::Detached(why));
        }
        let is_coming = matches!(self.life, Life::Open) && !self.current.pending.is_empty();
        Ok(match &self.current.state {
            State::Found(_) | State::Written => self.current.key(config).map_or(Awaited::Nobody, Awaited::Key),
            State::Unknown => {
                self.presented_alone().map_or(Awaited::Nobody, |alone| Awaited::Presented(alone, is_coming))
            }
            State::Overtaken(overtaken) if !overtaken.is_as_good_as_none(self.request.began) => {
                self.current.key(config).map_or(Awaited::Nobody, Awaited::Key)
            }
            State::Absent | State::Overtaken(_) if is_coming => Awaited::Coming,
            State::Absent | State::Overtaken(_) | State::Lost => Awaited::Nobody,
        })
    }

    /// A request of the same client that does nothing, so that finding its session changes nothing for this one.
    fn presented_alone(&self) -> Option<Box<Self>> {
        let held = self.current.held.as_ref()?;
        let others = self.presented.untried().cloned().collect::<Vec<_>>();
        let others = others.into_iter().rev().collect();
        let mut alone = Self::new(Some(held.id.clone()), others, false, ClientInfo::default(), self.request.began);
        if let Some(alone_held) = &mut alone.current.held {
            // An id that the application chose was checked then.
            alone_held.origin = if held.is_given() { Origin::Reopened } else { held.origin };
        }
        alone.request.is_passive = true;
        Some(Box::new(alone))
    }
}
