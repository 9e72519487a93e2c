//! The blocking face of a session: the same operations, run to their end on the calling thread.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{AsyncSession, ListedSession, Saved, SessionInfo};
use crate::{Error, SessionId, StoreKey, wait::wait};

/// A session during one request, over a blocking storage. Clones are the same session; it may be shared between threads.
///
/// You get it from [`Manager::begin`](crate::Manager::begin). Nothing happens in the storage before the first read or
/// [`save`](Self::save); at the end of the request, call [`close`](crate::Exchange::close) on what `begin` gave you.
///
/// Each method does what the method of the same name of [`AsyncSession`] does, has the same errors, and blocks where that one
/// waits.
///
/// ```
/// use gsession::{ClientInfo, Delivery, Manager, MemoryStorage};
///
/// let manager = Manager::new(MemoryStorage::new());
///
/// let first = manager.begin(None, ClientInfo::default);
/// first.set("user", "ada")?;
/// let Delivery::Send { id, .. } = first.close()?.delivery else { panic!("a new session has an id to send") };
///
/// let second = manager.begin(Some(id.as_str()), ClientInfo::default);
/// assert_eq!(second.get::<String>("user")?.as_deref(), Some("ada"));
/// # second.close()?;
/// # Ok::<(), gsession::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Session(AsyncSession);

impl Session {
    /// `core` is over a storage that never waits.
    pub(crate) const fn new(core: AsyncSession) -> Self {
        Self(core)
    }

    pub(super) const fn core(&self) -> &AsyncSession {
        &self.0
    }
}

/// Reading. The first read asks the storage; later reads are free.
impl Session {
    /// The value under `key`, or `None`: see [`AsyncSession::get`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::get`].
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        wait(self.0.get(key))
    }

    /// The value under `key`, or `default`: see [`AsyncSession::get_or`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::get_or`].
    pub fn get_or<T: DeserializeOwned>(&self, key: &str, default: T) -> Result<T, Error> {
        wait(self.0.get_or(key, default))
    }

    /// The values under several keys: see [`AsyncSession::get_many`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::get_many`].
    pub fn get_many(&self, keys: &[&str]) -> Result<Map<String, Value>, Error> {
        wait(self.0.get_many(keys))
    }

    /// Whether there is a value under `key`: see [`AsyncSession::contains_key`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::contains_key`].
    #[doc(alias = "contains")]
    pub fn contains_key(&self, key: &str) -> Result<bool, Error> {
        wait(self.0.contains_key(key))
    }

    /// Everything in the session: see [`AsyncSession::data`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::data`].
    #[doc(alias = "entries")]
    pub fn data(&self) -> Result<Map<String, Value>, Error> {
        wait(self.0.data())
    }

    /// How many entries the session has: see [`AsyncSession::len`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::len`].
    #[doc(alias = "size")]
    pub fn len(&self) -> Result<usize, Error> {
        wait(self.0.len())
    }

    /// Whether the session has no entries: see [`AsyncSession::is_empty`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::is_empty`].
    pub fn is_empty(&self) -> Result<bool, Error> {
        wait(self.0.is_empty())
    }

    /// When the session was created and when it ends: see [`AsyncSession::info`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::info`].
    pub fn info(&self) -> Result<Option<SessionInfo>, Error> {
        wait(self.0.info())
    }

    /// Whose session this is: see [`AsyncSession::principal`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::principal`].
    pub fn principal(&self) -> Result<Option<Arc<str>>, Error> {
        wait(self.0.principal())
    }

    /// Reads a value and removes it: see [`AsyncSession::take`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::take`].
    pub fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        wait(self.0.take(key))
    }
}

