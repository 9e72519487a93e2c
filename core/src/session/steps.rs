//! Storing what a request did, step by step: the machine says what to ask the storage and is told what it answered.

use std::sync::Arc;

use super::{
    config::Config,
    delivery::Saved,
    machine::{Attempt, Machine, Standing, Tries, View},
    overtaken::Loses,
};
use crate::{
    Error, Record, SessionId, StoreKey, Timestamp,
    id::SealedId,
    record::{Changes, Commit, Encoded, Entries, Expect, JsonText, Snapshot},
    storage::{
        Access, Committed, Created, Leads, Lookup, Moved, Removed, StorageError, StorageErrorKind, Touched, Trace,
        Trail,
    },
};

/// New ids to try before giving up: with a sound generator, the first one always is free.
const MAX_IDS: u8 = 3;

/// Something to ask the storage.
#[derive(Debug)]
pub(crate) enum Step {
    Remove {
        key: StoreKey,
    },
    Create {
        id: SessionId,
        key: StoreKey,
        record: Record,
        now: Timestamp,
    },
    Commit {
        key: StoreKey,
        commit: Commit,
    },
    Move {
        id: SessionId,
        from: StoreKey,
        to: StoreKey,
        commit: Commit,
    },
    Touch {
        key: StoreKey,
        access: Access,
    },
    /// Looks whether an earlier attempt has succeeded after all.
    Look {
        id: SessionId,
        key: StoreKey,
        access: Access,
    },
    /// Asks to which id another request has renewed the session.
    Follow {
        old: SessionId,
        key: StoreKey,
        now: Timestamp,
    },
    /// Looks whose session that is.
    Recognise {
        id: SessionId,
        key: StoreKey,
        access: Access,
    },
}

/// What the storage answered to a [`Step`].
#[derive(Debug)]
pub(crate) enum Reply {
    Removed(Removed),
    Created(Created),
    Committed(Committed),
    Moved(Moved),
    Touched(Touched),
    Looked(Lookup),
    Followed(Option<Trace>),
}

/// How far a save or a close has come.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Whether the request ends, so that it also counts as activity.
    pub(super) closing: bool,
    pub(super) saved: Saved,
    ids_tried: u8,
    touch_asked: bool,
    /// Whether something was stored, so that the session was alive a moment ago.
    stored: bool,
    /// Whether something that was written is lost although the session lives.
    pub(super) conflict: bool,
}

impl Progress {
    pub(crate) const fn saving() -> Self {
        Self { closing: false, saved: Saved::Nothing, ids_tried: 0, touch_asked: false, stored: false, conflict: false }
    }

    pub(crate) const fn closing() -> Self {
        Self { closing: true, ..Self::saving() }
    }

    pub(crate) const fn saved(&self) -> Saved {
        self.saved
    }

    pub(crate) const fn conflict(&self) -> bool {
        self.conflict
    }
}

/// What an atomic update has to do.
#[derive(Debug)]
pub(crate) enum Update {
    /// The entry has not left this request; the new value is recorded like any other write.
    Local(Option<JsonText>),
    /// The storage has the entry; the new value is committed at once, if it still is the old one.
    Shared(Option<JsonText>),
}

