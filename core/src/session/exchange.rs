//! One request, for the code that serves it: a framework integration, or a loop of your own.

use std::{ops::Deref, pin::pin, sync::Arc};

use super::{AsyncSession, Closed, Delivery, Saved, Session, async_session::Shared, machine::Progress};
use crate::{
    ClientInfo, Error, Timestamp,
    wait::{now, wait},
};

const LOST: &str = "a session ended or was renewed while a request was writing to it; the changes were dropped";

/// One request and its session: for integrations, not for handlers. Clones share the request.
///
/// You get it from [`AsyncManager::begin`](crate::AsyncManager::begin) or [`Manager::begin`](crate::Manager::begin).
/// Give its [`session`](Self::session) to the handler, and end the request with `finish` (HTTP and the like) or `close`
/// (a loop of your own). It derefs to the session.
///
/// ```
/// use gsession::{AsyncManager, ClientInfo, Delivery, MemoryStorage, Outcome};
///
/// # futures::executor::block_on(async {
/// let manager = AsyncManager::new(MemoryStorage::new());
///
/// // A request without an id.
/// let exchange = manager.begin(None, ClientInfo::default);
/// let session = exchange.session().clone(); // for the handler
/// session.set("user", "ada")?;
///
/// // The handler has returned.
/// let finished = exchange.finish(Outcome::Answered, ClientInfo::default).await;
/// assert!(finished.error.is_none());
/// assert!(matches!(finished.delivery, Delivery::Send { .. }));
/// # Ok::<(), gsession::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Exchange<S = AsyncSession>(S);

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The client asked for a change, and the response says that it was made.
    Changed,
    /// The client asked for no change, or was not told that it was made.
    Answered,
    /// The request was at fault (4xx in HTTP).
    Refused,
    /// The service was at fault (5xx in HTTP). The changes are dropped, as they may be incomplete. A destroy stays
    /// ([S9](crate::design#s9)).
    Failed,
}

impl Outcome {
    /// The outcome of an HTTP request, from the response status and whether the method is safe (RFC 9110 9.2.1).
    ///
    /// ```
    /// use gsession::Outcome;
    ///
    /// assert_eq!(Outcome::of_http(true, 200), Outcome::Answered);
    /// assert_eq!(Outcome::of_http(false, 303), Outcome::Changed);
    /// assert_eq!(Outcome::of_http(false, 404), Outcome::Refused);
    /// assert_eq!(Outcome::of_http(true, 500), Outcome::Failed);
    /// ```
    #[must_use]
    pub const fn of_http(method_is_safe: bool, status: u16) -> Self {
        match status {
            500..=599 => Self::Failed,
            400..=499 => Self::Refused,
            _ if method_is_safe => Self::Answered,
            _ => Self::Changed,
        }
    }
}

/// How a request ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finished {
    /// What the client must be told, even if there is an error.
    pub delivery: Delivery,
    /// What was stored at the end, without earlier saves. [`Saved::Nothing`] if there is an error.
    pub saved: Saved,
    /// Whether this may be the page of a logged-in user: the request saw or set the session's principal, or did not
    /// look. Keep such a page out of caches.
    pub logged_in: bool,
    /// What to answer instead of the handler's response: the storage failed, or a change that the response claims was
    /// lost.
    pub error: Option<Error>,
}

/// The session of an exchange: [`AsyncSession`] or [`Session`].
pub(crate) trait Handle: Clone {
    fn shared(&self) -> &Arc<Shared>;
}

impl Handle for AsyncSession {
    fn shared(&self) -> &Arc<Shared> {
        AsyncSession::shared(self)
    }
}

impl Handle for Session {
    fn shared(&self) -> &Arc<Shared> {
        self.core().shared()
    }
}

#[allow(private_bounds, reason = "users cannot add session types")]
impl<S: Handle> Exchange<S> {
    #[inline]
    pub(crate) const fn new(session: S) -> Self {
        Self(session)
    }

