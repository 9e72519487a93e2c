//! The operations that read or write what is sealed.
//!
//! A commit reads the session, unless its request has, seals it as it is to be, and stores that on the condition that the state is still the
//! one that was read. If another commit was first, it begins anew.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use super::{
    inner::Inner,
    seal::{Resealed, Seal, Session},
};
use crate::{
    LimitExceeded, Limits, Record, StoreKey, Timestamp,
    record::{Access, Applied, Changes, Commit, JsonText, Snapshot, reserved::SEALED_STATE},
    storage::{Committed, Created, Found, Lookup, Moved, Storage, StorageError, StorageErrorKind},
};

type Answer<T> = Result<T, StorageError>;

const STORING: &str = "storing a sealed session";
/// Each try but the first has seen another commit succeed.
const TRIES: usize = 1_000;
/// Pages that are read to fill one.
const PAGES: usize = 100;

/// What is known of a session before a commit.
enum Before {
    Session(Session),
    Renewed(Timestamp),
    Absent,
    /// It cannot be opened, which was counted.
    Unopened,
}

/// What a commit comes to.
enum Planned {
    Write(Resealed),
    Conflict(Option<JsonText>),
    Ended,
    Refused(LimitExceeded),
}

/// What has become of a session that was to be sealed with the first key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rekeyed {
    /// It is sealed with the first key now.
    Done,
    /// It was before.
    Already,
    /// There is no session.
    Absent,
    /// It cannot be opened, which was counted.
    Unopened,
}

impl Seal {
    pub(super) async fn load(&self, inner: &impl Inner, key: &StoreKey, access: &Access) -> Answer<Lookup> {
        Ok(self.look_up(key, inner.load(key, access).await?))
    }

