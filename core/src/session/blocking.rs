//! The blocking session: the same methods, run to completion on the calling thread.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{AsyncSession, ListedSession, Login, Page, Saved, SessionInfo};
use crate::{Error, SessionId, StoreKey, Timestamp, wait::wait};

/// A session during one request, over a blocking storage. Clones share the session, so you can pass them to other
/// threads.
///
/// You get it from [`Manager::begin`](crate::Manager::begin). The storage is not touched before the first read or
/// [`save`](Self::save). At the end of the request, call [`close`](crate::Exchange::close) on what `begin` returned.
///
/// Each method does what the [`AsyncSession`] method of the same name does, with the same errors. It blocks where that
/// one waits.
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

/// Reading. The first read loads the session; later reads are free.
impl Session {
    /// Returns the value under `key`, or `None`: see [`AsyncSession::get`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::get`].
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        wait(self.0.get(key))
    }

    /// Returns the value under `key`, or `default`: see [`AsyncSession::get_or`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::get_or`].
    pub fn get_or<T: DeserializeOwned>(&self, key: &str, default: T) -> Result<T, Error> {
        wait(self.0.get_or(key, default))
    }

    /// Returns the values under several keys: see [`AsyncSession::get_many`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::get_many`].
    pub fn get_many(&self, keys: &[&str]) -> Result<Map<String, Value>, Error> {
        wait(self.0.get_many(keys))
    }

    /// Returns whether there is a value under `key`: see [`AsyncSession::contains_key`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::contains_key`].
    #[doc(alias = "contains")]
    pub fn contains_key(&self, key: &str) -> Result<bool, Error> {
        wait(self.0.contains_key(key))
    }

    /// Returns all entries: see [`AsyncSession::data`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::data`].
    #[doc(alias = "entries")]
    pub fn data(&self) -> Result<Map<String, Value>, Error> {
        wait(self.0.data())
    }

    /// Returns the number of entries: see [`AsyncSession::len`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::len`].
    #[doc(alias = "size")]
    pub fn len(&self) -> Result<usize, Error> {
        wait(self.0.len())
    }

    /// Returns whether the session has no entries: see [`AsyncSession::is_empty`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::is_empty`].
    pub fn is_empty(&self) -> Result<bool, Error> {
        wait(self.0.is_empty())
    }

    /// Returns when the session was created and when it ends: see [`AsyncSession::info`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::info`].
    pub fn info(&self) -> Result<Option<SessionInfo>, Error> {
        wait(self.0.info())
    }

    /// Returns the principal: see [`AsyncSession::principal`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::principal`].
    pub fn principal(&self) -> Result<Option<Arc<str>>, Error> {
        wait(self.0.principal())
    }

    /// Reads a value and removes it: see [`AsyncSession::take`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::take`].
    pub fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        wait(self.0.take(key))
    }
}

/// Writing. Writes are recorded. [`save`](Self::save) stores them, or the end of the request does.
impl Session {
    /// Sets `key` to a value: see [`AsyncSession::set`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::set`].
    #[doc(alias = "insert")]
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), Error> {
        self.0.set(key, value)
    }

    /// Sets several keys, or none: see [`AsyncSession::set_many`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::set_many`].
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
    /// Same as [`AsyncSession::remove`].
    #[doc(alias = "delete")]
    pub fn remove(&self, key: &str) -> Result<(), Error> {
        self.0.remove(key)
    }

    /// Removes several keys: see [`AsyncSession::remove_many`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::remove_many`].
    pub fn remove_many<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) -> Result<(), Error> {
        self.0.remove_many(keys)
    }

    /// Removes every entry: see [`AsyncSession::clear`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::clear`].
    pub fn clear(&self) -> Result<(), Error> {
        self.0.clear()
    }

    /// Ends the session (logout): see [`AsyncSession::destroy`]. After the end of the request, [`save`](Self::save)
    /// carries it out.
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
    /// Same as [`AsyncSession::renew`].
    #[doc(alias = "regenerate_id")]
    #[doc(alias = "cycle_id")]
    pub fn renew(&self) -> Result<(), Error> {
        self.0.renew()
    }

    /// Sets whose session this is: see [`AsyncSession::set_principal`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::set_principal`].
    pub fn set_principal(&self, principal: &str) -> Result<(), Error> {
        self.0.set_principal(principal)
    }

    /// Makes the session anonymous again: see [`AsyncSession::clear_principal`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::clear_principal`].
    pub fn clear_principal(&self) -> Result<(), Error> {
        self.0.clear_principal()
    }

    /// Uses an id that the application chooses: see [`AsyncSession::set_id`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::set_id`].
    pub fn set_id(&self, id: SessionId) -> Result<(), Error> {
        self.0.set_id(id)
    }
}

