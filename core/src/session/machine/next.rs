//! What to ask the storage next.

use super::{
    Current, Life, Machine, Progress, State, Step, Usage,
    current::{Attempt, Held, Pending, Tries},
    progress::Loses,
    step::{Create, Look, Move, Write},
};
use crate::{
    Error, IdError, Saved, SessionId, StoreKey,
    id::SealedId,
    observe::CommitOutcome,
    record::{Changes, Commit, Entries, Expect},
    session::config::Config,
};
use std::sync::Arc;

/// How many new ids to try. With a sound generator, the first one is always free.
const MAX_IDS: u8 = 3;

impl Machine {
    /// The next step, or `None` when everything is stored. At the end of the request, no more writes are accepted from
    /// then on.
    pub(crate) fn next(&mut self, progress: &mut Progress, config: &Config) -> Result<Option<Step>, Error> {
        if let Life::Detached(why) = self.life {
            return Err(Error::Detached(why));
        }
        if let Some(key) = self.next_to_end() {
            return Ok(Some(Step::Remove(key)));
        }
        if self.is_closed() {
            // After the end of the request, only a destroy could be carried out.
            return if progress.closing || progress.saved == Saved::Destroyed { Ok(None) } else { Err(Error::Closed) };
        }
        if let Some(Attempt { id, tries: Tries::Found(_) }) = &self.current.pending.attempt {
            let look = Look { id: id.clone(), key: config.keys.key_of(id), access: self.access(config) };
            return Ok(Some(Step::LookForOwn(look)));
        }
        if (!self.current.pending.changes.is_empty() || self.current.pending.renew)
            && let Some(step) = self.store_writes(progress, config)?
        {
            return Ok(Some(step));
        }
        if let Some(step) = self.rotate(progress, config)? {
            return Ok(Some(Step::Rotate(step)));
        }
        if let Some(step) = self.touch(progress, config) {
            return Ok(Some(step));
        }
        if progress.closing {
            self.life = Life::Closed;
        }
        Ok(None)
    }

    /// The session that the storage is to end next, before anything else is stored.
    pub(crate) fn next_to_end(&mut self) -> Option<StoreKey> {
        // If a step's driver was dropped, its outcome is unknown. Repeating it under the same id is harmless.
        self.current.pending.settle();
        self.ending.note_step();
        self.ending.next()
    }

    /// The step that stores the changes; `None` if there are none to store, or they cannot be stored.
    fn store_writes(&mut self, progress: &mut Progress, config: &Config) -> Result<Option<Step>, Error> {
        if matches!(self.current.state, State::Overtaken(_))
            && let Some(step) = self.after_overtaking(progress, config)?
        {
            return Ok(Some(step));
        }
        if self.must_check_id(config) {
            return Ok(self.need(config).map(Step::CheckId));
        }
        let pending = &mut self.current.pending;
        match self.current.state {
            State::Lost => {
                // A login must not be reported as successful. Other writes ended with their session.
                let is_login = pending.renew || pending.changes.logs_in();
                let loses = if is_login { Loses::of(!pending.changes.is_empty(), true) } else { Loses::Nothing };
                pending.drop_writes();
                self.dropped = Some(CommitOutcome::Gone);
                progress.lose(loses)?;
                Ok(None)
            }
            State::Overtaken(_) => Ok(None),
            State::Absent => {
                pending.renew = false;
                if pending.changes.has_content() {
                    return self.create(progress, config).map(Some);
                }
                pending.changes = Changes::default();
                Ok(None)
            }
            State::Unknown | State::Written | State::Found(_) if pending.renew => self.renew_id(progress, config),
            State::Unknown | State::Written | State::Found(_) => {
                let changes = pending.take_off();
                let expect = self.expect_current(progress.closing && self.refreshes_id(), config);
                let commit = self.commit(changes, expect, config);
                Ok(self.current.key(config).map(|key| Step::Commit(Write { key, commit })))
            }
        }
    }

    /// The touch that is due at the end of the request, or that confirms what the client is told.
    fn touch(&mut self, progress: &mut Progress, config: &Config) -> Option<Step> {
        if !progress.closing || progress.touch_asked {
            return None;
        }
        let Current { held, state, expires_at, .. } = &self.current;
        let access = match (state, expires_at) {
            (State::Found(view), None) if self.usage == Usage::Read => {
                Some(self.access(config)).filter(|access| view.snapshot.record.is_touch_due(access))
            }
            // An id or an expiry from earlier in the request must still be valid when the client is told.
            (State::Found(_) | State::Written, Some(_)) => {
                let is_told = held.as_ref().is_some_and(Held::is_news) || self.refreshes_id();
                (is_told && !progress.stored).then(|| self.access(config))
            }
            _ => None,
        }?;
        progress.touch_asked = true;
        let key = self.current.key(config)?;
        let expect = self.expect_current(self.refreshes_id(), config);
        if expect.is_none() {
            return Some(Step::Touch(key, access));
        }
        let commit = self.commit(Arc::default(), expect, config);
        Some(Step::Confirm(Write { key, commit }))
    }

    /// The id for a create or a move: that of an attempt with an unknown outcome, or a new one.
    fn fresh_id(&self, progress: &mut Progress, config: &Config) -> Result<SessionId, Error> {
        if let Some(attempt) = &self.current.pending.attempt {
            return Ok(attempt.id.clone());
        }
        if progress.ids_tried >= MAX_IDS {
            return Err(IdError::new("every new id was already taken").into());
        }
        progress.ids_tried += 1;
        Ok(config.fresh_id(&self.request.client)?)
    }

    fn create(&mut self, progress: &mut Progress, config: &Config) -> Result<Step, Error> {
        let id = match &self.current.held {
            Some(held) if held.is_given() => held.id.clone(),
            _ => self.fresh_id(progress, config)?,
        };
        let Pending { changes, .. } = &self.current.pending;
        let now = config.clock.now();
        let mut record = config.lifetime.new_record(now);
        record.entries = changes.apply_to(&Entries::EMPTY, &config.limits)?;
        changes.apply_facts(&mut record, &config.lifetime.access(now, true));
        self.current.pending.take_off();
        self.current.pending.attempt(&id);
        Ok(Step::Create(Create { key: config.keys.key_of(&id), id, record, now }))
    }

    fn renew_id(&mut self, progress: &mut Progress, config: &Config) -> Result<Option<Step>, Error> {
        let id = self.fresh_id(progress, config)?;
        self.current.pending.attempt(&id);
        let mut changes = self.current.pending.take_off();
        self.forget_ids(&mut changes);
        let mut commit = self.commit(changes, self.current.pending.confirms.clone(), config);
        let to = config.keys.key_of(&id);
        let old = self.current.held.as_ref();
        commit.sealed = old.map_or_else(SealedId::none, |old| SealedId::seal(&id, &to, &old.id));
        Ok(self.current.key(config).map(|from| Step::Move(Move { from, to, id, commit })))
    }

    pub(super) fn commit(&self, changes: Arc<Changes>, expect: Option<Expect>, config: &Config) -> Commit {
        let base = match &self.current.state {
            State::Found(view) => Some(view.snapshot.clone()),
            _ => None,
        };
        Commit { base, expect, limits: config.limits, ..Commit::of(changes, self.access(config)) }
    }
}