impl Machine {
    /// The next thing to ask the storage, or `None` when all is stored. If that is the end of the request, nothing can be written
    /// from then on.
    pub(crate) fn next(
        &mut self,
        progress: &mut Progress,
        now: Timestamp,
        config: &Config,
    ) -> Result<Option<Step>, Error> {
        if let Some(why) = self.detached {
            return Err(Error::Detached(why));
        }
        // A step whose driver was dropped: its outcome is unknown. Doing it again is harmless, under the same id.
        self.settle_in_flight();
        self.destroyed_meanwhile = false;
        if let Some(&key) = self.doomed.last() {
            return Ok(Some(Step::Remove { key }));
        }
        if self.closed {
            // All that could be done after the end was to destroy.
            return if progress.closing || progress.saved == Saved::Destroyed { Ok(None) } else { Err(Error::Closed) };
        }
        if let Some(Attempt { id, tries: Tries::Found(_) }) = &self.attempt {
            let access = config.lifetime.access(now, self.passive);
            return Ok(Some(Step::Look { id: id.clone(), key: config.keys.key_of(id), access }));
        }
        if !self.changes.is_empty() || self.renew {
            if matches!(self.standing, Standing::Overtaken(_))
                && let Some(step) = self.after_overtaking(progress, now, config)?
            {
                return Ok(Some(step));
            }
            match self.standing {
                Standing::Lost => {
                    // Whoever logs in must not be told that it worked. What else was written has ended with its session.
                    let is_login = self.renew || self.changes.logs_in();
                    let loses = if is_login { Loses::of(!self.changes.is_empty(), true) } else { Loses::Nothing };
                    self.abandon();
                    progress.lose(loses)?;
                }
                Standing::Overtaken(_) => {}
                Standing::Absent => {
                    self.renew = false;
                    if self.changes.has_content() {
                        return self.create(progress, now, config).map(Some);
                    }
                    self.changes = Changes::default();
                }
                Standing::Unknown | Standing::Written | Standing::Found(_) if self.renew => {
                    return self.move_on(progress, now, config);
                }
                Standing::Unknown | Standing::Written | Standing::Found(_) => {
                    let changes = self.take_off();
                    let commit = self.commit(changes, None, now, config);
                    return Ok(self.key(config).map(|key| Step::Commit { key, commit }));
                }
            }
        }
        let touch = self.touch(progress, now, config);
        self.closed |= progress.closing && touch.is_none();
        Ok(touch)
    }

    fn touch(&mut self, progress: &mut Progress, now: Timestamp, config: &Config) -> Option<Step> {
        let access = config.lifetime.access(now, self.passive);
        let due = match &self.standing {
            Standing::Found(view) => view.snapshot.record.is_touch_due(&access),
            _ => false,
        };
        let is_due = due && self.read && self.extended_to.is_none();
        // An id or an expiry from earlier in the request must still be true when the client is told.
        let must_confirm = !progress.stored
            && self.extended_to.is_some()
            && (self.issued || self.client_keeps_expiry)
            && matches!(self.standing, Standing::Found(_) | Standing::Written);
        if !progress.closing || progress.touch_asked || !(is_due || must_confirm) {
            return None;
        }
        progress.touch_asked = true;
        self.key(config).map(|key| Step::Touch { key, access })
    }

    /// An id to create under or to move to: that of an attempt whose outcome is not known, or a new one.
    fn fresh_id(&mut self, progress: &mut Progress, config: &Config) -> Result<SessionId, Error> {
        if let Some(attempt) = &self.attempt {
            return Ok(attempt.id.clone());
        }
        if progress.ids_tried >= MAX_IDS {
            return Err(crate::IdError::new("every new id was taken already").into());
        }
        progress.ids_tried += 1;
        let id = config.ids.generate(&self.client)?;
        if !config.keys.admits(&id) {
            return Err(crate::IdError::new(
                "the storage cannot keep a session under an id as the generator makes them",
            )
            .into());
        }
        Ok(id)
    }

    fn create(&mut self, progress: &mut Progress, now: Timestamp, config: &Config) -> Result<Step, Error> {
        let id = match &self.id {
            Some(id) if self.id_is_given => id.clone(),
            _ => self.fresh_id(progress, config)?,
        };
        let mut record = config.lifetime.new_record(now);
        record.entries = self.changes.apply_to(&Entries::EMPTY, &config.limits)?;
        record.principal = self.changes.new_principal().cloned().flatten();
        self.take_off();
        self.attempt(&id);
        Ok(Step::Create { key: config.keys.key_of(&id), id, record, now })
    }

    fn move_on(&mut self, progress: &mut Progress, now: Timestamp, config: &Config) -> Result<Option<Step>, Error> {
        let id = self.fresh_id(progress, config)?;
        self.attempt(&id);
        let changes = self.take_off();
        let mut commit = self.commit(changes, None, now, config);
        let to = config.keys.key_of(&id);
        commit.sealed = self.id.as_ref().map_or_else(SealedId::none, |old| SealedId::seal(&id, &to, old));
        Ok(self.key(config).map(|from| Step::Move { from, to, id, commit }))
    }

