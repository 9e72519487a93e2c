//! How a session reaches its storage. This is the only place where a session waits.

use std::sync::Arc;

use futures::lock::{Mutex as AsyncMutex, MutexGuard};
use parking_lot::Mutex;

use super::AsyncSession;
use crate::{
    AnyStorage, Error, StorageError,
    record::{Encoded, JsonText},
    session::{
        Config,
        machine::{Machine, Progress, Step},
    },
};

/// What a session and its clones share.
pub(crate) struct Shared {
    pub(crate) storage: AnyStorage,
    pub(crate) config: Arc<Config>,
    /// Never held while waiting.
    pub(crate) machine: Mutex<Machine>,
    /// One storage operation at a time, so that two readers of one session read once.
    pub(super) io: AsyncMutex<()>,
    /// Carries out a destroy that comes after the end of the request.
    pub(super) late: Option<Arc<LateEnd>>,
}

/// What carries out a destroy that comes after the end of the request.
pub(crate) type LateEnd = dyn Fn(AsyncSession) + Send + Sync;

impl Shared {
    /// Makes sure that the entries `names`, or all, are known; whether the storage was asked. `lock` is that on `io`, if the caller
    /// has it.
    pub(super) async fn read(&self, names: Option<&[&str]>, lock: Option<&MutexGuard<'_, ()>>) -> Result<bool, Error> {
        let now = self.config.clock.now();
        let (mut own_lock, mut asked) = (None, false);
        // A client that presented several ids needs several reads.
        loop {
            let need = self.machine.lock().want(names, now, &self.config)?;
            let Some(need) = need else { return Ok(asked) };
            if lock.is_none() && own_lock.is_none() {
                own_lock = Some(self.io.lock().await);
                // Another task may have read it while this one waited.
                continue;
            }
            let lookup = match names {
                Some(names) => self.storage.fetch(&need.key, names, &need.access).await?,
                None => self.storage.load(&need.key, &need.access).await?,
            };
            self.machine.lock().loaded(lookup, names, &need, &self.config);
            asked = true;
        }
    }

    /// Stores the new value of an entry, if it still has the old one; otherwise gives what it has now.
    pub(super) async fn try_update(
        &self,
        key: &str,
        old: Option<JsonText>,
        new: Option<Encoded>,
    ) -> Result<Option<Option<JsonText>>, Error> {
        let now = self.config.clock.now();
        let step = self.machine.lock().update_step(key, old, new.as_ref(), now, &self.config)?;
        let committed = self.storage.commit(&step.key, &step.commit).await;
        let mut machine = self.machine.lock();
        match committed {
            Ok(committed) => machine.updated(&step, committed, &self.config),
            Err(error) => {
                machine.failed(false, &error);
                Err(error.into())
            }
        }
    }

    /// Leads the machine through the storage until everything is stored.
    pub(crate) async fn store(&self, mut progress: Progress) -> Result<Progress, Error> {
        let _one_at_a_time = self.io.lock().await;
        let stored = self.store_all(&mut progress).await;
        stored.inspect_err(|_| self.machine.lock().tell()).map(|()| progress)
    }

    async fn store_all(&self, progress: &mut Progress) -> Result<(), Error> {
        let (storage, config) = (&self.storage, &*self.config);
        let machine = || self.machine.lock();
        loop {
            let Some(step) = machine().next(progress, config.clock.now(), config)? else { return Ok(()) };
            let failed = |error: StorageError| {
                machine().failed(matches!(step, Step::Move(_)), &error);
                Error::from(error)
            };
            match &step {
                Step::Remove(key) => {
                    let removed = storage.remove(key).await.map_err(failed)?;
                    machine().removed(*key, removed, progress)?;
                }
                Step::Create(step) => {
                    let created = storage.create(&step.key, &step.record, step.now).await.map_err(failed)?;
                    machine().created(step, created, progress)?;
                }
                Step::Commit(step) => {
                    let committed = storage.commit(&step.key, &step.commit).await.map_err(failed)?;
                    machine().committed(step, committed, progress, config);
                }
                Step::Move(step) => {
                    let moved = storage.move_to(&step.from, &step.to, &step.commit).await.map_err(failed)?;
                    machine().moved(step, moved, progress, config);
                }
                Step::Touch(key, access) => {
                    let touched = storage.touch(key, access).await.map_err(failed)?;
                    machine().touched(touched);
                }
                Step::LookForOwn(step) => {
                    let lookup = storage.load(&step.key, &step.access).await.map_err(failed)?;
                    machine().looked(step, lookup, progress);
                }
                Step::Follow(step) => {
                    let tombstone = storage.tombstone(&step.key, step.now).await.map_err(failed)?;
                    machine().followed(step, tombstone, config);
                }
                Step::Recognise(step) => {
                    let lookup = storage.load(&step.key, &step.access).await.map_err(failed)?;
                    machine().recognised(step, lookup, config);
                }
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.machine.get_mut().is_forgotten() {
            tracing::warn!("a session was dropped with changes that had not been saved");
        }
    }
}
