//! Atomic changes of one entry.

use serde::{Serialize, de::DeserializeOwned};

use super::{AsyncSession, Shared, alteration::Alteration};
use crate::{
    Error,
    observe::CommitOutcome,
    record::{Encoded, JsonText},
    session::{
        machine::{MAX_UPDATE_TRIES, Update},
        values::{self, refused},
    },
};

/// Changing one entry atomically.
impl<E: From<Error>> AsyncSession<E> {
    /// Atomically replaces a value with one computed from it: n overlapping increments add n. Commits at once and
    /// returns the new value. If the value stays the same, nothing is stored ([S3](crate::design#s3)).
    ///
    /// If another update commits first, `change` runs again with the current value. It must not use this session, which
    /// waits until it returns. If there is no session yet, or this request has already written the entry, the value is
    /// recorded like any other write.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// let n = session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    /// assert_eq!(n, 1);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`get`](Self::get) and [`set`](Self::set). [`Error::Gone`] if the session has ended;
    /// [`Error::Contended`] after 10,000 lost tries. In both cases nothing is stored. After a storage error the value
    /// may have been stored.
    pub async fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> T,
    ) -> Result<T, E> {
        let new = self.alter(key, |old| Ok::<_, E>(Alteration::Put(change(old)))).await?;
        // A value was put, so there is one.
        Ok(new.ok_or(Error::Gone)?)
    }

    /// Like [`update`](Self::update), but `change` may also remove the value (`Ok(None)`) or refuse (`Err`). A refusal
    /// stores nothing. `change` sees the value the storage has now (with the near cache of Redis: as of the last
    /// invalidation received).
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// # #[derive(Debug)] enum Refused { SoldOut, Session(gsession::Error) }
    /// # impl From<gsession::Error> for Refused { fn from(error: gsession::Error) -> Self { Self::Session(error) } }
    /// session.set("tickets", &1)?;
    /// let take_one = |left: Option<u32>| match left {
    ///     Some(1) => Ok(None), // the last one: remove the entry
    ///     Some(n) => Ok(Some(n - 1)),
    ///     None => Err(Refused::SoldOut),
    /// };
    /// assert!(matches!(session.try_update("tickets", take_one).await, Ok(None)));
    /// assert!(matches!(session.try_update("tickets", take_one).await, Err(Refused::SoldOut)));
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// The error that `change` returns; otherwise same as [`update`](Self::update).
    pub async fn try_update<T, F>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> Result<Option<T>, F>,
    ) -> Result<Option<T>, F>
    where
        T: Serialize + DeserializeOwned,
        F: From<E>,
    {
        self.alter(key, |old| Ok(change(old)?.map_or(Alteration::Remove, Alteration::Put))).await
    }

    /// Returns the value under `key`. If there is none, stores the value of `make` at once and returns it. Atomic: of
    /// overlapping requests, one stores its value, and all return that one. Use it for a value a session has once, such
    /// as a CSRF token.
    ///
    /// If there is no session yet, the value is recorded like any other write, and overlapping requests of a visitor
    /// without a session begin one each. If another request has renewed the session, the value is returned but may not
    /// be stored, so a login page can still be shown.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// let token = session.get_or_insert_with("csrf", || "from a generator".to_owned()).await?;
    /// assert_eq!(session.get_or_insert_with("csrf", || "another".to_owned()).await?, token);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`update`](Self::update).
    #[doc(alias = "get_or_init")]
    pub async fn get_or_insert_with<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        mut make: impl FnMut() -> T,
    ) -> Result<T, E> {
        if let Some(value) = self.get(key).await? {
            return Ok(value);
        }
        if self.machine().is_overtaken() {
            let value = make();
            self.set(key, &value)?;
            return Ok(value);
        }
        let get_or_make = |old: Option<T>| Ok::<_, E>(old.map_or_else(|| Alteration::Put(make()), Alteration::Keep));
        Ok(self.alter(key, get_or_make).await?.ok_or(Error::Gone)?)
    }

    /// Changes one entry atomically.
    async fn alter<T, F>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> Result<Alteration<T>, F>,
    ) -> Result<Option<T>, F>
    where
        T: Serialize + DeserializeOwned,
        F: From<E>,
    {
        let failed = |error: Error| F::from(E::from(error));
        self.machine().check_open().map_err(failed)?;
        let lock = self.shared.io.lock().await;
        let mut is_current = self.shared.read(Some(&[key]), Some(&lock)).await.map_err(failed)?;
        let (mut told, mut tries) = (None, 0);
        for _ in 0..MAX_UPDATE_TRIES {
            let begin = match told.take() {
                Some(current) => Update::Shared(current),
                None => self.machine().update(key).map_err(failed)?,
            };
            let (Update::Shared(old) | Update::Local(old)) = &begin;
            let altered = change(values::decode(&self.shared.machine, key, old.as_ref()).map_err(failed)?);
            let edit = altered.as_ref().ok().map(|altered| altered.edit_of(old.as_ref())).transpose();
            let edit = edit.map_err(|reason| failed(refused(key, reason, &self.config().limits)))?.flatten();
            let Some(edit) = edit else {
                if is_current || matches!(begin, Update::Local(_)) {
                    return altered.map(Alteration::into_value);
                }
                // A commit would reveal that the view is stale, but there will be none.
                self.machine().forget_view();
                is_current = self.shared.read(Some(&[key]), Some(&lock)).await.map_err(failed)?;
                continue;
            };
            let tried = match begin {
                Update::Local(_) => self.record(key, edit).map(|()| None),
                Update::Shared(old) => {
                    tries += 1;
                    let tried = self.shared.try_update(key, old, edit).await;
                    self.report(&tried, tries);
                    tried
                }
            };
            match tried.map_err(failed)? {
                None => return altered.map(Alteration::into_value),
                Some(current) => (told, is_current) = (Some(current), true),
            }
        }
        self.shared.report_decided(CommitOutcome::Contended, tries);
        Err(failed(Error::Contended { key: key.into() }))
    }

    fn report(&self, tried: &Result<Option<Option<JsonText>>, Error>, tries: u32) {
        let outcome = match tried {
            Ok(None) => CommitOutcome::Stored,
            Err(Error::Gone) if self.machine().is_overtaken() => CommitOutcome::Overtaken,
            Err(Error::Gone) => CommitOutcome::Gone,
            // Not decided, or not known.
            Ok(Some(_)) | Err(_) => return,
        };
        self.shared.report_decided(outcome, tries);
    }

    fn record(&self, key: &str, edit: Option<Encoded>) -> Result<(), Error> {
        match edit {
            Some(value) => self.machine().set(key, &value, self.config()),
            None => self.machine().remove(key),
        }
    }
}

impl Shared {
    /// Stores the new value of an entry if it still has the old one. Otherwise returns the current value.
    pub(super) async fn try_update(
        &self,
        key: &str,
        old: Option<JsonText>,
        new: Option<Encoded>,
    ) -> Result<Option<Option<JsonText>>, Error> {
        let step = self.machine.lock().update_step(key, old, new.as_ref(), &self.config)?;
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
}