    /// A create or a move leaves for the storage.
    fn attempt(&mut self, id: &SessionId) {
        let tries = if self.attempt.is_some() { Tries::Again } else { Tries::First };
        self.attempt = Some(Attempt { id: id.clone(), tries });
    }

    /// Something is in the way of a create or a move, since `at`. If it is the second try, that may be the first one.
    fn may_be_own(&mut self, at: Timestamp) -> bool {
        match &mut self.attempt {
            Some(attempt) if attempt.tries == Tries::Again => {
                attempt.tries = Tries::Found(at);
                self.settle_in_flight();
                true
            }
            _ => {
                self.attempt = None;
                false
            }
        }
    }

    /// What an attempt's look has found: its session, which is this request's then, or nothing.
    fn looked(&mut self, id: &SessionId, key: StoreKey, lookup: Lookup, progress: &mut Progress) {
        let tries = self.attempt.take().map(|attempt| attempt.tries);
        match lookup {
            Lookup::Found(snapshot) => {
                let expires_at = snapshot.record.expires_at();
                progress.saved = if self.renew { Saved::Renewed } else { Saved::Created };
                progress.stored = true;
                self.standing = Standing::Found(View::of(snapshot));
                (self.id, self.key, self.id_is_given) = (Some(id.clone()), Some(key), false);
                (self.renew, self.issued, self.extended_to) = (false, true, Some(expires_at));
            }
            // The old id has moved, but not to here: another renewal was first.
            Lookup::Moved(_) | Lookup::Absent if self.renew => {
                if let Some(Tries::Found(at)) = tries {
                    self.renewed_by_another(at);
                }
            }
            Lookup::Moved(_) | Lookup::Absent => {}
        }
    }

    fn commit(&self, changes: Arc<Changes>, expect: Option<Expect>, now: Timestamp, config: &Config) -> Commit {
        let base = match &self.standing {
            Standing::Found(view) => Some(view.snapshot.clone()),
            _ => None,
        };
        let access = config.lifetime.access(now, self.passive);
        Commit { base, expect, limits: config.limits, ..Commit::of(changes, access) }
    }

    /// The changes leave for the storage; what is written meanwhile is kept apart.
    fn take_off(&mut self) -> Arc<Changes> {
        let changes = Arc::new(std::mem::take(&mut self.changes));
        self.in_flight = Some(Arc::clone(&changes));
        changes
    }

    /// Changes whose fate is not known, or that were refused, are pending again.
    pub(super) fn settle_in_flight(&mut self) {
        if let Some(in_flight) = self.in_flight.take() {
            let later = std::mem::replace(&mut self.changes, Arc::unwrap_or_clone(in_flight));
            self.changes.then(later);
        }
    }

    /// The storage failed: everything is as before the step. What is over a limit can never be stored and is dropped, but
    /// nothing else.
    pub(crate) fn failed(&mut self, step: &Step, error: &StorageError) {
        if matches!(error.kind(), StorageErrorKind::Limit(_)) {
            self.in_flight = None;
            self.renew &= !matches!(step, Step::Move { .. });
        }
        self.settle_in_flight();
    }

