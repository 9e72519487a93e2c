//! Operations on a storage as values, so that they can run in every order and be paused half-way.

use std::sync::Arc;

use super::{
    breakpoint::Breakpoint,
    fixture::{Fixture, entries_of},
    verdict::Verdict,
};
use crate::{
    AnyStorage, Record, Storage, StorageError, StoreKey, Timestamp,
    observe::EndReason,
    record::{ApplyHook, Commit},
    storage::{Access, Committed, Created, Lookup, Moved, Removed, Touched},
    wait::wait,
};

/// A call of a storage.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Create(StoreKey, Record),
    Commit(StoreKey, Commit),
    Touch(StoreKey, Access),
    Move(StoreKey, StoreKey, Commit),
    Remove(StoreKey),
    /// Lists a principal's sessions and ends each, even if it is renewed in the meantime.
    EndAll(&'static str, Timestamp),
}

/// The answer, as far as it depends on which operation came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Stored(Timestamp),
    /// There is no such session, or no longer.
    Gone,
    /// The key was taken, or the condition was false.
    Refused,
    Removed,
    RenewedTo(StoreKey),
    Ended(u64),
}

impl Operation {
    pub(super) fn run(&self, storage: &Arc<dyn Storage>) -> Result<Answer, StorageError> {
        wait(self.run_async(&AnyStorage::immediate(Arc::clone(storage))))
    }

    pub(super) async fn run_async(&self, storage: &AnyStorage) -> Result<Answer, StorageError> {
        Ok(match self {
            Self::Create(key, record) => created(storage.create(key, record, record.created_at).await?, record),
            Self::Commit(key, commit) => storage.commit(key, commit).await?.into(),
            Self::Touch(key, access) => storage.touch(key, access).await?.into(),
            Self::Move(from, to, commit) => storage.move_to(from, to, commit).await?.into(),
            Self::Remove(key) => storage.remove(key).await?.into(),
            Self::EndAll(principal, now) => {
                let mut ended = 0;
                for found in storage.find(principal, *now).await? {
                    ended += u64::from(storage.end(found.key, EndReason::Operator).await?);
                }
                Answer::Ended(ended)
            }
        })
    }

    /// The same operation with a breakpoint in [`Record::apply`]; `None` if it never calls that.
    pub(super) fn with_breakpoint(&self) -> Option<(Self, Breakpoint)> {
        let mut paused = self.clone();
        let breakpoint = Breakpoint::default();
        match &mut paused {
            Self::Commit(_, commit) | Self::Move(_, _, commit) => {
                let breakpoint = breakpoint.clone();
                commit.on_apply = Some(ApplyHook::new(move || breakpoint.hit()));
            }
            Self::Create(..) | Self::Touch(..) | Self::Remove(_) | Self::EndAll(..) => return None,
        }
        Some((paused, breakpoint))
    }
}

const fn created(created: Created, record: &Record) -> Answer {
    match created {
        Created::Done => Answer::Stored(record.last_seen),
        Created::Exists => Answer::Refused,
    }
}

impl From<Committed> for Answer {
    fn from(committed: Committed) -> Self {
        match committed {
            Committed::Done { expires_at, .. } => Self::Stored(expires_at),
            Committed::Gone | Committed::Renewed(_) => Self::Gone,
            Committed::Conflict(_) => Self::Refused,
        }
    }
}

impl From<Touched> for Answer {
    fn from(touched: Touched) -> Self {
        match touched {
            Touched::Done(expires_at) => Self::Stored(expires_at),
            Touched::Gone => Self::Gone,
        }
    }
}

impl From<Moved> for Answer {
    fn from(moved: Moved) -> Self {
        match moved {
            Moved::Done { expires_at, .. } => Self::Stored(expires_at),
            Moved::Gone | Moved::Renewed(_) => Self::Gone,
            Moved::Taken => Self::Refused,
        }
    }
}

impl From<Removed> for Answer {
    fn from(removed: Removed) -> Self {
        match removed {
            Removed::Done => Self::Removed,
            Removed::Absent => Self::Gone,
            Removed::Renewed(to) => Self::RenewedTo(to),
        }
    }
}

/// What is stored under a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum View {
    Absent,
    Renewed,
    Session { entries: String, principal: Option<String>, expires_at: Timestamp },
}

impl View {
    pub(super) fn of(fixture: &Fixture, key: &StoreKey, now: Timestamp) -> Verdict<Self> {
        Ok(match fixture.storage.load(key, &Access::passive(now))? {
            Lookup::Absent => Self::Absent,
            Lookup::Renewed(_) => Self::Renewed,
            Lookup::Found(snapshot) => Self::Session {
                entries: entries_of(&snapshot.record)?.to_string(),
                principal: snapshot.record.principal.as_deref().map(str::to_owned),
                expires_at: snapshot.record.expires_at(),
            },
        })
    }
}
