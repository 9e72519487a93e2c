//! Operations on a storage as values, so that they can be carried out in every order and held up half-way.

use std::sync::Arc;

use super::{case::Verdict, stage::Stage};
use crate::{
    AnyStorage, Record, Storage, StorageError, StoreKey, Timestamp,
    record::{Commit, Gate},
    storage::{Access, Committed, Created, Lookup, Moved, Removed, Touched},
    wait::wait,
};

/// Something to ask a storage.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Create(StoreKey, Record),
    Commit(StoreKey, Commit),
    Touch(StoreKey, Access),
    Move(StoreKey, StoreKey, Commit),
    Remove(StoreKey),
    /// Lists a principal's sessions and ends each, also if it is renewed meanwhile.
    EndAll(&'static str, Timestamp),
}

/// What it answered, as far as it matters for whether one came before the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Stored(Timestamp),
    /// There is no such session, or not any more.
    Gone,
    /// There was something else, or another value.
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
                    ended += u64::from(storage.end(found.key).await?);
                }
                Answer::Ended(ended)
            }
        })
    }

    /// The same, which stands at a gate while it is carried out; `None` if it never comes by one.
    pub(super) fn held_up(&self) -> Option<(Self, Gate)> {
        let mut held = self.clone();
        let gate = Gate::default();
        match &mut held {
            Self::Commit(_, commit) | Self::Move(_, _, commit) => commit.gate = Some(gate.clone()),
            Self::Create(..) | Self::Touch(..) | Self::Remove(_) | Self::EndAll(..) => return None,
        }
        Some((held, gate))
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
            Committed::Gone | Committed::Moved(_) => Self::Gone,
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
            Moved::Gone | Moved::Moved(_) => Self::Gone,
            Moved::Taken => Self::Refused,
        }
    }
}

impl From<Removed> for Answer {
    fn from(removed: Removed) -> Self {
        match removed {
            Removed::Done => Self::Removed,
            Removed::Absent => Self::Gone,
            Removed::Moved(to) => Self::RenewedTo(to),
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
    pub(super) fn of(stage: &Stage, key: &StoreKey, now: Timestamp) -> Verdict<Self> {
        Ok(match stage.storage.load(key, &Access::passive(now))? {
            Lookup::Absent => Self::Absent,
            Lookup::Moved(_) => Self::Renewed,
            Lookup::Found(snapshot) => Self::Session {
                entries: super::stage::entries_of(&snapshot.record)?.to_string(),
                principal: snapshot.record.principal.as_deref().map(str::to_owned),
                expires_at: snapshot.record.expires_at(),
            },
        })
    }
}
