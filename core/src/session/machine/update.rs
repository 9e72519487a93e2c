//! Atomic change of one entry.

use std::sync::Arc;

use super::{Machine, State, step::Write, write::check_key};
use crate::{
    Error,
    record::{Changes, Encoded, Expect, JsonText},
    session::config::Config,
    storage::Committed,
};

/// Tries of one atomic update. Each lost try means that another update won, so only a storm gets here.
pub(crate) const MAX_UPDATE_TRIES: u32 = 10_000;

/// How to do an atomic update.
#[derive(Debug)]
pub(crate) enum Update {
    /// The entry is known only to this request. The new value is recorded like any other write.
    Local(Option<JsonText>),
    /// The entry is in the storage. The new value is committed at once, if the old one is still there.
    Shared(Option<JsonText>),
}

impl Machine {
    /// Forgets what was read, so that it is loaded again. The session is known to have existed.
    pub(crate) fn forget_view(&mut self) {
        if matches!(self.current.state, State::Found(_)) {
            self.current.state = State::Written;
        }
    }

    /// How to update `key` atomically, after [`want`](Self::want).
    pub(crate) fn update(&mut self, key: &str) -> Result<Update, Error> {
        self.check_open()?;
        check_key(key)?;
        self.current.pending.settle();
        match &self.current.state {
            State::Lost => Err(Error::Gone),
            State::Overtaken(overtaken) if !overtaken.is_as_good_as_none(self.request.began) => Err(Error::Gone),
            State::Found(view) if self.current.pending.changes.get(key).is_none() => {
                Ok(Update::Shared(view.snapshot.record.entries.get(key)))
            }
            _ => Ok(Update::Local(self.value(key))),
        }
    }

    /// The commit of an atomic update, separate from the request's other writes.
    pub(crate) fn update_step(
        &mut self,
        key: &str,
        old: Option<JsonText>,
        new: Option<&Encoded>,
        config: &Config,
    ) -> Result<Write, Error> {
        self.ending.note_step();
        let mut changes = Changes::default();
        match new {
            Some(value) => {
                config.limits.check_encoded(key, value)?;
                changes.set_bytes(key, &value.text);
            }
            None => changes.remove(key),
        }
        let expect = Expect { key: key.into(), json: old };
        let commit = self.commit(Arc::new(changes), Some(expect), config);
        // A session that was found has a key.
        let key = self.current.key(config).ok_or(Error::Gone)?;
        Ok(Write { key, commit })
    }

    /// Takes the answer to an atomic update: `Ok(None)` if it is stored, `Ok(Some(current))` if another update was
    /// first.
    pub(crate) fn updated(
        &mut self,
        step: &Write,
        committed: Committed,
        config: &Config,
    ) -> Result<Option<Option<JsonText>>, Error> {
        if self.ending.take_came_meanwhile() {
            return Err(Error::Gone);
        }
        match committed {
            Committed::Done { expires_at, is_remembered, revision } => {
                self.current.is_remembered = is_remembered;
                self.stored(&step.commit, expires_at, revision, false, config);
                Ok(None)
            }
            Committed::Conflict(current) => {
                // Later reads must agree with what this request is told now.
                if let (State::Found(view), Some(expect)) = (&mut self.current.state, &step.commit.expect) {
                    view.snapshot.correct(&expect.key, current.as_ref());
                }
                Ok(Some(current))
            }
            Committed::Renewed(at) => {
                self.lose_to_renewal(at);
                Err(Error::Gone)
            }
            Committed::Gone => {
                self.lose();
                Err(Error::Gone)
            }
        }
    }
}