    /// The session, for the handler.
    #[must_use]
    pub const fn session(&self) -> &S {
        &self.0
    }

    /// Sets when the request arrived, if that was before [`begin`](crate::AsyncManager::begin). A request sent before a
    /// renewal could not know of it.
    #[must_use]
    pub fn arrived_at(self, at: Timestamp) -> Self {
        self.0.shared().machine.lock().set_began(at);
        self
    }

    /// Declares that the client has an expiry of its own, as with a persistent cookie. The storage then confirms a
    /// [`Delivery::Refresh`] before it is returned, so a slow request does not refresh an id that has ended. For a remembered session
    /// it always does.
    #[must_use]
    pub fn client_keeps_expiry(self) -> Self {
        self.0.shared().machine.lock().set_client_keeps_expiry();
        self
    }

    /// Whether the handler has used the session. If not, there is nothing to finish.
    #[must_use]
    pub fn was_used(&self) -> bool {
        self.0.shared().machine.lock().was_used()
    }

    /// What the client would be told if the request ended now, without storing anything else.
    pub fn delivery(&self) -> Delivery {
        self.0.shared().machine.lock().delivery()
    }

    /// Ends the request without storing anything, because it was cut off or did not use its session. From now on, a
    /// write is [`Error::Closed`]. A pending destroy stays.
    pub fn discard(&self) {
        self.0.shared().machine.lock().discard();
        self.0.shared().tell_awaited();
    }

    /// Whether the request has ended: nothing can be stored any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.shared().machine.lock().is_closed()
    }

    /// Whether there is a destroy to carry out.
    #[must_use]
    pub fn has_to_end(&self) -> bool {
        self.0.shared().machine.lock().has_to_end()
    }

    /// Prepares the end of the request for this outcome. Returns whether the page may be that of a logged-in user.
    fn prepare(&self, outcome: Outcome, client: impl FnOnce() -> ClientInfo) -> bool {
        let machine = &self.0.shared().machine;
        let (logged_in, may_be_created) = {
            let mut machine = machine.lock();
            let logged_in = machine.may_be_logged_in();
            if outcome == Outcome::Failed {
                machine.abandon();
            }
            (logged_in, machine.may_be_created())
        };
        if may_be_created {
            // Code of the integration, which may look at the session.
            let client = client();
            machine.lock().set_client(client);
        }
        logged_in
    }
}

impl Exchange<AsyncSession> {
    /// Looks for the session among these of another library, if no id opens one. To be called at once.
    #[cfg(feature = "import")]
    pub(crate) fn or_of(self, peers: Arc<dyn super::Peers>) -> Self {
        Self(self.0.or_of(peers))
    }

