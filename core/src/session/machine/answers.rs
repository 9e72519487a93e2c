//! What the storage's answer to each step changes.

use super::{
    Current, Machine, Origin, Progress, State, Tries, View,
    step::{Create, Look, Move, Write},
};
use crate::{
    Error, Saved, StoreKey, Timestamp,
    observe::{EndReason, Refused},
    record::{Access, Commit, Snapshot, reserved::TAG},
    session::config::Config,
    storage::{Committed, Created, Lookup, Moved, Removed, StorageError, StorageErrorKind, Touched},
};

/// What has come of an attempt whose answer was lost.
pub(crate) enum Looked {
    /// Nothing that is to be reported.
    Nothing,
    /// It has created the session.
    Created,
    /// It has renewed the session that was under this key.
    Renewed { from: StoreKey },
    /// The client's id opens nothing.
    Refused(Refused),
}

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
    /// Returns why the session has ended, if it has.
    pub(crate) fn removed(
        &mut self,
        key: StoreKey,
        removed: Removed,
        progress: &mut Progress,
    ) -> Result<Option<EndReason>, Error> {
        self.was_destroyed_meanwhile();
        let ended = self.ending.removed(key, removed).inspect_err(|_| self.was_told = true)?;
        progress.saved = Saved::Destroyed;
        Ok(ended)
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

    /// Takes the answer to [`Step::Commit`](super::Step::Commit). Returns the client's id if it opens nothing.
    pub(crate) fn committed(
        &mut self,
        step: &Write,
        committed: Committed,
        progress: &mut Progress,
        config: &Config,
    ) -> Option<Refused> {
        if self.was_destroyed_meanwhile() {
            return None;
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
            Committed::Renewed(at) => return self.renewed_by_another(at),
            // The only condition is that the client's id is current.
            Committed::Conflict(_) => self.note_other_id(),
            Committed::Gone => return self.gone(),
        }
        None
    }

    /// Takes the answer to [`Step::Move`](super::Step::Move). Returns the client's id if it opens nothing.
    pub(crate) fn moved(
        &mut self,
        step: &Move,
        moved: Moved,
        progress: &mut Progress,
        config: &Config,
    ) -> Option<Refused> {
        if self.was_destroyed_meanwhile() {
            return None;
        }
        let Move { id, to, commit, .. } = step;
        match moved {
            Moved::Done { expires_at, is_remembered, revision } => {
                (self.current.pending.attempt, self.current.pending.confirms) = (None, None);
                self.current.is_remembered = is_remembered;
                self.stored(commit, expires_at, revision, progress.closing, config);
                self.issue(id, *to, expires_at);
                progress.stored = true;
                progress.saved = Saved::Renewed;
            }
            // Possibly this request's own first try.
            Moved::Renewed(at) if self.current.pending.may_be_own(at) => {}
            Moved::Taken if self.current.pending.may_be_own(commit.access.now) => {}
            Moved::Renewed(at) => return self.renewed_by_another(at),
            Moved::Gone => return self.gone(),
            // Try another id.
            Moved::Taken => self.current.pending.settle(),
        }
        None
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
    /// is none. Returns what has come of the attempt.
    pub(crate) fn looked(&mut self, step: &Look, lookup: Lookup, progress: &mut Progress) -> Looked {
        if self.was_destroyed_meanwhile() {
            return Looked::Nothing;
        }
        let pending = &mut self.current.pending;
        let tries = pending.attempt.take().map(|attempt| attempt.tries);
        match lookup {
            Lookup::Found(snapshot) => {
                let is_renewal = pending.renew;
                let from = self.current.known_key();
                progress.saved = if is_renewal { Saved::Renewed } else { Saved::Created };
                progress.stored = true;
                let expires_at = snapshot.record.expires_at();
                self.current.is_remembered = snapshot.record.is_remembered;
                self.current.state = State::Found(View::of(snapshot));
                self.issue(&step.id, step.key, expires_at);
                return match from {
                    Some(from) if is_renewal => Looked::Renewed { from },
                    _ => Looked::Created,
                };
            }
            // The old id moved, but not to this one: another renewal was first.
            Lookup::Renewed(_) | Lookup::Absent if pending.renew => {
                if let Some(Tries::Found(at)) = tries {
                    return self.renewed_by_another(at).map_or(Looked::Nothing, Looked::Refused);
                }
            }
            Lookup::Renewed(_) | Lookup::Absent => {}
        }
        Looked::Nothing
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
                view.snapshot.is_now(revision);
            }
            state => *state = State::Written,
        }
        if commit.access.extend.is_some() || current.held.as_ref().is_some_and(super::Held::is_news) {
            current.expires_at = Some(expires_at);
        }
    }

    /// There is no such session. If this request never saw it, it begins a new one. Otherwise the session has ended.
    fn gone(&mut self) -> Option<Refused> {
        self.current.pending.attempt = None;
        if matches!(self.current.state, State::Unknown) {
            return self.pass_over(None);
        }
        self.current.pending.settle();
        self.lose();
        None
    }

    /// The session lives on, under an id that another request gave it.
    fn renewed_by_another(&mut self, at: Timestamp) -> Option<Refused> {
        self.current.pending.attempt = None;
        if matches!(self.current.state, State::Unknown) {
            return self.pass_over(Some(at));
        }
        self.lose_to_renewal(at);
        None
    }
}