    pub(super) async fn create(
        &self,
        inner: &impl Inner,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> Answer<Created> {
        let created = inner.create(key, &self.seal(key, record)?, now).await?;
        // A note stays, although it cannot be opened: nothing else says that a session was taken over.
        if created == Created::Exists && record.is_list() && !record.is_note() {
            return self.replace_broken_list(inner, key, record, now).await;
        }
        Ok(created)
    }

    /// Puts a list in the place of one that cannot be opened. It would be in the way until it expires.
    async fn replace_broken_list(
        &self,
        inner: &impl Inner,
        key: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> Answer<Created> {
        let Lookup::Found(found) = inner.load(key, &Access::passive(now)).await? else { return Ok(Created::Exists) };
        if !self.is_broken_list(key, &found.record) {
            return Ok(Created::Exists);
        }
        let after = Record {
            created_at: found.record.created_at,
            absolute_deadline: found.record.absolute_deadline,
            is_remembered: found.record.is_remembered,
            ..record.clone()
        };
        let access = Access::active(now, record.idle_timeout, Duration::ZERO);
        let commit = Commit { limits: Limits::UNLIMITED, ..Commit::new(Changes::default(), access) };
        let before = Session::instead_of(found, after.clone());
        let resealed = self.reseal(key, &before, &after, &commit.changes, false)?;
        let committed = inner.commit(key, &write(&before, resealed, &commit)).await?;
        Ok(if matches!(committed, Committed::Done { .. }) { Created::Done } else { Created::Exists })
    }

    pub(super) async fn commit(&self, inner: &impl Inner, key: &StoreKey, commit: &Commit) -> Answer<Committed> {
        if commit.changes.is_empty() && commit.expect.is_none() {
            // The deadlines are not sealed.
            let commit = Commit { base: None, ..commit.clone() };
            return Ok(match inner.commit(key, &commit).await? {
                Committed::Done { expires_at, is_remembered, .. } => {
                    Committed::Done { expires_at, is_remembered, revision: 0 }
                }
                other => other,
            });
        }
        let mut known = known(commit);
        for _ in 0..TRIES {
            let is_guess = known.is_some();
            let before = match self.before(inner, key, commit, known.take()).await? {
                Before::Session(session) => session,
                Before::Renewed(at) => return Ok(Committed::Renewed(at)),
                Before::Absent | Before::Unopened => return Ok(Committed::Gone),
            };
            let resealed = match self.plan(key, &before, commit, false)? {
                Planned::Write(resealed) => resealed,
                // The request may not know the latest state.
                _ if is_guess => continue,
                Planned::Conflict(current) => return Ok(Committed::Conflict(current)),
                Planned::Ended => return Ok(Committed::Gone),
                Planned::Refused(limit) => return Err(StorageError::limit(limit, STORING)),
            };
            let state = resealed.state;
            match inner.commit(key, &write(&before, resealed, commit)).await? {
                Committed::Done { expires_at, is_remembered, .. } => {
                    let revision = if was_known(commit, &before) { state } else { 0 };
                    return Ok(Committed::Done { expires_at, is_remembered, revision });
                }
                Committed::Conflict(_) => {}
                other => return Ok(other),
            }
        }
        Err(contended())
    }

    pub(super) async fn move_to(
        &self,
        inner: &impl Inner,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
    ) -> Answer<Moved> {
        let mut known = known(commit);
        // The state that was tried, as it is stored.
        let mut tried: Option<Option<String>> = None;
        for _ in 0..TRIES {
            let is_guess = known.is_some();
            let before = match self.before(inner, from, commit, known.take()).await? {
                Before::Session(session) => session,
                Before::Unopened => return Ok(Moved::Gone),
                Before::Renewed(_) | Before::Absent => return finish(inner, from, to, commit).await,
            };
            if tried.as_ref().is_some_and(|tried| tried.as_deref() == before.state_text()) {
                return Ok(Moved::Gone);
            }
            let resealed = match self.plan(to, &before, commit, true)? {
                Planned::Write(resealed) => resealed,
                _ if is_guess => continue,
                Planned::Conflict(_) | Planned::Ended => return Ok(Moved::Gone),
                Planned::Refused(limit) => return Err(StorageError::limit(limit, STORING)),
            };
            let state = resealed.state;
            match inner.move_to(from, to, &write(&before, resealed, commit)).await? {
                Moved::Done { expires_at, is_remembered, .. } => {
                    let revision = if was_known(commit, &before) { state } else { 0 };
                    return Ok(Moved::Done { expires_at, is_remembered, revision });
                }
                // Or another commit was first.
                Moved::Gone => tried = Some(before.state_text().map(str::to_owned)),
                other => return Ok(other),
            }
        }
        Err(contended())
    }

    /// Seals a session with the first key, unless it is.
    pub(super) async fn rekey(&self, inner: &impl Inner, key: &StoreKey, now: Timestamp) -> Answer<Rekeyed> {
        for _ in 0..TRIES {
            let access = Access::passive(now);
            let Lookup::Found(found) = inner.load(key, &access).await? else { return Ok(Rekeyed::Absent) };
            // An index of the storage may ask how long the session can live.
            let access = access.bounded(found.record.idle_timeout, None);
            let Some(before) = self.open(key, found) else { return Ok(Rekeyed::Unopened) };
            let commit = Commit { limits: Limits::UNLIMITED, ..Commit::new(Changes::default(), access) };
            if self.is_by_first_key(&before) {
                return Ok(Rekeyed::Already);
            }
            let resealed = self.reseal(key, &before, &before.record, &commit.changes, false)?;
            match inner.commit(key, &write(&before, resealed, &commit)).await? {
                Committed::Done { .. } => return Ok(Rekeyed::Done),
                Committed::Conflict(_) => {}
                Committed::Gone | Committed::Renewed(_) => return Ok(Rekeyed::Absent),
            }
        }
        Err(contended())
    }

    pub(super) async fn find(&self, inner: &impl Inner, principal: &str, now: Timestamp) -> Answer<Vec<Found>> {
        let mut all = Vec::new();
        for pseudonym in self.pseudonyms(principal) {
            let found = inner.find(&pseudonym, now).await?;
            all.extend(found.iter().filter_map(|found| self.found(principal, found)));
        }
        Ok(without_doubles(all))
    }

    pub(super) async fn find_page(
        &self,
        inner: &impl Inner,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Answer<Vec<Found>> {
        let mut all = Vec::new();
        for pseudonym in self.pseudonyms(principal) {
            all.extend(self.page_of(inner, principal, &pseudonym, after, most, now).await?);
        }
        Ok(Found::page(without_doubles(all), after, most))
    }

    /// A page of those under one pseudonym. A page with fewer than asked for is the last one, so sessions that cannot be opened are made
    /// up for.
    async fn page_of(
        &self,
        inner: &impl Inner,
        principal: &str,
        pseudonym: &str,
        mut after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Answer<Vec<Found>> {
        let mut all = Vec::new();
        for _ in 0..PAGES {
            let page = inner.find_page(pseudonym, after, most, now).await?;
            all.extend(page.iter().filter_map(|found| self.found(principal, found)));
            match page.last() {
                Some(last) if page.len() >= most.get() && all.len() < most.get() => after = Some(last.key),
                _ => return Ok(all),
            }
        }
        Err(StorageError::new(StorageErrorKind::Other, "listing sealed sessions, of which too many cannot be opened"))
    }

    /// The session before a commit: as the request has read it, or as it is.
    async fn before(
        &self,
        inner: &impl Inner,
        key: &StoreKey,
        commit: &Commit,
        known: Option<Session>,
    ) -> Answer<Before> {
        if let Some(known) = known {
            return Ok(Before::Session(known));
        }
        let access = Access { extend: None, ..commit.access };
        Ok(match inner.load(key, &access).await? {
            Lookup::Found(found) => self.open(key, found).map_or(Before::Unopened, Before::Session),
            Lookup::Renewed(at) => Before::Renewed(at),
            Lookup::Absent => Before::Absent,
        })
    }

    /// As [`commit`](Self::commit), if the request knows the session and the storage need not wait.
    pub(super) fn commit_cached<S: Storage>(&self, storage: &S, key: &StoreKey, commit: &Commit) -> Option<Committed> {
        let before = known(commit)?;
        let Planned::Write(resealed) = self.plan(key, &before, commit, false).ok()? else { return None };
        let state = resealed.state;
        match storage.commit_cached(key, &write(&before, resealed, commit))? {
            Committed::Done { expires_at, is_remembered, .. } => {
                Some(Committed::Done { expires_at, is_remembered, revision: state })
            }
            // Another commit was first, which is no conflict for the application.
            Committed::Conflict(_) => None,
            other => Some(other),
        }
    }

    /// What a commit to this session stores under `key`.
    fn plan(&self, key: &StoreKey, before: &Session, commit: &Commit, moves: bool) -> Answer<Planned> {
        let after = match before.record.applied(commit, &commit.limits) {
            Ok(Applied::Changed(record)) => record,
            Ok(Applied::Conflict(current)) => return Ok(Planned::Conflict(current)),
            Ok(Applied::Expired) => return Ok(Planned::Ended),
            Err(limit) => return Ok(Planned::Refused(limit)),
        };
        Ok(Planned::Write(self.reseal(key, before, &after, &commit.changes, moves)?))
    }
}

/// The commit that stores a session sealed anew, if its state is still this one.
fn write(before: &Session, resealed: Resealed, commit: &Commit) -> Commit {
    let base = Some(Snapshot::clone(&before.below));
    let commit = Commit { base, expect: None, changes: resealed.changes.into(), ..commit.clone() };
    let commit = Commit { limits: commit.limits.sealed(), ..commit };
    commit.expecting(SEALED_STATE, before.state_text())
}

/// Moves what is not there: this very move may have been begun before, and then it is finished. Nothing meets the condition.
async fn finish(inner: &impl Inner, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Answer<Moved> {
    let commit = Commit { base: None, changes: Arc::default(), ..commit.clone() }.expecting(SEALED_STATE, Some(""));
    Ok(match inner.move_to(from, to, &commit).await? {
        Moved::Done { expires_at, is_remembered, .. } => Moved::Done { expires_at, is_remembered, revision: 0 },
        other => other,
    })
}

/// A session may have moved to another key of the ring, and was found by both.
fn without_doubles(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|found| found.key);
    found.dedup_by_key(|found| found.key);
    found
}

/// The session as the request of a commit has read it.
fn known(commit: &Commit) -> Option<Session> {
    commit.base.as_ref().and_then(Session::of_snapshot)
}

/// Whether the request of a commit knows this state, and all of it.
fn was_known(commit: &Commit, before: &Session) -> bool {
    let read = commit.base.as_ref().filter(|base| base.complete && base.revision != 0);
    read.is_some_and(|base| before.has_state(base.revision))
}

fn contended() -> StorageError {
    StorageError::new(StorageErrorKind::Other, STORING)
}