    /// Ends the request (GoFrame's `Close`): stores the changes, counts as activity, and returns what the client must
    /// be told. For loops of your own; HTTP integrations call [`finish`](Self::finish).
    ///
    /// Afterwards, the session can only be read or destroyed: a write is [`Error::Closed`] ([S9](crate::design#s9)).
    ///
    /// ```
    /// use gsession::{AsyncManager, ClientInfo, Delivery, MemoryStorage};
    ///
    /// # futures::executor::block_on(async {
    /// let exchange = AsyncManager::new(MemoryStorage::new()).begin(None, ClientInfo::default);
    /// exchange.set("user", "ada")?;
    /// let closed = exchange.close().await?;
    /// assert!(matches!(closed.delivery, Delivery::Send { .. }));
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`save`](AsyncSession::save). [`Error::Gone`] if a login, or a renewal with other writes, could not be
    /// stored because another request ended or renewed the session: the response must not claim success. Other writes
    /// are dropped ([`Saved::Gone`], [`Closed::conflict`]). After an error you can close again, or
    /// [discard](Self::discard).
    pub async fn close(&self) -> Result<Closed, Error> {
        let shared = self.0.shared();
        Ok(closed(shared, &shared.store(Progress::closing()).await?))
    }

    /// Ends the request: stores the changes, or drops them if the [`Outcome`] says that the request failed. The result has
    /// what to tell the client, and an error if the response must not claim success. `client` is called if a new session
    /// may need an id.
    pub async fn finish(&self, outcome: Outcome, client: impl FnOnce() -> ClientInfo) -> Finished {
        let logged_in = self.prepare(outcome, client);
        let shared = self.0.shared();
        conclude(shared, shared.store(Progress::closing()).await, outcome, logged_in)
    }

    /// As [`finish`](Self::finish), if the storage never waits: for integrations that then need no boxed future. `None` if
    /// `finish` has to be awaited; nothing is stored then.
    #[must_use]
    pub fn finish_now(&self, outcome: Outcome, client: impl FnOnce() -> ClientInfo) -> Option<Finished> {
        let shared = self.0.shared();
        if !shared.storage.is_immediate() || shared.may_look_elsewhere() {
            return None;
        }
        let logged_in = self.prepare(outcome, client);
        // Another task may be using this session.
        let stored = now(pin!(shared.store(Progress::closing())))?;
        Some(conclude(shared, stored, outcome, logged_in))
    }

    /// Ends the request, for whatever reason. Unsaved changes are dropped. A destroy that could not be carried out is
    /// [handed on](crate::AsyncManager::end_late_with).
    pub fn end(&self) {
        let has_to_end = {
            let mut machine = self.0.shared().machine.lock();
            machine.discard();
            machine.has_to_end()
        };
        self.0.shared().tell_awaited();
        if has_to_end {
            self.0.end_if_late();
        }
    }
}

impl Exchange<Session> {
    /// Ends the request: the blocking form of [`Exchange::close`](Exchange::<AsyncSession>::close).
    ///
    /// # Errors
    ///
    /// Same as [`Exchange::close`](Exchange::<AsyncSession>::close).
    pub fn close(&self) -> Result<Closed, Error> {
        let shared = self.0.shared();
        Ok(closed(shared, &wait(shared.store(Progress::closing()))?))
    }

    /// Ends the request with this outcome: the blocking form of [`Exchange::finish`](Exchange::<AsyncSession>::finish).
    pub fn finish(&self, outcome: Outcome, client: impl FnOnce() -> ClientInfo) -> Finished {
        let logged_in = self.prepare(outcome, client);
        let shared = self.0.shared();
        conclude(shared, wait(shared.store(Progress::closing())), outcome, logged_in)
    }
}

fn closed(shared: &Shared, progress: &Progress) -> Closed {
    let delivery = shared.machine.lock().delivery();
    Closed { delivery, saved: progress.saved(), conflict: progress.conflict() }
}

/// The result of the request, after everything that can be stored is stored.
fn conclude(shared: &Shared, stored: Result<Progress, Error>, outcome: Outcome, logged_in: bool) -> Finished {
    let delivery = shared.machine.lock().delivery();
    match stored {
        Ok(progress) => {
            let (saved, conflict) = (progress.saved(), progress.conflict());
            if saved == Saved::Gone || conflict {
                tracing::warn!(LOST);
            }
            let error = (conflict && outcome == Outcome::Changed).then_some(Error::Gone);
            Finished { delivery, saved, logged_in, error }
        }
        Err(error) => {
            let is_gone = matches!(error, Error::Gone);
            if is_gone {
                tracing::warn!(LOST);
            }
            // An id that an earlier save has given must reach the client all the same; nothing else is certain now.
            let delivery = if matches!(delivery, Delivery::Send { .. }) { delivery } else { Delivery::Keep };
            // The answer of a handler that went wrong anyway says more than this.
            let error = (!(is_gone && outcome == Outcome::Refused)).then_some(error);
            Finished { delivery, saved: Saved::Nothing, logged_in, error }
        }
    }
}

/// The request a session belongs to, for tests that only have the session.
impl From<AsyncSession> for Exchange {
    fn from(session: AsyncSession) -> Self {
        Self(session)
    }
}

impl<S> Deref for Exchange<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}
