//! Asking one place, then the other.

use super::places::{Places, Stage};
use crate::{
    StoreKey, Timestamp,
    storage::{Access, AnyStorage, Committed, Lookup, Moved, StorageError, StorageFuture, Touched},
};

/// One of the places, and what the session is called there.
pub(super) struct At<'a> {
    pub(super) storage: &'a AnyStorage,
    pub(super) key: StoreKey,
    pub(super) is_new: bool,
}

/// What a place answers about a session.
pub(super) trait Answer: Sized + Send {
    /// `None` if it is there, otherwise when it was renewed, if it was.
    fn missing(&self) -> Option<Option<Timestamp>>;

    /// The answer if it is not there.
    fn of_missing(renewed: Option<Timestamp>) -> Self;
}

impl Places {
    /// Asks the place where the session should be, and if it is not there the new one, after it was brought there.
    pub(super) async fn ask<'a, T: Answer>(
        &'a self,
        key: &StoreKey,
        access: &Access,
        question: impl Fn(At<'a>) -> StorageFuture<'a, T> + Send + Sync,
    ) -> Result<T, StorageError> {
        self.clock.see(access.now);
        if self.stage == Stage::Moving {
            let answer = self.ask_new(key, access, &question).await?;
            if answer.missing() != Some(None) {
                return Ok(answer);
            }
        } else if self.names.is_at_old(key) {
            let answer = question(At { storage: &self.old, key: *key, is_new: false }).await?;
            if answer.missing().is_none() {
                return Ok(answer);
            }
        }
        let brought = self.bring(key, access).await?;
        if brought.to_new {
            let answer = self.ask_new(key, access, &question).await?;
            if answer.missing() != Some(None) {
                return Ok(answer);
            }
        }
        Ok(T::of_missing(brought.renewed))
    }

    async fn ask_new<'a, T: Answer>(
        &'a self,
        key: &StoreKey,
        access: &Access,
        question: &(impl Fn(At<'a>) -> StorageFuture<'a, T> + Send + Sync),
    ) -> Result<T, StorageError> {
        let key = self.names.new_key(key);
        let answer = question(At { storage: &self.new, key, is_new: true }).await?;
        let has_ended = matches!(answer.missing(), Some(Some(_))) && self.is_blocked(&key, access.now).await?;
        Ok(if has_ended { T::of_missing(None) } else { answer })
    }
}

impl Answer for Lookup {
    fn missing(&self) -> Option<Option<Timestamp>> {
        match self {
            Self::Found(_) => None,
            Self::Renewed(at) => Some(Some(*at)),
            Self::Absent => Some(None),
        }
    }

    fn of_missing(renewed: Option<Timestamp>) -> Self {
        renewed.map_or(Self::Absent, Self::Renewed)
    }
}

impl Answer for Committed {
    fn missing(&self) -> Option<Option<Timestamp>> {
        match self {
            Self::Done { .. } | Self::Conflict(_) => None,
            Self::Renewed(at) => Some(Some(*at)),
            Self::Gone => Some(None),
        }
    }

    fn of_missing(renewed: Option<Timestamp>) -> Self {
        renewed.map_or(Self::Gone, Self::Renewed)
    }
}

impl Answer for Moved {
    fn missing(&self) -> Option<Option<Timestamp>> {
        match self {
            Self::Done { .. } | Self::Taken => None,
            Self::Renewed(at) => Some(Some(*at)),
            Self::Gone => Some(None),
        }
    }

    fn of_missing(renewed: Option<Timestamp>) -> Self {
        renewed.map_or(Self::Gone, Self::Renewed)
    }
}

impl Answer for Touched {
    fn missing(&self) -> Option<Option<Timestamp>> {
        match self {
            Self::Done(_) => None,
            Self::Gone => Some(None),
        }
    }

    fn of_missing(_: Option<Timestamp>) -> Self {
        Self::Gone
    }
}
