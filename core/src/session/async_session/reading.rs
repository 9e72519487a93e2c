//! Reading.

use std::sync::Arc;

use futures::lock::MutexGuard;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{AsyncSession, Shared};
use crate::{
    Error, StorageError,
    session::{
        info::SessionInfo,
        machine::{ID_ENTRIES, Loaded, Need},
        values,
    },
};

/// Reading. The first read loads the session; later reads are free.
impl<E: From<Error>> AsyncSession<E> {
    /// Returns the value under `key`, or `None` if there is no value or no session (GoFrame's `Get`).
    ///
    /// A damaged entry, whose stored text is no longer JSON, counts as absent everywhere. A warning is logged,
    /// [`len`](Self::len) does not count it, [`update`](Self::update) sees `None`, and the next [`set`](Self::set)
    /// repairs it.
    ///
    /// An integer beyond 64 bits, which only another program can have stored, is exact as an `i128` or `u128`. As an
    /// `f64` or a [`Value`] it is rounded here; [`get_many`](Self::get_many) and [`data`](Self::data) reject it.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set("visits", &3)?;
    /// assert_eq!(session.get::<u32>("visits").await?, Some(3));
    /// assert_eq!(session.get::<u32>("other").await?, None);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage fails; [`Error::Value`] if the value is not a `T`.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, E> {
        self.shared.read(Some(&[key]), None).await?;
        let text = self.machine().value(key);
        Ok(values::decode(&self.shared.machine, key, text.as_ref())?)
    }

    /// Returns the value under `key`, or `default` if there is none (GoFrame's `Get` with a default).
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// assert_eq!(session.get_or("visits", 0).await?, 0);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`get`](Self::get).
    pub async fn get_or<T: DeserializeOwned>(&self, key: &str, default: T) -> Result<T, E> {
        Ok(self.get(key).await?.unwrap_or(default))
    }

    /// Returns the values under several keys in one read. Keys without a value are left out.
    ///
    /// An integer beyond 64 bits, which only another program can have stored, does not fit into a [`Value`]. It is an
    /// error ([`ValueError::InexactInteger`](crate::ValueError::InexactInteger)), never rounded.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set("a", &1)?;
    /// let values = session.get_many(&["a", "b"]).await?;
    /// assert_eq!(values.len(), 1);
    /// assert_eq!(values["a"], 1);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`get`](Self::get).
    pub async fn get_many(&self, keys: &[&str]) -> Result<Map<String, Value>, E> {
        self.shared.read(Some(keys), None).await?;
        let machine = self.machine();
        let found: Vec<_> = keys.iter().filter_map(|&key| Some((key, machine.value(key)?))).collect();
        drop(machine);
        Ok(values::decode_all(&self.shared.machine, found)?)
    }

    /// Returns whether there is a value under `key` (GoFrame's `Contains`).
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set("user", "ada")?;
    /// assert!(session.contains_key("user").await?);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage fails.
    #[doc(alias = "contains")]
    pub async fn contains_key(&self, key: &str) -> Result<bool, E> {
        self.shared.read(Some(&[key]), None).await?;
        let text = self.machine().value(key);
        Ok(values::is_present(&self.shared.machine, key, text.as_ref()))
    }

    /// Returns all entries (GoFrame's `Data`, `Map`). Integers beyond 64 bits are an error, as with
    /// [`get_many`](Self::get_many).
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set("user", "ada")?;
    /// assert_eq!(session.data().await?["user"], "ada");
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`get`](Self::get).
    #[doc(alias = "entries")]
    pub async fn data(&self) -> Result<Map<String, Value>, E> {
        self.shared.read(None, None).await?;
        let entries = self.machine().entries(self.config())?;
        let texts = entries.iter().filter_map(|(key, _)| Some((key, entries.get(key)?)));
        Ok(values::decode_all(&self.shared.machine, texts)?)
    }

    /// Returns the number of entries (GoFrame's `Size`).
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set("user", "ada")?;
    /// assert_eq!(session.len().await?, 1);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage fails.
    #[doc(alias = "size")]
    pub async fn len(&self) -> Result<usize, E> {
        self.shared.read(None, None).await?;
        let entries = self.machine().entries(self.config())?;
        Ok(values::count(&self.shared.machine, &entries))
    }

    /// Returns whether the session has no entries.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage fails.
    pub async fn is_empty(&self) -> Result<bool, E> {
        Ok(self.len().await? == 0)
    }

    /// Returns the session's metadata, such as its times, its label and whether it is remembered; `None` if no session is stored.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set("user", "ada")?;
    /// let _ = session.save().await?;
    /// let info = session.info().await?.expect("it was saved");
    /// assert_eq!(info.expires_at.since(info.created_at).as_secs(), 24 * 60 * 60);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage fails.
    pub async fn info(&self) -> Result<Option<SessionInfo>, E> {
        self.shared.read(None, None).await?;
        Ok(self.machine().info())
    }

    /// Returns whose session this is, if [`log_in`](Self::log_in) or [`set_principal`](Self::set_principal) has said so.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage fails.
    pub async fn principal(&self) -> Result<Option<Arc<str>>, E> {
        self.shared.read(None, None).await?;
        Ok(self.machine().principal())
    }

    /// Reads a value and removes it, for messages shown once. Overlapping requests may each see the value.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set("flash", "saved")?;
    /// assert_eq!(session.take::<String>("flash").await?.as_deref(), Some("saved"));
    /// assert!(!session.contains_key("flash").await?);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`get`](Self::get) and [`remove`](Self::remove). The value then stays.
    pub async fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, E> {
        let value = self.get(key).await?;
        if value.is_some() {
            self.remove(key)?;
        }
        Ok(value)
    }
}

