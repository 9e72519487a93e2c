//! Which id is current, and giving the session a new one: see [`rotation`](crate::session::rotation).
//!
//! The id is checked when the session is first read. A request that only writes makes its commit depend on the id, and looks only if that
//! fails. At the end of the request, one of several overlapping ones changes what is kept of the id; the others join it.

use std::sync::Arc;

use super::{
    Current, Machine, Origin, Progress, State,
    read::Need,
    step::{Rotate, Write},
};
use crate::{
    IdError, Record, SessionId, Timestamp,
    id::rotating::Secret,
    record::{
        Changes, Commit, Expect, JsonText,
        reserved::{ID, ROTATION},
    },
    session::{
        config::Config,
        rotation::{Issue, OnReuse, Standing},
    },
    storage::{Access, Committed},
};

/// The entries that say which id is current.
pub(crate) const ID_ENTRIES: [&str; 2] = [ID, ROTATION];
/// Room beyond the limits of a session, for these entries.
const ENTRIES: usize = ID_ENTRIES.len();
const BYTES: usize = 512;

/// What is to be done about the id at the end of the request.
#[derive(Debug)]
pub(super) struct Rotating {
    due: Due,
    /// What the session keeps of its id, as it was read.
    issue: Option<(JsonText, Issue)>,
    expires_at: Timestamp,
}

#[derive(Debug)]
enum Due {
    /// Noting that the client has the current id.
    NoteUse,
    /// A new id.
    Rotation,
    /// Sending the current id to a client that may not have it.
    Delivery(SessionId),
}