/// Writing. Writes are recorded; they are stored by [`save`](Self::save), or once at the end of the request.
impl Session {
    /// Sets `key` to a value: see [`AsyncSession::set`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::set`].
    #[doc(alias = "insert")]
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), Error> {
        self.0.set(key, value)
    }

    /// Sets several keys, or none: see [`AsyncSession::set_many`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::set_many`].
    #[doc(alias = "set_map")]
    pub fn set_many<K: AsRef<str>, T: Serialize>(
        &self,
        entries: impl IntoIterator<Item = (K, T)>,
    ) -> Result<(), Error> {
        self.0.set_many(entries)
    }

    /// Removes `key`: see [`AsyncSession::remove`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::remove`].
    #[doc(alias = "delete")]
    pub fn remove(&self, key: &str) -> Result<(), Error> {
        self.0.remove(key)
    }

    /// Removes several keys: see [`AsyncSession::remove_many`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::remove_many`].
    pub fn remove_many<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) -> Result<(), Error> {
        self.0.remove_many(keys)
    }

    /// Removes every entry: see [`AsyncSession::clear`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::clear`].
    pub fn clear(&self) -> Result<(), Error> {
        self.0.clear()
    }

    /// Ends the session (logout): see [`AsyncSession::destroy`]. After the end of the request, [`save`](Self::save) carries it
    /// out.
    #[doc(alias = "remove_all")]
    #[doc(alias = "purge")]
    #[doc(alias = "flush")]
    #[doc(alias = "delete")]
    pub fn destroy(&self) {
        self.0.destroy();
    }

    /// Gives the session a new id and ends the old one (login): see [`AsyncSession::renew`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::renew`].
    #[doc(alias = "regenerate_id")]
    #[doc(alias = "cycle_id")]
    pub fn renew(&self) -> Result<(), Error> {
        self.0.renew()
    }

    /// Says whose session this is: see [`AsyncSession::set_principal`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::set_principal`].
    pub fn set_principal(&self, principal: &str) -> Result<(), Error> {
        self.0.set_principal(principal)
    }

    /// Says that this is nobody's session any more: see [`AsyncSession::clear_principal`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::clear_principal`].
    pub fn clear_principal(&self) -> Result<(), Error> {
        self.0.clear_principal()
    }

    /// Works under an id of the application's choosing: see [`AsyncSession::set_id`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::set_id`].
    pub fn set_id(&self, id: SessionId) -> Result<(), Error> {
        self.0.set_id(id)
    }
}

/// Changing one entry atomically.
impl Session {
    /// Changes a value depending on what it is, at once: see [`AsyncSession::update`].
    ///
    /// ```
    /// # let session = gsession::Manager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// assert_eq!(session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1)?, 1);
    /// # Ok::<(), gsession::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::update`].
    pub fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        change: impl FnMut(Option<T>) -> T,
    ) -> Result<T, Error> {
        wait(self.0.update(key, change))
    }

    /// As [`update`](Self::update), with a change that may refuse or remove: see [`AsyncSession::try_update`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::try_update`].
    pub fn try_update<T, F>(
        &self,
        key: &str,
        change: impl FnMut(Option<T>) -> Result<Option<T>, F>,
    ) -> Result<Option<T>, F>
    where
        T: Serialize + DeserializeOwned,
        F: From<Error>,
    {
        wait(self.0.try_update(key, change))
    }

    /// The value under `key`; if there is none, that of `make`, stored at once: see [`AsyncSession::get_or_insert_with`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::get_or_insert_with`].
    #[doc(alias = "get_or_init")]
    pub fn get_or_insert_with<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        make: impl FnMut() -> T,
    ) -> Result<T, Error> {
        wait(self.0.get_or_insert_with(key, make))
    }
}

/// The sessions of this session's user.
impl Session {
    /// Lists the living sessions of this session's principal: see [`AsyncSession::list`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::list`].
    pub fn list(&self) -> Result<Vec<ListedSession>, Error> {
        wait(self.0.list())
    }

    /// Ends one of this principal's sessions: see [`AsyncSession::end`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::end`].
    pub fn end(&self, key: StoreKey) -> Result<bool, Error> {
        wait(self.0.end(key))
    }

    /// Ends every other session of this session's principal: see [`AsyncSession::destroy_others`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::destroy_others`].
    pub fn destroy_others(&self) -> Result<u64, Error> {
        wait(self.0.destroy_others())
    }

    /// Ends every session of this session's principal: see [`AsyncSession::destroy_everywhere`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::destroy_everywhere`].
    pub fn destroy_everywhere(&self) -> Result<u64, Error> {
        wait(self.0.destroy_everywhere())
    }
}

/// The session as a whole.
impl Session {
    /// The id to hand to the client: see [`AsyncSession::id`].
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.0.id()
    }

    /// The key under which the storage keeps the session: see [`AsyncSession::key`].
    #[must_use]
    pub fn key(&self) -> Option<StoreKey> {
        self.0.key()
    }

    /// Whether something waits to be stored.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.0.is_dirty()
    }

    /// Makes this a passive request, which reads without extending the session: see [`AsyncSession::set_passive`].
    pub fn set_passive(&self, passive: bool) {
        self.0.set_passive(passive);
    }

    /// Stores now what was written: see [`AsyncSession::save`].
    ///
    /// # Errors
    ///
    /// As [`AsyncSession::save`].
    #[doc(alias = "commit")]
    #[doc(alias = "flush")]
    pub fn save(&self) -> Result<Saved, Error> {
        wait(self.0.save())
    }

    /// Drops what was written and not saved; a [`destroy`](Self::destroy) stays.
    pub fn abandon(&self) {
        self.0.abandon();
    }
}