    /// Takes what the storage answered to a step.
    pub(crate) fn reply(
        &mut self,
        step: &Step,
        reply: Reply,
        progress: &mut Progress,
        config: &Config,
    ) -> Result<(), Error> {
        if std::mem::take(&mut self.destroyed_meanwhile) {
            // The session this step was for is no longer this request's; what the step has made must end too.
            self.attempt = None;
            if let (Step::Create { key, .. }, Reply::Created(Created::Done)) = (step, &reply) {
                self.doomed.push(*key);
            }
            if !matches!(step, Step::Remove { .. }) {
                return Ok(());
            }
        }
        match (step, reply) {
            (Step::Remove { key }, Reply::Removed(removed)) => {
                match self.way_of(removed)? {
                    Some(next) => {
                        self.doomed.iter_mut().filter(|doomed| *doomed == key).for_each(|doomed| *doomed = next);
                    }
                    None => self.doomed.retain(|doomed| doomed != key),
                }
                progress.saved = Saved::Destroyed;
            }
            (Step::Create { id, key, record, .. }, Reply::Created(created)) => {
                self.created(id, *key, record, created, progress)?;
            }
            (Step::Commit { commit, .. }, Reply::Committed(committed)) => match committed {
                Committed::Done { expires_at, revision } => {
                    progress.stored = true;
                    progress.saved = if self.joins { Saved::Renewed } else { Saved::Committed };
                    // Whoever joins a session has to tell its client the id.
                    self.issued |= std::mem::take(&mut self.joins);
                    self.stored(commit, expires_at, revision, progress.closing, config);
                }
                Committed::Moved(at) => self.renewed_by_another(at),
                // A commit without a condition has no conflict.
                Committed::Gone | Committed::Conflict(_) => self.gone(),
            },
            (Step::Move { id, to, commit, .. }, Reply::Moved(moved)) => match moved {
                Moved::Done { expires_at, revision } => {
                    self.attempt = None;
                    progress.stored = true;
                    self.stored(commit, expires_at, revision, progress.closing, config);
                    (self.id, self.key, self.id_is_given) = (Some(id.clone()), Some(*to), false);
                    (self.renew, self.issued, self.extended_to) = (false, true, Some(expires_at));
                    progress.saved = Saved::Renewed;
                }
                // Its own first try, perhaps.
                Moved::Moved(at) if self.may_be_own(at) => {}
                Moved::Taken if self.may_be_own(commit.access.now) => {}
                Moved::Moved(at) => self.renewed_by_another(at),
                Moved::Gone => self.gone(),
                // Another new id.
                Moved::Taken => self.settle_in_flight(),
            },
            (Step::Touch { .. }, Reply::Touched(Touched::Done(expires_at))) => self.extended_to = Some(expires_at),
            (Step::Touch { .. }, Reply::Touched(Touched::Gone)) => self.standing = Standing::Lost,
            (Step::Look { id, key, .. }, Reply::Looked(lookup)) => self.looked(id, *key, lookup, progress),
            (Step::Follow { old, .. }, Reply::Followed(trace)) => self.followed(old, trace, config),
            (Step::Recognise { id, key, access }, Reply::Looked(lookup)) => {
                self.recognised(id, *key, lookup, access.now, config);
            }
            // A driver gives the answer that belongs to the step.
            _ => self.settle_in_flight(),
        }
        Ok(())
    }

    /// The key at which a session that is being ended has to be looked for next; `None` if it has ended.
    fn way_of(&mut self, removed: Removed) -> Result<Option<StoreKey>, StorageError> {
        if let Removed::Moved(next) = removed {
            match self.trail.follow(&next) {
                Ok(Leads::On) => return Ok(Some(next)),
                Ok(Leads::InACircle) => {}
                Err(error) => {
                    // It may live on somewhere, so this is no success; the next try goes on from here.
                    self.trail = Trail::default();
                    return Err(error);
                }
            }
        }
        self.trail = Trail::default();
        Ok(None)
    }

    fn created(
        &mut self,
        id: &SessionId,
        key: StoreKey,
        record: &Record,
        created: Created,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        match created {
            Created::Done => {
                self.attempt = None;
                progress.stored = true;
                self.in_flight = None;
                (self.id, self.key, self.id_is_given) = (Some(id.clone()), Some(key), false);
                self.standing = Standing::Found(View::of(Snapshot::complete(record.clone())));
                (self.issued, self.extended_to) = (true, Some(record.expires_at()));
                if progress.saved != Saved::Destroyed {
                    progress.saved = Saved::Created;
                }
            }
            // Its own first try, perhaps.
            Created::Exists if self.may_be_own(record.created_at) => {}
            Created::Exists => {
                self.settle_in_flight();
                if self.id_is_given {
                    return Err(Error::IdTaken);
                }
            }
        }
        Ok(())
    }

    /// A commit was stored: what is known of the session follows.
    fn stored(&mut self, commit: &Commit, expires_at: Timestamp, revision: u64, closing: bool, config: &Config) {
        self.in_flight = None;
        match &mut self.standing {
            // At the end nobody reads any more; who does all the same, reads it from the storage.
            Standing::Found(view) if !closing => {
                let record = &mut view.snapshot.record;
                // It was within the limits when it was stored, as far as this request knows it.
                if let Ok(entries) = commit.changes.apply_to(&record.entries, &config.limits) {
                    record.entries = entries;
                }
                if let Some(names) = &mut view.names {
                    names.extend(commit.changes.edits().map(|(key, _)| key.into()));
                }
                if let Some(principal) = commit.changes.new_principal() {
                    record.principal.clone_from(principal);
                }
                record.extend(&commit.access);
                view.snapshot.revision = revision;
            }
            standing => *standing = Standing::Written,
        }
        if commit.access.extend.is_some() || self.issued {
            self.extended_to = Some(expires_at);
        }
    }

