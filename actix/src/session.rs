//! The session as handlers see it.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use gsession::{AsyncManager, AsyncSession, Error, ListedSession, Saved, SessionId, SessionInfo, StoreKey};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{SessionError, endings::Endings};

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
pub struct Session {
    core: AsyncSession,
    /// Where it is ended if its request is over; none outside requests.
    endings: Option<Endings>,
}

impl Session {
    pub(crate) const fn new(core: AsyncSession, endings: Endings) -> Self {
        Self { core, endings: Some(endings) }
    }

    /// A session without a request, for the unit tests of an application: see [`testing`](crate::testing).
    pub(crate) const fn without_request(core: AsyncSession) -> Self {
        Self { core, endings: None }
    }

    /// A session that answers every use with an error that says what is missing.
    pub(crate) fn detached() -> Self {
        Self::without_request(AsyncManager::detached_session(NO_MIDDLEWARE))
    }

    /// The session without actix-web, for code that does not know it. Its errors are [`gsession::Error`], and after the end of the
    /// request its [`destroy`](AsyncSession::destroy) has to be followed by [`save`](AsyncSession::save).
    #[must_use]
    pub const fn core(&self) -> &AsyncSession {
        &self.core
    }

    /// The value under `key`: [`AsyncSession::get`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed or the value is not a `T`.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        Ok(self.core.get(key).await?)
    }

    /// The value under `key`, or `default`: [`AsyncSession::get_or`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn get_or<T: DeserializeOwned>(&self, key: &str, default: T) -> Result<T, SessionError> {
        Ok(self.core.get_or(key, default).await?)
    }

    /// The values under several keys: [`AsyncSession::get_many`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn get_many(&self, keys: &[&str]) -> Result<Map<String, Value>, SessionError> {
        Ok(self.core.get_many(keys).await?)
    }

    /// Whether there is a value under `key`: [`AsyncSession::contains_key`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed.
    #[doc(alias = "contains")]
    pub async fn contains_key(&self, key: &str) -> Result<bool, SessionError> {
        Ok(self.core.contains_key(key).await?)
    }

    /// Everything in the session: [`AsyncSession::data`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[doc(alias = "entries")]
    pub async fn data(&self) -> Result<Map<String, Value>, SessionError> {
        Ok(self.core.data().await?)
    }

    /// How many entries there are: [`AsyncSession::len`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed.
    #[doc(alias = "size")]
    pub async fn len(&self) -> Result<usize, SessionError> {
        Ok(self.core.len().await?)
    }

    /// Whether there are no entries: [`AsyncSession::is_empty`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed.
    pub async fn is_empty(&self) -> Result<bool, SessionError> {
        Ok(self.core.is_empty().await?)
    }

    /// When the session was created and when it ends: [`AsyncSession::info`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed.
    pub async fn info(&self) -> Result<Option<SessionInfo>, SessionError> {
        Ok(self.core.info().await?)
    }

    /// Whose session this is: [`AsyncSession::principal`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed.
    pub async fn principal(&self) -> Result<Option<Arc<str>>, SessionError> {
        Ok(self.core.principal().await?)
    }

    /// Reads a value and removes it: [`AsyncSession::take`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        Ok(self.core.take(key).await?)
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
        Ok(self.core.update(key, change).await?)
    }

    /// As [`update`](Self::update), with a change that may refuse or remove: [`AsyncSession::try_update`].
    ///
    /// ```
    /// # use actix_web::{HttpResponse, Result};
    /// # use gsession_actix::{Session, SessionError};
    /// #[derive(Debug, thiserror::Error)]
    /// enum CartError {
    ///     #[error("the cart is full")]
    ///     Full,
    ///     #[error(transparent)]
    ///     Session(#[from] SessionError),
    /// }
    ///
    /// async fn add(session: Session) -> Result<(), CartError> {
    ///     session
    ///         .try_update("cart", |cart: Option<Vec<u32>>| {
    ///             let mut cart = cart.unwrap_or_default();
    ///             if cart.len() == 10 {
    ///                 return Err(CartError::Full); // nothing is stored
    ///             }
    ///             cart.push(7);
    ///             Ok(Some(cart))
    ///         })
    ///         .await?;
    ///     Ok(())
    /// }
    /// # let _ = add;
    /// ```
    ///
    /// # Errors
    ///
    /// What `change` refuses with; otherwise as [`update`](Self::update).
    pub async fn try_update<T, E>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<SessionError>,
    {
        let refusable = |old| change(old).map_err(Refused::ByChange);
        self.core.try_update(key, refusable).await.map_err(|refused| match refused {
            Refused::ByChange(error) => error,
            Refused::BySession(error) => SessionError::from(error).into(),
        })
    }

    /// The value under `key`; if there is none, that of `make`, stored atomically: [`AsyncSession::get_or_insert_with`].
    ///
    /// ```
    /// # use actix_web::Result;
    /// # use gsession_actix::Session;
    /// # fn random_token() -> String { "from a generator".to_owned() }
    /// async fn csrf_token(session: Session) -> Result<String> {
    ///     Ok(session.get_or_insert_with("csrf", random_token).await?)
    /// }
    /// # let _ = csrf_token;
    /// ```
    ///
    /// # Errors
    ///
    /// As [`update`](Self::update).
    #[doc(alias = "get_or_init")]
    pub async fn get_or_insert_with<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        make: impl FnMut() -> T,
    ) -> Result<T, SessionError> {
        Ok(self.core.get_or_insert_with(key, make).await?)
    }

    /// Sets `key`: [`AsyncSession::set`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the value cannot be written as JSON or would cross a limit.
    #[doc(alias = "insert")]
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), SessionError> {
        Ok(self.core.set(key, value)?)
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
        Ok(self.core.set_many(entries)?)
    }

    /// Removes `key`: [`AsyncSession::remove`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the request has ended, or there is no session middleware.
    #[doc(alias = "delete")]
    pub fn remove(&self, key: &str) -> Result<(), SessionError> {
        Ok(self.core.remove(key)?)
    }

    /// Removes several keys: [`AsyncSession::remove_many`].
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn remove_many<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) -> Result<(), SessionError> {
        Ok(self.core.remove_many(keys)?)
    }

    /// Removes every entry; the session stays: [`AsyncSession::clear`].
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn clear(&self) -> Result<(), SessionError> {
        Ok(self.core.clear()?)
    }

    /// Ends the session, for good (logout): [`AsyncSession::destroy`]. It is done when the response is sent, and also if the
    /// client has left or the response is under way already; then in the background.
    #[doc(alias = "purge")]
    #[doc(alias = "remove_all")]
    #[doc(alias = "flush")]
    pub fn destroy(&self) {
        self.core.destroy();
        self.carry_out_if_over();
    }

    /// After the end of the request nobody else ends what was destroyed.
    fn carry_out_if_over(&self) {
        if let Some(endings) = self.endings.as_ref().filter(|_| self.core.is_closed() && self.core.is_doomed()) {
            endings.carry_out(self.core.clone());
        }
    }

    /// Gives the session a new id and ends the old one (login): [`AsyncSession::renew`].
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    #[doc(alias = "regenerate_id")]
    #[doc(alias = "cycle_id")]
    pub fn renew(&self) -> Result<(), SessionError> {
        Ok(self.core.renew()?)
    }

    /// Says whose session this is: [`AsyncSession::set_principal`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if it is too long.
    pub fn set_principal(&self, principal: &str) -> Result<(), SessionError> {
        Ok(self.core.set_principal(principal)?)
    }

    /// Says that this is nobody's session any more: [`AsyncSession::clear_principal`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if there is no session middleware.
    pub fn clear_principal(&self) -> Result<(), SessionError> {
        Ok(self.core.clear_principal()?)
    }

    /// Works under an id of the application's choosing: [`AsyncSession::set_id`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the session has been used, or the id generator does not accept such ids.
    pub fn set_id(&self, id: SessionId) -> Result<(), SessionError> {
        Ok(self.core.set_id(id)?)
    }

    /// The living sessions of this session's principal ("my devices"): [`AsyncSession::list`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed or cannot list sessions.
    #[doc(alias = "devices")]
    pub async fn list(&self) -> Result<Vec<ListedSession>, SessionError> {
        Ok(self.core.list().await?)
    }

    /// Ends one session of this session's principal: [`AsyncSession::end`].
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn end(&self, key: StoreKey) -> Result<bool, SessionError> {
        let ended = self.core.end(key).await;
        self.carry_out_if_over();
        Ok(ended?)
    }

    /// Ends every session of this session's principal, this one too: [`AsyncSession::destroy_everywhere`].
    ///
    /// ```
    /// use actix_web::{HttpResponse, Result};
    /// use gsession_actix::Session;
    ///
    /// async fn log_out_everywhere(session: Session) -> Result<HttpResponse> {
    ///     let others = session.destroy_everywhere().await?;
    ///     // What is set now belongs to a new session, which the next page sees.
    ///     session.set("flash", &format!("You are logged out here and on {others} other devices."))?;
    ///     Ok(HttpResponse::SeeOther().insert_header(("location", "/login")).finish())
    /// }
    /// # let _ = log_out_everywhere;
    /// ```
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list); this session ends all the same.
    pub async fn destroy_everywhere(&self) -> Result<u64, SessionError> {
        let others = self.core.destroy_everywhere().await;
        self.carry_out_if_over();
        Ok(others?)
    }

    /// Ends every other session of this session's principal: [`AsyncSession::destroy_others`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed or cannot list sessions.
    pub async fn destroy_others(&self) -> Result<u64, SessionError> {
        Ok(self.core.destroy_others().await?)
    }

    /// Stores now what was written, and says what came of it: [`AsyncSession::save`].
    ///
    /// # Errors
    ///
    /// [`SessionError`] if the storage failed or no id could be made.
    #[doc(alias = "commit")]
    pub async fn save(&self) -> Result<Saved, SessionError> {
        Ok(self.core.save().await?)
    }

    /// The id the client has or is about to get: [`AsyncSession::id`].
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.core.id()
    }

    /// The key under which the storage keeps the session, which may be shown: [`AsyncSession::key`].
    #[must_use]
    pub fn key(&self) -> Option<StoreKey> {
        self.core.key()
    }

    /// Whether something waits to be stored: [`AsyncSession::is_dirty`].
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.core.is_dirty()
    }

    /// Makes this a passive request, which reads without extending the session: [`AsyncSession::set_passive`]. For a whole
    /// route, see [`Passive`](crate::Passive).
    pub fn set_passive(&self, passive: bool) {
        self.core.set_passive(passive);
    }
}

/// Why an update was not made.
enum Refused<E> {
    ByChange(E),
    BySession(Error),
}

impl<E> From<Error> for Refused<E> {
    fn from(error: Error) -> Self {
        Self::BySession(error)
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
