//! Which id is current, and giving the session a new one: see [`rotation`](crate::session::rotation).
//!
//! The id is checked when the session is first read. A request that only writes makes its commit depend on the id, and looks only if that
//! fails. At the end of the request, one of several overlapping ones changes what is kept of the id; the others join it. A response
//! that would refresh the client's cookie first makes sure that its id is still current, so that no slow one brings back a previous id.

use std::sync::Arc;

use super::{
    Current, Machine, Origin, Progress, State,
    id_check::{Due, Rotating},
    step::{Need, Rotate, Write},
};
use crate::{
    IdError, Record, SessionId, StoreKey, Timestamp,
    id::rotating::{Kept, Secret},
    observe::Refused,
    record::{
        Changes, Commit, Expect, JsonText,
        reserved::{ID, LOGIN, LoginFacts, ROTATION},
    },
    session::{
        config::Config,
        rotation::{Issue, OnReuse, Standing},
    },
    storage::{Access, Committed},
};

/// The entries that say which id is current, and since when.
pub(crate) const ID_ENTRIES: [&str; 3] = [ID, LOGIN, ROTATION];
/// Room beyond the limits of a session, for the entries that a rotation adds.
const ENTRIES: usize = 2;
const BYTES: usize = 512;

impl Machine {
    /// Whether it has to be checked that the id the client presented is the current one.
    pub(super) fn checks_id(&self, config: &Config) -> bool {
        let is_checked = |id: &SessionId| config.rotation.every.is_some() || id.has_rotated();
        self.current.held.as_ref().is_some_and(|held| held.origin == Origin::Client && is_checked(&held.id))
    }

    /// Whether the session has to be read before anything can be stored under the client's id.
    pub(super) fn must_check_id(&self, config: &Config) -> bool {
        let Current { state, id_check, pending, .. } = &self.current;
        matches!(state, State::Unknown) && (id_check.must_read || pending.renew) && self.checks_id(config)
    }

    /// Checks the id against the session that was read. `Err` if it opens nothing.
    pub(super) fn check_id(&mut self, record: &Record, need: &Need, config: &Config) -> Result<(), NotCurrent> {
        let Some(id) = self.current.held.as_ref().map(|held| &held.id) else { return Ok(()) };
        let text = record.entries.get(ROTATION);
        let issue = text.as_ref().map(|text| Issue::of(text.as_str()));
        let standing = match &issue {
            None if id.has_rotated() => Standing::Unknown,
            None => Standing::Current,
            Some(None) => {
                tracing::warn!(key = ?need.key, "what a session keeps of its id is damaged; the session counts as absent");
                Standing::Unknown
            }
            Some(Some(issue)) => issue.standing(id, &need.key, self.request.began, config.rotation.grace),
        };
        let issue = text.zip(issue.flatten());
        let due = match standing {
            Standing::Current => {
                let (issue, now) = (issue.as_ref().map(|(_, issue)| issue), need.access.now);
                let since = issue.map_or_else(|| issued_at(record), Issue::since);
                self.current.id_check.is_leaving = rotates_by(now + config.rotation.grace, since, config);
                match issue {
                    Some(issue) if issue.is_unused() => Some(Due::NoteUse),
                    _ => rotates_by(now, since, config).then_some(Due::Rotation),
                }
            }
            Standing::Previous { next } => {
                self.current.id_check.is_leaving = true;
                Some(Due::Delivery(next))
            }
            Standing::Unknown => return Err(NotCurrent::Unknown),
            Standing::Outlasted => return Err(NotCurrent::Outlasted),
            // The turn of the other id decides.
            Standing::Reused if self.presents_another_of(config) => return Err(NotCurrent::Unknown),
            Standing::Reused => return Err(issue.map_or(NotCurrent::Unknown, |(text, _)| NotCurrent::Reused(text))),
        };
        self.current.id_check.rotating =
            due.map(|due| Box::new(Rotating { due, issue, expires_at: record.expires_at() }));
        Ok(())
    }

    /// Whether an id that was not looked up yet leads to the same session.
    fn presents_another_of(&self, config: &Config) -> bool {
        let Some(key) = self.current.known_key() else { return false };
        self.presented.untried().any(|id| config.keys.key_of(id) == key)
    }

    /// Makes a commit depend on the id, if that was not checked, or if the client is to be told to keep it.
    pub(super) fn expect_current(&mut self, is_told: bool, config: &Config) -> Option<Expect> {
        let is_in_question = matches!(self.current.state, State::Unknown) || is_told;
        if !is_in_question || !self.checks_id(config) {
            return None;
        }
        if matches!(self.current.state, State::Unknown) && config.rotation.every.is_some() {
            // Nobody knows when it rotates.
            self.current.id_check.is_leaving = true;
        }
        let key = self.current.key(config)?;
        let secret = self.current.held.as_ref()?.id.secret();
        let json = secret.map(|secret| JsonText::whole(quoted(secret.hash(&key)).into()));
        Some(Expect { key: ID.into(), json })
    }

