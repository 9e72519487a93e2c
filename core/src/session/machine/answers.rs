//! What the storage's answer to each step changes.

use super::{
    Current, Machine, Origin, Progress, State, Tries, View,
    step::{Create, Look, Move, Write},
};
use crate::{
    Error, Saved, StoreKey, Timestamp,
    record::{Access, Commit, Snapshot, reserved::TAG},
    session::config::Config,
    storage::{Committed, Created, Lookup, Moved, Removed, StorageError, StorageErrorKind, Touched},
};

impl Machine {
    /// The storage failed: everything stays as before the step, which was to give the session a new id if `is_move`.
    /// Only changes that exceed a limit are dropped, as they can never be stored.
    pub(crate) fn failed(&mut self, is_move: bool, error: &StorageError) {
        let pending = &mut self.current.pending;
        if matches!(error.kind(), StorageErrorKind::Limit(_)) {
            pending.in_flight = None;
            pending.renew &= !is_move;
        }
        pending.settle();
    }

    /// Whether `destroy` was called while a step was under way. Its answer is then about a session that this request no
    /// longer has.
    pub(super) fn was_destroyed_meanwhile(&mut self) -> bool {
        let was = self.ending.take_came_meanwhile();
        if was {
            self.current.pending.attempt = None;
        }
        was
    }

    /// Takes the answer to [`Step::Remove`](super::Step::Remove).
    pub(crate) fn removed(&mut self, key: StoreKey, removed: Removed, progress: &mut Progress) -> Result<(), Error> {
        self.was_destroyed_meanwhile();
        self.ending.removed(key, removed).inspect_err(|_| self.was_told = true)?;
        progress.saved = Saved::Destroyed;
        Ok(())
    }

    /// Takes the answer to [`Step::Create`](super::Step::Create).
    pub(crate) fn created(&mut self, step: &Create, created: Created, progress: &mut Progress) -> Result<(), Error> {
        if self.was_destroyed_meanwhile() {
            if created == Created::Done {
                // The session that this step created must end too.
                self.ending.add(step.key);
            }
            return Ok(());
        }
        let Create { id, key, record, .. } = step;
        let Current { held, state, pending, expires_at, is_remembered, .. } = &mut self.current;
        match created {
            Created::Done => {
                (pending.attempt, pending.in_flight) = (None, None);
                *state = State::Found(View::of(Snapshot::complete(record.clone())));
                (*expires_at, *is_remembered) = (Some(record.expires_at()), record.is_remembered);
                progress.stored = true;
                if progress.saved != Saved::Destroyed {
                    progress.saved = Saved::Created;
                }
                self.current.adopt(id, *key, Origin::Issued);
            }
            // Possibly this request's own first try.
            Created::Exists if pending.may_be_own(record.created_at) => {}
            Created::Exists => {
                pending.settle();
                if held.as_ref().is_some_and(super::Held::is_given) {
                    self.was_told = true;
                    return Err(Error::IdTaken);
                }
            }
        }
        Ok(())
    }

    /// Takes the answer to [`Step::Commit`](super::Step::Commit).
    pub(crate) fn committed(&mut self, step: &Write, committed: Committed, progress: &mut Progress, config: &Config) {
        if self.was_destroyed_meanwhile() {
            return;
        }
        match committed {
            Committed::Done { expires_at, is_remembered, revision } => {
                progress.stored = true;
                progress.saved = Saved::Committed;
                let forgets = self.current.is_remembered && !is_remembered;
                if let Some(held) = &mut self.current.held {
                    match held.origin {
                        // A client that joins a renewed session must learn its id.
                        Origin::Joined => {
                            held.origin = Origin::Issued;
                            progress.saved = Saved::Renewed;
                        }
                        // A client that keeps its id must learn that it should no longer.
                        Origin::Client if forgets => held.origin = Origin::Issued,
                        _ => {}
                    }
                }
                self.current.is_remembered = is_remembered;
                self.stored(&step.commit, expires_at, revision, progress.closing, config);
            }
            Committed::Renewed(at) => self.renewed_by_another(at),
            // The only condition is that the client's id is current.
            Committed::Conflict(_) => self.note_other_id(),
            Committed::Gone => self.gone(),
        }
    }

