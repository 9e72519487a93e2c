//! The session as handlers see it.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use gsession::{AsyncManager, AsyncSession, Error, Saved, SessionId, SessionInfo};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::SessionError;

const NO_MIDDLEWARE: &str =
    "no session for this request: wrap the App, scope or resource in gsession_actix::SessionMiddleware";

/// The session of a request: [`gsession::AsyncSession`] with errors that actix-web can answer. Clones are the same session.
///
/// Got from [`get_session()`](crate::SessionExt::get_session), or as an argument of the handler. The middleware stores what
/// was written before the response is sent.
///
/// ```
/// use actix_web::{HttpResponse, Result};
/// use gsession_actix::Session;
///
/// async fn logout(session: Session) -> Result<HttpResponse> {
///     session.destroy();
///     Ok(HttpResponse::SeeOther().insert_header(("location", "/")).finish())
/// }
/// # let _ = logout;
/// ```
#[derive(Debug, Clone)]
pub struct Session(AsyncSession);

impl Session {
    pub(crate) const fn new(session: AsyncSession) -> Self {
        Self(session)
    }

    /// A session that answers every use with an error that says what is missing.
    pub(crate) fn detached() -> Self {
        Self(AsyncManager::detached_session(NO_MIDDLEWARE))
    }

    /// The session without actix-web, for code that does not know it. Its errors are [`gsession::Error`].
    #[must_use]
    pub const fn core(&self) -> &AsyncSession {
        &self.0
    }