    /// A commit that depended on the id was refused.
    pub(super) fn note_other_id(&mut self) {
        self.current.pending.settle();
        let check = &mut self.current.id_check;
        match self.current.state {
            State::Unknown => check.must_read = true,
            _ => check.is_leaving = true,
        }
    }

    /// Whether the client can be told to keep its id for longer.
    pub(super) fn refreshes_id(&self) -> bool {
        let keeps_expiry = self.request.client_keeps_expiry || self.current.is_remembered;
        keeps_expiry && !self.current.id_check.is_leaving
    }

    /// Takes the answer to [`Step::Confirm`](super::Step::Confirm).
    pub(crate) fn confirmed(&mut self, access: &Access, committed: &Committed, progress: &mut Progress) {
        if self.was_destroyed_meanwhile() {
            return;
        }
        match committed {
            Committed::Done { expires_at, is_remembered, .. } => {
                self.note_tag_use_if_due(access);
                (self.current.expires_at, self.current.is_remembered) = (Some(*expires_at), *is_remembered);
            }
            Committed::Conflict(_) => {
                self.note_other_id();
                // Its activity still counts.
                progress.touch_asked = false;
            }
            Committed::Renewed(at) => self.lose_to_renewal(*at),
            Committed::Gone => self.lose(),
        }
    }

    /// What proves that an id was used again: what was read may have come from a cache, and be older than the id. Nothing is changed.
    pub(super) fn suspicion(issue: JsonText, need: &Need) -> Box<Write> {
        let expect = Expect { key: ROTATION.into(), json: Some(issue) };
        let commit = Commit::of(Arc::default(), Access { extend: None, ..need.access });
        Box::new(Write { key: need.key, commit: Commit { expect: Some(expect), ..commit } })
    }

    /// Takes the answer to a [`suspicion`](Self::suspicion).
    pub(crate) fn suspected(&mut self, suspicion: &Write, committed: &Committed, config: &Config) -> Verdict {
        if self.current.known_key() != Some(suspicion.key) {
            return Verdict::Unfounded;
        }
        let refused = |refused: Option<Refused>| refused.map_or(Verdict::Unfounded, Verdict::Refused);
        match committed {
            Committed::Done { .. } => {}
            // It has changed, so it is read again.
            Committed::Conflict(_) => return Verdict::Unfounded,
            Committed::Renewed(at) => return refused(self.pass_over(Some(*at))),
            Committed::Gone => return refused(self.pass_over(None)),
        }
        let on_reuse = config.rotation.on_reuse;
        let ends = on_reuse == OnReuse::EndSession;
        let (key, what) = (suspicion.key, if ends { "its session ends" } else { "it opens nothing" });
        let is_news = !std::mem::replace(&mut self.current.id_check.is_reported, true);
        if is_news {
            tracing::warn!(?key, "a previous id was used after its grace period: it may be stolen, so {what}");
        }
        if !ends {
            self.pass_over_reused();
        }
        Verdict::Reused { on_reuse, is_news }
    }

    /// Not also reported as refused.
    fn pass_over_reused(&mut self) {
        let _ = self.pass_over(None);
        self.current.id_check.is_reported = false;
    }

    /// The session of an id that was used again has ended.
    pub(crate) fn ended_as_stolen(&mut self, key: StoreKey) {
        if self.current.known_key() == Some(key) {
            self.ending.withdraw_if_absent();
            self.pass_over_reused();
        }
    }

    /// The id by which a client can go on with a session that another request has renewed to `id`; `None` if it is not known, because the
    /// session's id has rotated since.
    pub(super) fn current_id_of(
        &self,
        record: &Record,
        id: &SessionId,
        key: &StoreKey,
        config: &Config,
    ) -> Option<SessionId> {
        let Some(text) = record.entries.get(ROTATION) else { return Some(id.clone()) };
        match Issue::of(text.as_str())?.standing(id, key, self.request.began, config.rotation.grace) {
            Standing::Current => Some(id.clone()),
            Standing::Previous { next } => Some(next),
            _ => None,
        }
    }

    /// A session that is renewed keeps nothing of its ids before.
    pub(super) fn forget_ids(&self, changes: &mut Arc<Changes>) {
        let may_have = |entry: &str| match &self.current.state {
            State::Found(view) => !view.knows(entry) || view.snapshot.record.entries.get(entry).is_some(),
            _ => true,
        };
        if may_have(ROTATION) {
            let changes = Arc::make_mut(changes);
            [ID, ROTATION].iter().for_each(|entry| changes.remove(entry));
        }
    }

