//! Storing what was written.

use super::{AsyncSession, Shared};
use crate::{
    Error, Saved, StorageError, StorageErrorKind, StoreKey,
    session::machine::{Progress, Step},
    storage::Committed,
};

/// Storing. Without a [`save`](Self::save), the end of the request stores the changes.
impl<E: From<Error>> AsyncSession<E> {
    /// Stores the changes now instead of at the end of the request. Call it when the response depends on the result,
    /// before an external side effect, or in a long-running handler.
    ///
    /// [`Saved::Gone`] means that nothing was stored: while this request was using the session, another request ended
    /// or renewed it, it expired, or the storage evicted it. If you never call `save`, the end of the request reports this where it matters.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let manager = gsession::AsyncManager::new(gsession::MemoryStorage::new());
    /// # let session = manager.begin(None, gsession::ClientInfo::default);
    /// use gsession::Saved;
    ///
    /// session.set("user", "ada")?;
    /// assert_eq!(session.save().await?, Saved::Created);
    /// assert_eq!(session.save().await?, Saved::Nothing);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage fails. The changes are kept for a retry, except those that exceed a limit.
    /// [`Error::Id`] if no id could be generated, [`Error::IdTaken`] after `set_id`, [`Error::Closed`] after the end of
    /// the request, unless there is a [`destroy`](Self::destroy) to carry out.
    #[doc(alias = "commit")]
    #[doc(alias = "flush")]
    pub async fn save(&self) -> Result<Saved, E> {
        Ok(self.shared.store(Progress::saving()).await?.saved())
    }

    /// Drops unsaved changes. A [`destroy`](Self::destroy) stays.
    pub fn abandon(&self) {
        self.machine().abandon();
        self.shared.tell_awaited();
    }
}

impl Shared {
    /// Drives the machine through the storage until everything is stored.
    pub(crate) async fn store(&self, mut progress: Progress) -> Result<Progress, Error> {
        #[cfg_attr(not(feature = "import"), expect(unused_variables, reason = "it is held"))]
        let one_at_a_time = match self.io.try_lock() {
            Some(lock) => lock,
            None => self.io.lock().await,
        };
        #[cfg(feature = "import")]
        if self.may_look_elsewhere() {
            Box::pin(self.settle_elsewhere(&one_at_a_time, &mut progress)).await?;
        }
        let (storage, config) = (&self.storage, &*self.config);
        let machine = || self.machine.lock();
        loop {
            // One match, so that nothing is moved about when there is nothing to do.
            let step = {
                let mut machine = machine();
                match machine.next(&mut progress, config) {
                    Ok(Some(step)) => step,
                    Ok(None) => break,
                    Err(error) => {
                        machine.tell();
                        let dropped = machine.take_dropped();
                        drop(machine);
                        self.report_dropped(dropped);
                        return Err(error);
                    }
                }
            };
            let failed = |error: StorageError| {
                let mut machine = machine();
                machine.failed(matches!(step, Step::Move(_)), &error);
                machine.tell();
                error
            };
            match &step {
                Step::Remove(key) => self.end_own(*key, &mut progress).await?,
                Step::Create(step) => {
                    let created = storage.create(&step.key, &step.record, step.now).await.map_err(failed)?;
                    let taken = machine().created(step, created, &mut progress);
                    self.report_create(step, created);
                    taken?;
                }
                Step::Commit(step) => {
                    let committed = storage.commit(&step.key, &step.commit).await.map_err(failed)?;
                    let is_stored = matches!(committed, Committed::Done { .. });
                    let refused = machine().committed(step, committed, &mut progress, config);
                    self.report_commit(step, is_stored, refused);
                }
                Step::Move(step) => {
                    let moved = storage.move_to(&step.from, &step.to, &step.commit).await.map_err(failed)?;
                    let refused = machine().moved(step, moved, &mut progress, config);
                    self.report_move(step, moved, refused);
                }
                Step::Touch(key, access) => {
                    let touched = storage.touch(key, access).await.map_err(failed)?;
                    machine().touched(access, touched);
                }
                Step::CheckId(need) => {
                    Box::pin(self.look(need, Some(&[]))).await.map_err(failed)?;
                }
                Step::Confirm(step) => {
                    let committed = storage.commit(&step.key, &step.commit).await.map_err(failed)?;
                    machine().confirmed(&step.commit.access, &committed, &mut progress);
                }
                Step::Rotate(step) => match storage.commit(&step.write.key, &step.write.commit).await {
                    Ok(committed) => {
                        let is_stored = matches!(committed, Committed::Done { .. });
                        machine().rotated(step, committed, &mut progress, config);
                        self.report_rotation(step, is_stored);
                    }
                    // The id stays as it is.
                    Err(error) if matches!(error.kind(), StorageErrorKind::Limit(_)) => {
                        let key = &step.write.key;
                        tracing::warn!(?key, %error, "there is no room to rotate the id of a session");
                    }
                    Err(error) => return Err(failed(error).into()),
                },
                Step::LookForOwn(step) => {
                    let lookup = storage.load(&step.key, &step.access).await.map_err(failed)?;
                    let looked = machine().looked(step, lookup, &mut progress);
                    self.report_attempt(step.key, looked);
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
        let (tag_use, dropped) = {
            let mut machine = machine();
            (machine.take_tag_use(), machine.take_dropped())
        };
        self.report_dropped(dropped);
        if let Some(tag_use) = tag_use {
            // Boxed, because it is rare and the future of every request has room for it.
            Box::pin(self.tags().keep(&tag_use)).await;
        }
        self.tell_awaited();
        Ok(progress)
    }

    /// Ends the session under this key.
    pub(super) async fn end_own(&self, key: StoreKey, progress: &mut Progress) -> Result<(), Error> {
        let removed = self.storage.remove(&key).await.inspect_err(|error| {
            let mut machine = self.machine.lock();
            machine.failed(false, error);
            machine.tell();
        })?;
        let ended = self.machine.lock().removed(key, removed, progress)?;
        self.report_end(key, ended);
        Ok(())
    }
}