    /// The value under `key`: [`AsyncSession::get`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed or the value is not a `T`.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        Ok(self.0.get(key).await?)
    }

    /// The value under `key`, or `default`: [`AsyncSession::get_or`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn get_or<T: DeserializeOwned>(&self, key: &str, default: T) -> Result<T, SessionError> {
        Ok(self.0.get_or(key, default).await?)
    }

    /// The values under several keys: [`AsyncSession::get_many`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn get_many(&self, keys: &[&str]) -> Result<Map<String, Value>, SessionError> {
        Ok(self.0.get_many(keys).await?)
    }

    /// Whether there is a value under `key`: [`AsyncSession::contains_key`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed.
    #[doc(alias = "contains")]
    pub async fn contains_key(&self, key: &str) -> Result<bool, SessionError> {
        Ok(self.0.contains_key(key).await?)
    }

    /// Everything in the session: [`AsyncSession::data`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[doc(alias = "entries")]
    pub async fn data(&self) -> Result<Map<String, Value>, SessionError> {
        Ok(self.0.data().await?)
    }

    /// How many entries there are: [`AsyncSession::len`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed.
    #[doc(alias = "size")]
    pub async fn len(&self) -> Result<usize, SessionError> {
        Ok(self.0.len().await?)
    }

    /// Whether there are no entries: [`AsyncSession::is_empty`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed.
    pub async fn is_empty(&self) -> Result<bool, SessionError> {
        Ok(self.0.is_empty().await?)
    }

    /// When the session was created and when it ends: [`AsyncSession::info`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed.
    pub async fn info(&self) -> Result<Option<SessionInfo>, SessionError> {
        Ok(self.0.info().await?)
    }

    /// Whose session this is: [`AsyncSession::principal`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed.
    pub async fn principal(&self) -> Result<Option<Arc<str>>, SessionError> {
        Ok(self.0.principal().await?)
    }

    /// Reads a value and removes it: [`AsyncSession::take`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        Ok(self.0.take(key).await?)
    }

    /// Changes a value atomically, at once: [`AsyncSession::update`].
    ///
    /// ```
    /// # use actix_web::Result;
    /// # use gsession_actix::Session;
    /// async fn count(session: Session) -> Result<String> {
    ///     let n = session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    ///     Ok(n.to_string())
    /// }
    /// # let _ = count;
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed, the session ended meanwhile, or the value is not a `T`.
    pub async fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        change: impl FnMut(Option<T>) -> T,
    ) -> Result<T, SessionError> {
        Ok(self.0.update(key, change).await?)
    }

    /// Sets `key`: [`AsyncSession::set`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the value cannot be written as JSON or would cross a limit.
    #[doc(alias = "insert")]
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), SessionError> {
        Ok(self.0.set(key, value)?)
    }

    /// Sets several keys, or none: [`AsyncSession::set_many`].
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    #[doc(alias = "set_map")]
    pub fn set_many<K: AsRef<str>, T: Serialize>(
        &self,
        entries: impl IntoIterator<Item = (K, T)>,
    ) -> Result<(), SessionError> {
        Ok(self.0.set_many(entries)?)
    }

    /// Removes `key`: [`AsyncSession::remove`].
    #[doc(alias = "delete")]
    pub fn remove(&self, key: &str) {
        self.0.remove(key);
    }

    /// Removes several keys: [`AsyncSession::remove_many`].
    pub fn remove_many<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) {
        self.0.remove_many(keys);
    }

    /// Removes every entry; the session stays: [`AsyncSession::clear`].
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Ends the session, for good (logout): [`AsyncSession::destroy`].
    #[doc(alias = "purge")]
    #[doc(alias = "remove_all")]
    #[doc(alias = "flush")]
    pub fn destroy(&self) {
        self.0.destroy();
    }

    /// Gives the session a new id and ends the old one (login): [`AsyncSession::renew`].
    #[doc(alias = "regenerate_id")]
    #[doc(alias = "cycle_id")]
    pub fn renew(&self) {
        self.0.renew();
    }

    /// Says whose session this is: [`AsyncSession::set_principal`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if it is too long.
    pub fn set_principal(&self, principal: &str) -> Result<(), SessionError> {
        Ok(self.0.set_principal(principal)?)
    }

    /// Says that this is nobody's session any more: [`AsyncSession::clear_principal`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if there is no session middleware.
    pub fn clear_principal(&self) -> Result<(), SessionError> {
        Ok(self.0.clear_principal()?)
    }

    /// Works under an id of the application's choosing: [`AsyncSession::set_id`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the session has been used, or the id generator does not accept such ids.
    pub fn set_id(&self, id: SessionId) -> Result<(), SessionError> {
        Ok(self.0.set_id(id)?)
    }

    /// Ends every other session of this session's principal: [`AsyncSession::destroy_others`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed or cannot list sessions.
    pub async fn destroy_others(&self) -> Result<u64, SessionError> {
        Ok(self.0.destroy_others().await?)
    }

    /// Stores now what was written, and says what came of it: [`AsyncSession::save`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed or no id could be made.
    #[doc(alias = "commit")]
    pub async fn save(&self) -> Result<Saved, SessionError> {
        Ok(self.0.save().await?)
    }

    /// The id the client has or is about to get: [`AsyncSession::id`].
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.0.id()
    }

    /// Whether something waits to be stored: [`AsyncSession::is_dirty`].
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.0.is_dirty()
    }

    /// Makes this a passive request, which reads without extending the session: [`AsyncSession::set_passive`]. For a whole
    /// route, see [`Passive`](crate::Passive).
    pub fn set_passive(&self, passive: bool) {
        self.0.set_passive(passive);
    }

    pub(crate) fn was_used(&self) -> bool {
        self.0.was_used()
    }

    pub(crate) fn abandon(&self) {
        self.0.abandon();
    }

    pub(crate) fn is_doomed(&self) -> bool {
        self.0.is_doomed()
    }
}

impl FromRequest for Session {
    type Error = SessionError;
    type Future = Ready<Result<Self, SessionError>>;

    /// The session of the request.
    ///
    /// # Errors
    ///
    /// A [`SessionError`] that names the fix, answered 500, if there is no [`SessionMiddleware`](crate::SessionMiddleware).
    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match crate::ext::attached(req) {
            Some(attached) => Ok(attached.session(req.head())),
            None => Err(Error::Detached(NO_MIDDLEWARE).into()),
        })
    }
}