    /// What the end of the request has to do about the id.
    pub(super) fn rotate(&mut self, progress: &Progress, config: &Config) -> Result<Option<Rotate>, IdError> {
        if !progress.closing || !matches!(self.current.state, State::Found(_) | State::Written) {
            return Ok(None);
        }
        let Some(rotating) = self.current.id_check.rotating.take() else { return Ok(None) };
        let Rotating { due, issue, expires_at } = *rotating;
        let now = config.clock.now();
        let (Some(key), Some(held)) = (self.current.key(config), self.current.held.as_ref()) else { return Ok(None) };
        let (id, next) = match (due, &issue) {
            (Due::Delivery(id), _) => {
                // The answer to a slow request could displace a later id.
                if now < self.request.began + config.rotation.grace {
                    self.current.adopt(&id, key, Origin::Issued);
                    // A touch then confirms that the session is still alive.
                    self.current.expires_at.get_or_insert(expires_at);
                }
                return Ok(None);
            }
            (Due::NoteUse, Some((_, issue))) => (None, issue.clone().used(now)),
            (Due::NoteUse, None) => return Ok(None),
            (Due::Rotation, _) if self.request.is_passive => return Ok(None),
            (Due::Rotation, _) => {
                let secret = Secret::generate()?;
                let (earlier, grace) = (issue.as_ref().map(|(_, issue)| issue), config.rotation.grace);
                (Some(held.id.with_secret(secret)), Issue::rotated(secret, &held.id, earlier, &key, now, grace))
            }
        };
        let mut changes = Changes::default();
        if id.is_some() {
            changes.set_bytes(ID, quoted(next.is).as_bytes());
        }
        changes.set_bytes(ROTATION, next.json()?.as_bytes());
        let expect = Expect { key: ROTATION.into(), json: issue.map(|(text, _)| text) };
        let mut commit = self.commit(Arc::new(changes), Some(expect), config);
        commit.limits = config.limits.with_room_for(ENTRIES, BYTES);
        Ok(Some(Rotate { id, expires_at, write: Write { key, commit } }))
    }

    /// Takes the answer to [`Step::Rotate`](super::Step::Rotate).
    pub(crate) fn rotated(&mut self, step: &Rotate, committed: Committed, progress: &mut Progress, config: &Config) {
        if self.was_destroyed_meanwhile() {
            return;
        }
        match committed {
            Committed::Done { expires_at, is_remembered, .. } => {
                progress.stored = true;
                self.current.is_remembered = is_remembered;
                self.note_tag_use_if_due(&step.write.commit.access);
                if let Some(id) = &step.id {
                    self.current.adopt(id, step.write.key, Origin::Issued);
                }
                if step.id.is_some() || step.write.commit.access.extend.is_some() {
                    self.current.expires_at = Some(expires_at);
                }
            }
            Committed::Conflict(current) => self.join_rotation(step, current.as_ref(), config),
            Committed::Renewed(at) => self.lose_to_renewal(at),
            Committed::Gone => self.lose(),
        }
    }

    /// Another request was first. If the client may not have its id, this response brings it too.
    fn join_rotation(&mut self, step: &Rotate, current: Option<&JsonText>, config: &Config) {
        let Current { held: Some(held), expires_at, id_check, .. } = &mut self.current else { return };
        let (key, began) = (&step.write.key, self.request.began);
        let issue = current.and_then(|text| Issue::of(text.as_str()));
        match issue.map(|issue| issue.standing(&held.id, key, began, config.rotation.grace)) {
            Some(Standing::Current) => {}
            Some(Standing::Previous { next }) => {
                expires_at.get_or_insert(step.expires_at);
                self.current.adopt(&next, *key, Origin::Issued);
            }
            _ => id_check.is_leaving = true,
        }
    }
}

/// What has come of a suspicion.
pub(crate) enum Verdict {
    /// The id counts, or has to be read again.
    Unfounded,
    /// The id opens nothing.
    Refused(Refused),
    /// The id was used again. `is_news` unless that was reported before, and the session could not be ended.
    Reused { on_reuse: OnReuse, is_news: bool },
}

/// Why an id opens nothing.
pub(super) enum NotCurrent {
    /// It never was an id of the session, or the client presents another one.
    Unknown,
    /// It may have counted when the request began.
    Outlasted,
    /// It is from before a rotation. The session keeps this of its id.
    Reused(JsonText),
}

/// Whether an id that has been in use since then rotates by this time.
fn rotates_by(time: Timestamp, since: Timestamp, config: &Config) -> bool {
    config.rotation.every.is_some_and(|period| since + period <= time)
}

/// When the id of a session was issued that has not rotated since its creation or its login.
fn issued_at(record: &Record) -> Timestamp {
    let login = record.entries.get(LOGIN).and_then(|text| LoginFacts::of(text.as_str()));
    login.map_or(record.created_at, |login| login.at().max(record.created_at))
}

/// As JSON.
fn quoted(hash: Kept) -> String {
    format!("\"{}\"", hash.text())
}
