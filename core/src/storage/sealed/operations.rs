//! The operations that read or write what is sealed.
//!
//! A commit reads the session, unless its request has, seals it as it is to be, and stores that on the condition that the state is still the
//! one that was read. If another commit was first, it begins anew.

use std::num::NonZeroUsize;

use super::{
    inner::Inner,
    seal::{Resealed, Seal, Session},
};
use crate::{
    Record, StoreKey, Timestamp,
    record::{Access, Applied, Changes, Commit, JsonText, reserved::SEALED_STATE},
    storage::{Committed, Created, Found, Lookup, Moved, Storage, StorageError, StorageErrorKind},
};

type Answer<T> = Result<T, StorageError>;

const STORING: &str = "storing a sealed session";
/// Each try but the first has seen another commit succeed.
const TRIES: usize = 10_000;

/// What is known of a session before a commit.
enum Before {
    Session(Session),
    Renewed(Timestamp),
    Absent,
}

/// What a commit comes to.
enum Planned {
    Write(Resealed),
    Conflict(Option<JsonText>),
    Ended,
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
        inner.create(key, &self.seal(key, record)?, now).await
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
                Before::Absent => return Ok(Committed::Gone),
            };
            let resealed = match self.plan(key, &before, commit)? {
                Planned::Write(resealed) => resealed,
                // The request may not know the latest state.
                Planned::Conflict(_) | Planned::Ended if is_guess => continue,
                Planned::Conflict(current) => return Ok(Committed::Conflict(current)),
                Planned::Ended => return Ok(Committed::Gone),
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
        let mut tried = None;
        for _ in 0..TRIES {
            let is_guess = known.is_some();
            let before = match self.before(inner, from, commit, known.take()).await? {
                Before::Session(session) => session,
                Before::Renewed(_) | Before::Absent => {
                    // This very move may have been begun. Nothing else meets the condition.
                    let finishing = Commit { base: None, ..commit.clone() }.expecting(SEALED_STATE, Some("0"));
                    return inner.move_to(from, to, &Commit { changes: Default::default(), ..finishing }).await;
                }
            };
            if tried == Some(before.state()) {
                return Ok(Moved::Gone);
            }
            let resealed = match self.plan(to, &before, commit)? {
                Planned::Write(resealed) => resealed,
                Planned::Conflict(_) | Planned::Ended if is_guess => continue,
                Planned::Conflict(_) | Planned::Ended => return Ok(Moved::Gone),
            };
            let state = resealed.state;
            match inner.move_to(from, to, &write(&before, resealed, commit)).await? {
                Moved::Done { expires_at, is_remembered, .. } => {
                    let revision = if was_known(commit, &before) { state } else { 0 };
                    return Ok(Moved::Done { expires_at, is_remembered, revision });
                }
                // Or another commit was first.
                Moved::Gone => tried = Some(before.state()),
                other => return Ok(other),
            }
        }
        Err(contended())
    }

    /// Seals a session with the first key, unless it is.
    pub(super) async fn rekey(&self, inner: &impl Inner, key: &StoreKey, now: Timestamp) -> Answer<Rekeyed> {
        let commit = Commit::new(Changes::default(), Access::passive(now));
        for _ in 0..TRIES {
            let Lookup::Found(found) = inner.load(key, &commit.access).await? else { return Ok(Rekeyed::Absent) };
            let Some(before) = self.open(key, &found.record) else { return Ok(Rekeyed::Unopened) };
            if self.is_by_first_key(&before) {
                return Ok(Rekeyed::Already);
            }
            let resealed = self.reseal(key, &before, &before.record, &commit.changes)?;
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
        Ok(all)
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
            let (mut after, mut wanted) = (after, most.get());
            // A page with fewer is the last one, so those that cannot be opened are made up for.
            loop {
                let page = inner.find_page(&pseudonym, after, most, now).await?;
                let before = all.len();
                all.extend(page.iter().filter_map(|found| self.found(principal, found)));
                wanted = wanted.saturating_sub(all.len() - before);
                match page.last() {
                    Some(last) if page.len() >= most.get() && wanted > 0 => after = Some(last.key),
                    _ => break,
                }
            }
        }
        Ok(Found::page(all, after, most))
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
            Lookup::Found(found) => self.open(key, &found.record).map_or(Before::Absent, Before::Session),
            Lookup::Renewed(at) => Before::Renewed(at),
            Lookup::Absent => Before::Absent,
        })
    }

    /// As [`commit`](Self::commit), if the request knows the session and the storage need not wait.
    pub(super) fn commit_cached<S: Storage>(&self, storage: &S, key: &StoreKey, commit: &Commit) -> Option<Committed> {
        let before = known(commit)?;
        let Planned::Write(resealed) = self.plan(key, &before, commit).ok()? else { return None };
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
    fn plan(&self, key: &StoreKey, before: &Session, commit: &Commit) -> Answer<Planned> {
        let applied = before.record.applied(commit, &commit.limits);
        let after = match applied.map_err(|limit| StorageError::limit(limit, STORING))? {
            Applied::Changed(record) => record,
            Applied::Conflict(current) => return Ok(Planned::Conflict(current)),
            Applied::Expired => return Ok(Planned::Ended),
        };
        Ok(Planned::Write(self.reseal(key, before, &after, &commit.changes)?))
    }
}

/// The commit that stores a session sealed anew, if its state is still this one.
fn write(before: &Session, resealed: Resealed, commit: &Commit) -> Commit {
    let commit = Commit { base: None, expect: None, ..commit.clone() };
    let commit = Commit { changes: resealed.changes.into(), limits: commit.limits.sealed(), ..commit };
    commit.expecting(SEALED_STATE, before.state().as_deref())
}

/// The session as the request of a commit has read it.
fn known(commit: &Commit) -> Option<Session> {
    commit.base.as_ref().and_then(Session::of_snapshot)
}

/// Whether the request of a commit knows this state, and all of it.
fn was_known(commit: &Commit, before: &Session) -> bool {
    let read = commit.base.as_ref().filter(|base| base.complete && base.revision != 0);
    read.is_some_and(|base| before.seal.is_some_and(|(state, _)| state == base.revision))
}

fn contended() -> StorageError {
    StorageError::new(StorageErrorKind::Other, STORING)
}