    /// Takes the answer to [`Step::Move`](super::Step::Move).
    pub(crate) fn moved(&mut self, step: &Move, moved: Moved, progress: &mut Progress, config: &Config) {
        if self.was_destroyed_meanwhile() {
            return;
        }
        let Move { id, to, commit, .. } = step;
        match moved {
            Moved::Done { expires_at, is_remembered, revision } => {
                self.current.pending.attempt = None;
                self.current.is_remembered = is_remembered;
                self.stored(commit, expires_at, revision, progress.closing, config);
                self.issue(id, *to, expires_at);
                progress.stored = true;
                progress.saved = Saved::Renewed;
            }
            // Possibly this request's own first try.
            Moved::Renewed(at) if self.current.pending.may_be_own(at) => {}
            Moved::Taken if self.current.pending.may_be_own(commit.access.now) => {}
            Moved::Renewed(at) => self.renewed_by_another(at),
            Moved::Gone => self.gone(),
            // Try another id.
            Moved::Taken => self.current.pending.settle(),
        }
    }

    /// Takes the answer to [`Step::Touch`](super::Step::Touch).
    pub(crate) fn touched(&mut self, access: &Access, touched: Touched) {
        if self.was_destroyed_meanwhile() {
            return;
        }
        match touched {
            Touched::Done(expires_at) => {
                self.current.expires_at = Some(expires_at);
                self.note_tag_use_if_due(access);
            }
            Touched::Gone => self.lose(),
        }
    }

    /// Takes the answer to [`Step::LookForOwn`](super::Step::LookForOwn): the session is this request's own, or there
    /// is none.
    pub(crate) fn looked(&mut self, step: &Look, lookup: Lookup, progress: &mut Progress) {
        if self.was_destroyed_meanwhile() {
            return;
        }
        let pending = &mut self.current.pending;
        let tries = pending.attempt.take().map(|attempt| attempt.tries);
        match lookup {
            Lookup::Found(snapshot) => {
                progress.saved = if pending.renew { Saved::Renewed } else { Saved::Created };
                progress.stored = true;
                let expires_at = snapshot.record.expires_at();
                self.current.is_remembered = snapshot.record.is_remembered;
                self.current.state = State::Found(View::of(snapshot));
                self.issue(&step.id, step.key, expires_at);
            }
            // The old id moved, but not to this one: another renewal was first.
            Lookup::Renewed(_) | Lookup::Absent if pending.renew => {
                if let Some(Tries::Found(at)) = tries {
                    self.renewed_by_another(at);
                }
            }
            Lookup::Renewed(_) | Lookup::Absent => {}
        }
    }

    /// Gives the session this new id, which the client must learn.
    fn issue(&mut self, id: &crate::SessionId, key: StoreKey, expires_at: Timestamp) {
        self.current.adopt(id, key, Origin::Issued);
        self.current.pending.renew = false;
        self.current.expires_at = Some(expires_at);
    }

    /// Updates what is known of the session after a commit.
    pub(super) fn stored(
        &mut self,
        commit: &Commit,
        expires_at: Timestamp,
        revision: u64,
        closing: bool,
        config: &Config,
    ) {
        // A login has noted its tag itself.
        if commit.changes.get(TAG).is_none() {
            self.note_tag_use_if_due(&commit.access);
        }
        let current = &mut self.current;
        current.pending.in_flight = None;
        match &mut current.state {
            // After the end nobody reads the view. A later read loads the session.
            State::Found(view) if !closing => {
                let record = &mut view.snapshot.record;
                // As far as this request knows, it was within the limits when it was stored.
                if let Ok(entries) = commit.changes.apply_to(&record.entries, &config.limits) {
                    record.entries = entries;
                }
                if let Some(names) = &mut view.names {
                    names.extend(commit.changes.edits().map(|(key, _)| key.into()));
                }
                commit.changes.apply_facts(record, &commit.access);
                record.extend(&commit.access);
                (view.snapshot.revision, view.snapshot.stored) = (revision, None);
            }
            state => *state = State::Written,
        }
        if commit.access.extend.is_some() || current.held.as_ref().is_some_and(super::Held::is_news) {
            current.expires_at = Some(expires_at);
        }
    }

    /// There is no such session. If this request never saw it, it begins a new one. Otherwise the session has ended.
    fn gone(&mut self) {
        self.current.pending.attempt = None;
        if matches!(self.current.state, State::Unknown) {
            self.pass_over(None);
        } else {
            self.current.pending.settle();
            self.lose();
        }
    }

    /// The session lives on, under an id that another request gave it.
    fn renewed_by_another(&mut self, at: Timestamp) {
        self.current.pending.attempt = None;
        if matches!(self.current.state, State::Unknown) { self.pass_over(Some(at)) } else { self.lose_to_renewal(at) }
    }
}
