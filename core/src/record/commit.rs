//! A commit and its effect on a record: [`Record::apply`], which every storage of whole records calls.
//!
//! Some storages change a session without reading it, and so repeat this: the scripts `string_commit.lua` and `hash_commit.lua` of Redis,
//! and the statements of `storage/sql/clauses.rs`; the first and the last with [`replay`](super::replay) for what they have appended. After a commit, a session updates what it knows in
//! `Machine::stored`.

use std::{sync::Arc, time::Duration};

use super::{Access, Changes, JsonText, LimitExceeded, Limits, Record, Snapshot};
use crate::{Timestamp, id::SealedId};

/// What a storage is asked to do to a stored session, atomically and only if the session still exists.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Commit {
    /// What the request changed.
    pub changes: Arc<Changes>,
    /// What the request had loaded, if anything. A storage that compares and sets can start from it.
    pub base: Option<Snapshot>,
    /// Commit only if an entry still has this value (an atomic update).
    pub expect: Option<Expect>,
    /// When the commit happens, and how far it moves the idle deadline.
    pub access: Access,
    /// The limits of the session.
    pub limits: Limits,
    /// For a move: the new id, sealed, for its [`Tombstone`](crate::storage::Tombstone).
    pub sealed: SealedId,
    /// For the conformance suite, which pauses a storage here. A field, because only the commit reaches the thread that
    /// applies it.
    #[cfg(feature = "conformance")]
    pub(crate) on_apply: Option<ApplyHook>,
}

impl Commit {
    /// A commit of `changes` without a condition.
    #[must_use]
    pub fn new(changes: Changes, access: Access) -> Self {
        Self::of(Arc::new(changes), access)
    }

    pub(crate) fn of(changes: Arc<Changes>, access: Access) -> Self {
        Self {
            changes,
            base: None,
            expect: None,
            access,
            limits: Limits::default(),
            sealed: SealedId::none(),
            #[cfg(feature = "conformance")]
            on_apply: None,
        }
    }

    /// Adds the condition that `key` still has this JSON text (`None`: that it is still absent).
    #[must_use]
    pub fn expecting(mut self, key: &str, json: Option<&str>) -> Self {
        self.expect = Some(Expect { key: key.into(), json: json.map(|json| JsonText::whole(json.into())) });
        self
    }
}

/// The condition of an atomic update: `key` still has this JSON text, or is still absent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Expect {
    /// The key of the entry.
    pub key: Box<str>,
    /// Its JSON text as it was read; `None` if it was absent.
    pub json: Option<JsonText>,
}

/// Called by [`Record::apply`] before it does anything.
#[cfg(feature = "conformance")]
#[derive(Clone)]
pub(crate) struct ApplyHook(Arc<dyn Fn() + Send + Sync>);

#[cfg(feature = "conformance")]
impl ApplyHook {
    pub(crate) fn new(hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

#[cfg(feature = "conformance")]
impl std::fmt::Debug for ApplyHook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApplyHook")
    }
}

/// The outcome of [`Record::apply`].
#[derive(Debug)]
pub enum Applied {
    /// The changed record, to be stored.
    Changed(Record),
    /// The session has expired; nothing may be stored.
    Expired,
    /// The entry of [`Expect`] has this value now.
    Conflict(Option<JsonText>),
}

impl Record {
    /// The record after a commit. Every storage that keeps whole records calls this under its own lock.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded`] if the session would grow over its limits.
    pub fn apply(&self, commit: &Commit) -> Result<Applied, LimitExceeded> {
        self.apply_within(commit, &commit.limits)
    }

    /// As [`apply`](Self::apply), with limits of the storage besides those of the session.
    pub(crate) fn apply_within(&self, commit: &Commit, limits: &Limits) -> Result<Applied, LimitExceeded> {
        #[cfg(feature = "conformance")]
        if let Some(hook) = &commit.on_apply {
            (hook.0)();
        }
        self.applied(commit, limits)
    }

    /// What [`apply`](Self::apply) returns, for a storage that leaves the commit to another one.
    pub(crate) fn applied(&self, commit: &Commit, limits: &Limits) -> Result<Applied, LimitExceeded> {
        if commit.access.has_ended(self, self.last_seen) {
            return Ok(Applied::Expired);
        }
        if let Some(expect) = &commit.expect {
            let current = self.entries.get(&expect.key);
            if current.as_ref().map(JsonText::as_bytes) != expect.json.as_ref().map(JsonText::as_bytes) {
                return Ok(Applied::Conflict(current));
            }
        }
        let entries = commit.changes.apply_to(&self.entries, limits)?;
        if let Some(principal) = commit.changes.new_principal() {
            limits.check_principal(principal.as_deref())?;
        }
        let mut record = Self { entries, principal: self.principal.clone(), ..*self };
        commit.changes.apply_facts(&mut record, &commit.access);
        record.extend(&commit.access);
        Ok(Applied::Changed(record))
    }

    /// If a touch is due, moves the idle deadline forward; never back ([S7](crate::design#s7)). A
    /// [remembered](Self::is_remembered) session keeps its own idle timeout.
    pub fn extend(&mut self, access: &Access) {
        if let Some(extend) = &access.extend
            && self.is_touch_due(access)
        {
            self.last_seen = access.now;
            if !self.is_remembered {
                self.idle_timeout = extend.idle_timeout;
            }
        }
    }

    /// Whether a touch is due: `access` is activity, and the last touch was at least the touch interval ago. For a
    /// [remembered](Self::is_remembered) session the interval is at most a twentieth of its idle timeout, so that it does not end much
    /// earlier than that.
    #[must_use]
    pub fn is_touch_due(&self, access: &Access) -> bool {
        self.is_touch_due_if_last_seen(self.last_seen, access)
    }

    /// As [`is_touch_due`](Self::is_touch_due), if the session was last used at `last_seen`.
    #[must_use]
    pub fn is_touch_due_if_last_seen(&self, last_seen: Timestamp, access: &Access) -> bool {
        access.extend.as_ref().is_some_and(|extend| {
            let own = if self.is_remembered { self.idle_timeout / 20 } else { Duration::MAX };
            access.now >= last_seen + extend.interval.min(own)
        })
    }
}
