//! Writing.

use serde::Serialize;

use super::AsyncSession;
use crate::{Error, SessionId, observe::EndReason, record::encode, session::values::refused};

/// Writing. Writes are recorded and never wait. [`save`](Self::save) stores them, or the end of the request does.
impl<E: From<Error>> AsyncSession<E> {
    /// Sets `key` to a value, stored as JSON (GoFrame's `Set`).
    ///
    /// What `set` accepts, [`get`](Self::get) returns equal, floats to the last bit, provided that the value's own
    /// `Serialize` and `Deserialize` agree. Values that JSON would change or cannot carry are rejected, with the reason
    /// in [`ValueError`](crate::ValueError): NaN and infinity, `Some(None)`, `i128` and `u128`, map keys other than
    /// strings, integers and booleans, duplicate keys.
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
    /// [`Error::Value`] if JSON cannot carry the value; [`Error::Limit`] if it exceeds one of the
    /// [`Limits`](crate::Limits); [`Error::Closed`] after the end of the request. The session is unchanged.
    #[doc(alias = "insert")]
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), E> {
        let value = encode(value).map_err(|reason| refused(key, reason, &self.config().limits))?;
        Ok(self.machine().set(key, &value, self.config())?)
    }

    /// Sets several keys (GoFrame's `SetMap`): all of them, or none if one is rejected.
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
    /// Same as [`set`](Self::set).
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

    /// Removes `key`, if it is there (GoFrame's `Remove`).
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
    /// Same as [`remove`](Self::remove).
    pub fn remove_many<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) -> Result<(), E> {
        Ok(keys.into_iter().try_for_each(|key| self.machine().remove(key.as_ref()))?)
    }

    /// Removes every entry. The session, its id and its principal stay; to end it, call [`destroy`](Self::destroy).
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
    /// Same as [`remove`](Self::remove).
    pub fn clear(&self) -> Result<(), E> {
        Ok(self.machine().clear()?)
    }

    /// Ends the session (logout; GoFrame's `RemoveAll`): it is deleted from the storage, and no request still running
    /// can bring it back. Anything you set afterwards goes into a new session under a new id.
    ///
    /// This ends the sessions of all ids the client sent (up to four), so none of them can be used to come back. For
    /// one hour after a renewal, the old id can still end the session. Anyone who knows it can log the user out, but
    /// nothing more.
    ///
    /// It also works after the end of the request: the integration then carries it out in the background. Without an
    /// integration, call [`save`](Self::save).
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
        self.destroy_because(EndReason::LoggedOut);
    }

    pub(super) fn destroy_because(&self, reason: EndReason) {
        self.machine().destroy(reason, self.config());
        self.end_if_late();
    }

    /// Gives the session a new id, ends the old one and keeps the data. Call it whenever privileges change, above all
    /// at login, so that an id known from before the login is worthless (ASVS 7.2.4; GoFrame's `RegenerateId(true)`).
    ///
    /// One of several overlapping renewals wins. If a later one also calls [`set_principal`](Self::set_principal) with
    /// the same user, it joins the session of the first, so a second click on "log in" works. The changes of the others
    /// are dropped ([`Saved::Gone`](crate::Saved::Gone)), which is an error at the end of the request.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// // The password is right:
    /// session.renew()?;
    /// session.set("user", "ada")?;
    /// session.set_principal("ada")?;
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`remove`](Self::remove).
    #[doc(alias = "regenerate_id")]
    #[doc(alias = "cycle_id")]
    pub fn renew(&self) -> Result<(), E> {
        Ok(self.machine().renew()?)
    }

    /// Sets whose session this is. Call it only after you have checked a password or similar: it counts as proof of a
    /// login. With a principal, a user's sessions can be listed and ended ([`destroy_others`](Self::destroy_others)), a
    /// second click on "log in" continues with the session of the first, and the memory storage never evicts the
    /// session. Never share a principal between users, such as "guest".
    ///
    /// What an earlier [`log_in`](Self::log_in) has set besides the principal and the label ends: the time of the login, the
    /// [tag](crate::Login::tag), and that the session is [remembered](crate::Login::remember_for). A persistent
    /// cookie becomes an ordinary one if this request has read the session before.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] if it is longer than [`Limits::max_principal_bytes`](crate::Limits::max_principal_bytes);
    /// otherwise same as [`remove`](Self::remove).
    pub fn set_principal(&self, principal: &str) -> Result<(), E> {
        Ok(self.machine().set_principal(Some(principal.into()), self.config())?)
    }

    /// Makes the session anonymous again.
    ///
    /// # Errors
    ///
    /// Same as [`remove`](Self::remove).
    pub fn clear_principal(&self) -> Result<(), E> {
        Ok(self.machine().set_principal(None, self.config())?)
    }

    /// Uses an id that the application chooses: opens the session under it, or creates one (GoFrame's `SetId`). Call it
    /// before you use the session.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyUsed`] if the session has been used; [`Error::IdsRotate`] if the manager's ids
    /// [rotate](crate::ManagerBuilder::rotate_every); [`Error::InvalidId`] if the manager's generator does not
    /// accept the id, as the client could never come back with it.
    pub fn set_id(&self, id: SessionId) -> Result<(), E> {
        Ok(self.machine().set_id(id, self.config())?)
    }
}
