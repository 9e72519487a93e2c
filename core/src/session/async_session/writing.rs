//! Writing.

use serde::Serialize;

use super::AsyncSession;
use crate::{Error, SessionId, record::encode, session::values::refused};

/// Writing. Writes are recorded and never wait; they are stored by [`save`](Self::save), or once at the end of the request.
impl<E: From<Error>> AsyncSession<E> {
    /// Sets `key` to a value, kept as JSON (GoFrame's `Set`).
    ///
    /// What this accepts, [`get`](Self::get) returns, equal, floats to the last bit, as far as the value's own `Serialize` and
    /// `Deserialize` agree. What JSON would change, or could not carry, is refused, with the reason in
    /// [`ValueError`](crate::ValueError): NaN and infinity, `Some(None)`, `i128` and `u128`, keys of maps other than
    /// strings, integers and booleans, the same key twice.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set("user", "ada")?;
    /// session.set("roles", &["admin", "editor"])?;
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Value`] if the value cannot be kept as JSON; [`Error::Limit`] if it would cross one of the
    /// [`Limits`](crate::Limits); [`Error::Closed`] after the end of the request. The session is then as before.
    #[doc(alias = "insert")]
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), E> {
        let value = encode(value).map_err(|reason| refused(key, reason, &self.config().limits))?;
        Ok(self.machine().set(key, &value, self.config())?)
    }

    /// Sets several keys (GoFrame's `SetMap`): all of them, or none if one cannot be set.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set_many([("width", 4), ("height", 3)])?;
    /// assert_eq!(session.len().await?, 2);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    #[doc(alias = "set_map")]
    pub fn set_many<K: AsRef<str>, T: Serialize>(&self, entries: impl IntoIterator<Item = (K, T)>) -> Result<(), E> {
        let encoded = entries
            .into_iter()
            .map(|(key, value)| match encode(&value) {
                Ok(value) => Ok((key, value)),
                Err(reason) => Err(refused(key.as_ref(), reason, &self.config().limits)),
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(self.machine().set_many(&encoded, self.config())?)
    }

    /// Removes `key` (GoFrame's `Remove`). Nothing happens if it is not there.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.remove("cart")?;
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] after the end of the request; [`Error::Detached`] if there is no session behind this handle.
    #[doc(alias = "delete")]
    pub fn remove(&self, key: &str) -> Result<(), E> {
        Ok(self.machine().remove(key)?)
    }

    /// Removes several keys.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.remove_many(["cart", "coupon"])?;
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn remove_many<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) -> Result<(), E> {
        Ok(keys.into_iter().try_for_each(|key| self.machine().remove(key.as_ref()))?)
    }

    /// Removes every entry; the session itself, its id and its principal stay. To end it, [`destroy`](Self::destroy).
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set("user", "ada")?;
    /// session.clear()?;
    /// assert!(session.is_empty().await?);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn clear(&self) -> Result<(), E> {
        Ok(self.machine().clear()?)
    }

    /// Ends the session: it is deleted from the storage, and nothing that another running request does brings it
    /// back (logout; GoFrame's `RemoveAll`). What is set afterwards belongs to a new session under a new id.
    ///
    /// It ends the sessions of all ids the client sent (up to four), so none of them can be used to come back. For one
    /// hour after a renewal, the old id can still end the session. Whoever knows it can log the user out, but do
    /// nothing else.
    ///
    /// This works after the end of the request, too: the integration carries it out in the background, or without one
    /// [`save`](Self::save) does.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.destroy();
    /// session.set("flash", "Good bye.")?;
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "remove_all")]
    #[doc(alias = "purge")]
    #[doc(alias = "flush")]
    #[doc(alias = "delete")]
    pub fn destroy(&self) {
        self.machine().destroy(self.config());
        self.end_if_late();
    }

    /// Gives the session a new id and ends the old one, keeping the data. Call it whenever privileges change, above
    /// all at login, so that nobody who knew the id before profits (ASVS 7.2.4; GoFrame's `RegenerateId(true)`).
    ///
    /// Of several overlapping renewals one wins. A later one that says who its user is, with
    /// [`set_principal`](Self::set_principal), joins the session of the first if that is the same user's: a second
    /// click on "log in" works. What the others wrote is dropped ([`Saved::Gone`](crate::Saved::Gone)), which is an error at the end of the
    /// request.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// // The password was right:
    /// session.renew()?;
    /// session.set("user", "ada")?;
    /// session.set_principal("ada")?;
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    #[doc(alias = "regenerate_id")]
    #[doc(alias = "cycle_id")]
    pub fn renew(&self) -> Result<(), E> {
        Ok(self.machine().renew()?)
    }

    /// Says whose session this is, after you have checked a password or the like, and not before: it counts as the proof of a
    /// login. With it a user's sessions can be listed and ended ([`destroy_others`](Self::destroy_others)), a second click on
    /// "log in" goes on with the session of the first, and the memory storage never pushes the session out. Never share one
    /// between users, such as "guest".
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] if it is longer than [`Limits::max_principal_bytes`](crate::Limits::max_principal_bytes); otherwise
    /// as [`remove`](Self::remove).
    pub fn set_principal(&self, principal: &str) -> Result<(), E> {
        Ok(self.machine().set_principal(Some(principal.into()), self.config())?)
    }

    /// Says that this is nobody's session any more.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn clear_principal(&self) -> Result<(), E> {
        Ok(self.machine().set_principal(None, self.config())?)
    }

    /// Works under an id of the application's choosing: the session under it if there is one, otherwise a new one is
    /// created under it (GoFrame's `SetId`). Before anything else is done with the session.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyUsed`] if the session has been used; [`Error::InvalidId`] if the manager's generator does not
    /// accept such ids (the client could then never come back with it).
    pub fn set_id(&self, id: SessionId) -> Result<(), E> {
        Ok(self.machine().set_id(id, self.config())?)
    }
}