impl Shared {
    /// Ensures that the entries `names`, or all of them, are known. Returns whether the storage was asked. `lock` is
    /// the lock on `io`, if the caller holds it.
    pub(super) async fn read(&self, names: Option<&[&str]>, lock: Option<&MutexGuard<'_, ()>>) -> Result<bool, Error> {
        let asked = self.read_presented(names, lock).await?;
        #[cfg(feature = "import")]
        if self.seeks_elsewhere() {
            // Boxed, because it is rare and large.
            Box::pin(self.read_elsewhere(names, lock)).await?;
            return Ok(true);
        }
        Ok(asked)
    }

    /// The same of a session that an id of the client's opens.
    pub(super) async fn read_presented(
        &self,
        names: Option<&[&str]>,
        lock: Option<&MutexGuard<'_, ()>>,
    ) -> Result<bool, Error> {
        let (mut own_lock, mut asked) = (None, false);
        // A client that presented several ids may need several reads.
        loop {
            let need = {
                let mut machine = self.machine.lock();
                // One match, so that nothing is moved about when nothing is needed.
                let need = match machine.want(names, &self.config) {
                    Ok(Some(need)) => need,
                    Ok(None) => return Ok(asked),
                    Err(error) => return Err(error),
                };
                if lock.is_none() && own_lock.is_none() {
                    // Before the machine is unlocked, so that no other task loads it first.
                    own_lock = self.io.try_lock();
                }
                need
            };
            if lock.is_none() && own_lock.is_none() {
                own_lock = Some(self.io.lock().await);
                // Another task may have loaded it while this one waited.
                continue;
            }
            self.look(&need, names).await?;
            asked = true;
            let (tag_use, is_known) = {
                let mut machine = self.machine.lock();
                (machine.take_tag_use(), machine.knows(names))
            };
            if let Some(tag_use) = tag_use {
                Box::pin(self.tags().keep(&tag_use)).await;
            }
            if is_known {
                return Ok(asked);
            }
        }
    }

    /// Loads what the machine needs of the entries `names`, or of all.
    pub(super) async fn look(&self, need: &Need, names: Option<&[&str]>) -> Result<(), StorageError> {
        let with_id: Vec<&str>;
        let names = match names {
            Some(names) if need.checks_id => {
                with_id = names.iter().chain(&ID_ENTRIES).copied().collect();
                Some(&*with_id)
            }
            names => names,
        };
        let lookup = match names {
            Some(names) => self.storage.fetch(&need.key, names, &need.access).await?,
            None => self.storage.load(&need.key, &need.access).await?,
        };
        let loaded = self.machine.lock().loaded(lookup, names, need, &self.config);
        match loaded {
            Loaded::Known => Ok(()),
            Loaded::Refused(refused) => {
                self.observers().refused(&refused);
                Ok(())
            }
            // Boxed, because it is rare and large.
            Loaded::Suspicious(suspicion) => Box::pin(self.prove(&suspicion)).await,
        }
    }
}