    /// There is no such session. If this request had never seen it, it starts a new one; otherwise it ended meanwhile.
    fn gone(&mut self) {
        self.attempt = None;
        if matches!(self.standing, Standing::Unknown) {
            self.pass_over(None);
        } else {
            self.settle_in_flight();
            self.standing = Standing::Lost;
        }
    }

    /// The session lives on under an id that another request has given it.
    fn renewed_by_another(&mut self, at: Timestamp) {
        self.attempt = None;
        if matches!(self.standing, Standing::Unknown) { self.pass_over(Some(at)) } else { self.lose_to_renewal(at) }
    }

    /// Forgets what was read, so that it is read again; the session is known to have existed.
    pub(crate) fn forget_view(&mut self) {
        if matches!(self.standing, Standing::Found(_)) {
            self.standing = Standing::Written;
        }
    }

    /// How an atomic update of `key` has to be done, after [`want`](Self::want).
    pub(crate) fn update(&mut self, key: &str) -> Result<Update, Error> {
        self.check_open()?;
        self.settle_in_flight();
        match &self.standing {
            Standing::Lost => Err(Error::Gone),
            Standing::Overtaken(overtaken) if !overtaken.is_as_good_as_none(self.began) => Err(Error::Gone),
            Standing::Found(view) if self.changes.get(key).is_none() => {
                Ok(Update::Shared(view.snapshot.record.entries.get(key)))
            }
            _ => Ok(Update::Local(self.value(key))),
        }
    }

    /// The commit of an atomic update, apart from what else the request has written.
    pub(crate) fn update_step(
        &mut self,
        key: &str,
        old: Option<JsonText>,
        new: Option<&Encoded>,
        now: Timestamp,
        config: &Config,
    ) -> Result<Step, Error> {
        self.destroyed_meanwhile = false;
        let mut changes = Changes::default();
        match new {
            Some(value) => {
                config.limits.check_encoded(key, value)?;
                changes.set(key, Arc::clone(&value.text));
            }
            None => changes.remove(key),
        }
        let expect = Expect { key: key.into(), json: old };
        let commit = self.commit(Arc::new(changes), Some(expect), now, config);
        // A session that was found has a key.
        let key = self.key(config).ok_or(Error::Gone)?;
        Ok(Step::Commit { key, commit })
    }

    /// Takes the answer to an atomic update: `Ok(None)` if it is stored, `Ok(Some(current))` if another one was first.
    pub(crate) fn updated(
        &mut self,
        step: &Step,
        reply: Reply,
        config: &Config,
    ) -> Result<Option<Option<JsonText>>, Error> {
        if std::mem::take(&mut self.destroyed_meanwhile) {
            return Err(Error::Gone);
        }
        match (step, reply) {
            (Step::Commit { commit, .. }, Reply::Committed(Committed::Done { expires_at, revision })) => {
                self.stored(commit, expires_at, revision, false, config);
                Ok(None)
            }
            (Step::Commit { commit, .. }, Reply::Committed(Committed::Conflict(current))) => {
                // What this request is told now, it must not deny when it is asked again.
                if let (Standing::Found(view), Some(expect)) = (&mut self.standing, &commit.expect) {
                    view.snapshot.correct(&expect.key, current.as_ref());
                }
                Ok(Some(current))
            }
            (_, reply) => {
                match reply {
                    Reply::Committed(Committed::Moved(at)) => self.lose_to_renewal(at),
                    _ => self.standing = Standing::Lost,
                }
                Err(Error::Gone)
            }
        }
    }
}

/// Tries of one atomic update: each lost one means that another update won, so this is reached only under a storm.
pub(crate) const MAX_UPDATE_TRIES: u32 = 10_000;