impl Machine {
    /// Whether it has to be checked that the id the client presented is the current one.
    pub(super) fn checks_id(&self, config: &Config) -> bool {
        let is_checked = |id: &SessionId| config.rotation.every.is_some() || id.has_rotated();
        self.current.held.as_ref().is_some_and(|held| held.origin == Origin::Client && is_checked(&held.id))
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
            Standing::Current => due_of(issue.as_ref().map(|(_, issue)| issue), record, need.access.now, config),
            Standing::Before { next } => next.map(Due::Delivery),
            Standing::Unknown => return Err(NotCurrent::Unknown),
            Standing::Outlasted => return Err(NotCurrent::Outlasted),
            // The client knows a later id as well, so it is not a thief.
            Standing::Reused if self.presents_another_of(config) => return Err(NotCurrent::Unknown),
            Standing::Reused => return Err(issue.map_or(NotCurrent::Unknown, |(text, _)| NotCurrent::Reused(text))),
        };
        self.current.rotating = due.map(|due| Box::new(Rotating { due, issue, expires_at: record.expires_at() }));
        Ok(())
    }

    /// Whether an id that was not looked up yet leads to the same session.
    fn presents_another_of(&self, config: &Config) -> bool {
        let Some(key) = self.current.known_key() else { return false };
        self.presented.untried().any(|id| config.keys.key_of(id) == key)
    }

    /// Makes a commit depend on the id, if the session was not read.
    pub(super) fn expect_current(&self, config: &Config) -> Option<Expect> {
        if !matches!(self.current.state, State::Unknown) || !self.checks_id(config) {
            return None;
        }
        let held = self.current.held.as_ref()?;
        let key = config.keys.key_of(&held.id);
        let hash = held.id.secret().map(|secret| JsonText::whole(format!("\"{}\"", secret.hash(&key).text()).into()));
        Some(Expect { key: ID.into(), json: hash })
    }

    /// What proves that an id was used again: what was read may have come from a cache, and be older than the id. Nothing is changed.
    pub(super) fn suspicion(&self, issue: JsonText, need: &Need) -> Write {
        let expect = Expect { key: ROTATION.into(), json: Some(issue) };
        let commit = Commit::of(Arc::default(), Access { extend: None, ..need.access });
        Write { key: need.key, commit: Commit { expect: Some(expect), ..commit } }
    }

    /// Takes the answer to a [`suspicion`](Self::suspicion).
    pub(crate) fn suspected(&mut self, suspicion: &Write, committed: &Committed, config: &Config) {
        if !matches!(committed, Committed::Done { .. }) || self.current.known_key() != Some(suspicion.key) {
            // The session has changed, so it is read again.
            return;
        }
        self.pass_over(None);
        match config.rotation.on_reuse {
            OnReuse::EndSession => {
                tracing::warn!(key = ?suspicion.key, "an id from before a rotation was used again: it may be stolen, so its session ends");
                self.ending.begin([suspicion.key], true);
            }
            OnReuse::Refuse => {
                tracing::warn!(key = ?suspicion.key, "an id from before a rotation was used again: it may be stolen, and opens nothing");
            }
        }
    }

    /// Changes for a session that gets another id by a renewal.
    pub(super) fn add_renewed_id(
        &self,
        changes: &mut Arc<Changes>,
        now: Timestamp,
        config: &Config,
    ) -> Result<(), IdError> {
        let keeps = match &self.current.state {
            State::Found(view) => ID_ENTRIES.iter().any(|entry| view.snapshot.record.entries.get(entry).is_some()),
            _ => self.current.held.as_ref().is_some_and(|held| held.id.has_rotated()),
        };
        if config.rotation.every.is_some() {
            let changes = Arc::make_mut(changes);
            changes.remove(ID);
            changes.set_bytes(ROTATION, Issue::first(now).json()?.as_bytes());
        } else if keeps {
            let changes = Arc::make_mut(changes);
            ID_ENTRIES.iter().for_each(|entry| changes.remove(entry));
        }
        Ok(())
    }

    /// What the end of the request has to do about the id.
    pub(super) fn rotate(&mut self, progress: &Progress, config: &Config) -> Result<Option<Rotate>, IdError> {
        if !progress.closing || !matches!(self.current.state, State::Found(_) | State::Written) {
            return Ok(None);
        }
        let Some(rotating) = self.current.rotating.take() else { return Ok(None) };
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
            _ if self.request.is_passive => return Ok(None),
            (Due::NoteUse, Some((_, issue))) => (None, issue.clone().used(now)),
            (Due::NoteUse, None) => return Ok(None),
            (Due::Rotation, _) => {
                let secret = Secret::generate()?;
                (Some(held.id.with_secret(secret)), Issue::rotated(secret, &held.id, &key, now))
            }
        };
        let mut changes = Changes::default();
        if let Some(hash) = next.is.filter(|_| id.is_some()) {
            changes.set_bytes(ID, format!("\"{}\"", hash.text()).as_bytes());
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
            Committed::Done { expires_at, .. } => {
                progress.stored = true;
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
        let Current { held: Some(held), expires_at, .. } = &mut self.current else { return };
        let issue = current.and_then(|text| Issue::of(text.as_str()));
        let standing =
            issue.map(|issue| issue.standing(&held.id, &step.write.key, self.request.began, config.rotation.grace));
        if let Some(Standing::Before { next: Some(id) }) = standing {
            expires_at.get_or_insert(step.expires_at);
            self.current.adopt(&id, step.write.key, Origin::Issued);
        }
    }
}

/// Why an id opens nothing.
pub(super) enum NotCurrent {
    /// It never was an id of the session, or the client presents another one.
    Unknown,
    /// It may have been current when the request began.
    Outlasted,
    /// It is from before a rotation. The session keeps this of its id.
    Reused(JsonText),
}

/// What the current id needs at the end of the request.
fn due_of(issue: Option<&Issue>, record: &Record, now: Timestamp, config: &Config) -> Option<Due> {
    if issue.is_some_and(Issue::is_unused) {
        return Some(Due::NoteUse);
    }
    let since = issue.map_or(record.created_at, Issue::since);
    config.rotation.every.filter(|period| since + *period <= now).map(|_| Due::Rotation)
}
