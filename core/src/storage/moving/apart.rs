//! Two places that are one would lose sessions: the trace of what is set aside would be in the way of the session itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::setup;
use crate::{
    KeyScheme, Record, Timestamp,
    storage::{AnyStorage, Created, StorageError, unused_key::unused_key},
};

/// How long a record lives that a process has left behind that died while it was looking.
const LEFT_FOR: Duration = Duration::from_secs(60);

/// Whether the two places are known to be different ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Apart(Arc<AtomicBool>);

impl Apart {
    pub(super) fn refusal() -> StorageError {
        setup("both are the same place: give the new one another prefix, schema, database or folder")
    }

    /// Refuses two places that share keys. Looks once: stores a record at the old place, and tries to create it at the new one.
    pub(super) async fn check(&self, old: &AnyStorage, new: &AnyStorage, now: Timestamp) -> Result<(), StorageError> {
        if self.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        let key = unused_key(KeyScheme::Hashed)?;
        let record = Record::new(now, LEFT_FOR, None);
        old.create(&key, &record, now).await?;
        let created = new.create(&key, &record, now).await;
        if matches!(created, Ok(Created::Done)) {
            new.remove(&key).await?;
        }
        old.remove(&key).await?;
        match created? {
            Created::Done => {
                self.0.store(true, Ordering::Relaxed);
                Ok(())
            }
            Created::Exists => Err(Self::refusal()),
        }
    }
}