/// Changing one entry atomically.
impl Session {
    /// Atomically replaces a value with one computed from it: see [`AsyncSession::update`].
    ///
    /// ```
    /// # let session = gsession::Manager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// assert_eq!(session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1)?, 1);
    /// # Ok::<(), gsession::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::update`].
    pub fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        change: impl FnMut(Option<T>) -> T,
    ) -> Result<T, Error> {
        wait(self.0.update(key, change))
    }

    /// Like [`update`](Self::update), but `change` may also remove the value or refuse: see
    /// [`AsyncSession::try_update`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::try_update`].
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

    /// Returns the value under `key`, or stores and returns that of `make`: see [`AsyncSession::get_or_insert_with`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::get_or_insert_with`].
    #[doc(alias = "get_or_init")]
    pub fn get_or_insert_with<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        make: impl FnMut() -> T,
    ) -> Result<T, Error> {
        wait(self.0.get_or_insert_with(key, make))
    }
}

/// Logging in and out.
impl Session {
    /// Logs a user in: see [`AsyncSession::log_in`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::log_in`].
    pub fn log_in(&self, login: impl Into<Login>) -> Result<(), Error> {
        wait(self.0.log_in(login))
    }

    /// Confirms the login of a user who has proved once more who they are: see [`AsyncSession::confirm_login`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::confirm_login`].
    pub fn confirm_login(&self) -> Result<(), Error> {
        wait(self.0.confirm_login())
    }

    /// Logs the user out: see [`AsyncSession::log_out`].
    #[doc(alias = "logout")]
    pub fn log_out(&self) {
        self.0.log_out();
    }

    /// Sets what the user recognises this device by: see [`AsyncSession::set_label`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::set_label`].
    pub fn set_label(&self, label: &str) -> Result<(), Error> {
        self.0.set_label(label)
    }

    /// When the user has logged in: see [`AsyncSession::authenticated_at`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::authenticated_at`].
    pub fn authenticated_at(&self) -> Result<Option<Timestamp>, Error> {
        wait(self.0.authenticated_at())
    }

    /// Requires a recent login: see [`AsyncSession::require_recent`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::require_recent`].
    pub fn require_recent(&self, age: Duration) -> Result<(), Error> {
        wait(self.0.require_recent(age))
    }
}

/// All sessions of this session's user.
impl Session {
    /// Lists the live sessions of this session's principal: see [`AsyncSession::list`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::list`].
    pub fn list(&self) -> Result<Vec<ListedSession>, Error> {
        wait(self.0.list())
    }

    /// Lists a part of these sessions: see [`AsyncSession::list_page`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::list_page`].
    pub fn list_page(&self, after: Option<StoreKey>, most: NonZeroUsize) -> Result<Page<ListedSession>, Error> {
        wait(self.0.list_page(after, most))
    }

    /// Ends one of this principal's sessions: see [`AsyncSession::end`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::end`].
    pub fn end(&self, key: StoreKey) -> Result<bool, Error> {
        wait(self.0.end(key))
    }

    /// Ends every other session of this session's principal: see [`AsyncSession::destroy_others`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::destroy_others`].
    pub fn destroy_others(&self) -> Result<u64, Error> {
        wait(self.0.destroy_others())
    }

    /// Ends every session of this session's principal: see [`AsyncSession::destroy_everywhere`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::destroy_everywhere`].
    pub fn destroy_everywhere(&self) -> Result<u64, Error> {
        wait(self.0.destroy_everywhere())
    }
}

/// The session as a whole.
impl Session {
    /// The id for the client: see [`AsyncSession::id`].
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.0.id()
    }

    /// The key under which the storage keeps the session: see [`AsyncSession::key`].
    #[must_use]
    pub fn key(&self) -> Option<StoreKey> {
        self.0.key()
    }

    /// A new handle to the same session, for work that goes on after the request: see [`AsyncSession::reopen`].
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self(self.0.reopen())
    }

    /// Whether there are changes that are not stored yet.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.0.is_dirty()
    }

    /// Makes this request passive: it reads the session without extending it. See [`AsyncSession::set_passive`].
    pub fn set_passive(&self, passive: bool) {
        self.0.set_passive(passive);
    }

    /// Stores the changes now: see [`AsyncSession::save`].
    ///
    /// # Errors
    ///
    /// Same as [`AsyncSession::save`].
    #[doc(alias = "commit")]
    #[doc(alias = "flush")]
    pub fn save(&self) -> Result<Saved, Error> {
        wait(self.0.save())
    }

    /// Drops unsaved changes. A [`destroy`](Self::destroy) stays.
    pub fn abandon(&self) {
        self.0.abandon();
    }
}
