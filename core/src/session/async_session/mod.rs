//! The session: the methods an application calls. Each one records in the machine, or drives it through the storage.
//!
//! The files are named after what their methods do. A session waits in only three places: `Shared::look` in `reading`,
//! `Shared::store` in `storing`, and `Shared::try_update` in `updating`.

mod alteration;
mod devices;
#[cfg(feature = "import")]
mod elsewhere;
#[cfg(feature = "tokio")]
mod ended;
mod limit;
mod login;
mod proving;
mod reading;
mod reports;
mod storing;
mod updating;
mod writing;

use std::{fmt, marker::PhantomData, sync::Arc};

use futures::lock::Mutex as AsyncMutex;
use parking_lot::{Mutex, MutexGuard};

#[cfg(feature = "import")]
use super::Peers;
use super::{Config, Tags, machine::Machine};
use crate::{AnyStorage, Error, SessionId, StoreKey, observe::Observers};

/// A session during one request. Clones share the session, so you can pass them to other tasks.
///
/// You get it from [`AsyncManager::begin`](crate::AsyncManager::begin), or in actix from `req.get_session()`. The
/// blocking [`Session`](crate::Session) has the same methods. Here, those that may need the storage are `async`.
///
/// `E` is the error type of the methods: [`Error`], or an integration's own type that its framework turns into a
/// response.
///
/// ```
/// use gsession::{AsyncManager, ClientInfo, MemoryStorage};
///
/// # futures::executor::block_on(async {
/// let manager = AsyncManager::new(MemoryStorage::new());
/// let session = manager.begin(None, ClientInfo::default);
/// session.set("user", "ada")?;
/// let _ = session.save().await?;
/// let id = session.id().expect("a saved session has an id");
///
/// let later = manager.begin(Some(id.as_str()), ClientInfo::default);
/// assert_eq!(later.get::<String>("user").await?.as_deref(), Some("ada"));
/// # Ok::<(), gsession::Error>(()) }).unwrap();
/// ```
pub struct AsyncSession<E = Error> {
    shared: Arc<Shared>,
    error: PhantomData<fn() -> E>,
}

/// The state that clones of a session share.
pub(crate) struct Shared {
    pub(crate) storage: AnyStorage,
    pub(crate) config: Arc<Config>,
    /// Never held across an `await`.
    pub(crate) machine: Mutex<Machine>,
    /// Allows one storage operation at a time, so two readers of one session load it once.
    io: AsyncMutex<()>,
    /// Carries out a `destroy` called after the end of the request.
    late: Option<Arc<LateEnd>>,
    /// Tells those who wait for the end of the session that this request will store.
    #[cfg(feature = "tokio")]
    coming: Mutex<Option<Arc<ended::Coming>>>,
    /// Sessions of another library that the client presents.
    #[cfg(feature = "import")]
    peers: Option<Arc<dyn Peers>>,
}

/// Carries out a `destroy` called after the end of the request.
pub(crate) type LateEnd = dyn Fn(AsyncSession) + Send + Sync;

impl Shared {
    fn tags(&self) -> Tags<'_> {
        Tags::new(&self.storage, &self.config)
    }

    /// Whether the session may have to be looked for elsewhere, which waits.
    pub(crate) fn may_look_elsewhere(&self) -> bool {
        #[cfg(feature = "import")]
        return self.peers.is_some();
        #[cfg(not(feature = "import"))]
        false
    }

    /// Tells those who wait for the end of the session that this request stores, if that is known now.
    #[inline]
    pub(crate) fn tell_awaited(&self) {
        #[cfg(feature = "tokio")]
        if self.coming.lock().is_some() {
            self.tell_what_was_stored();
        }
    }

    fn observers(&self) -> &Observers {
        self.storage.observers()
    }
}

impl<E> Clone for AsyncSession<E> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), error: PhantomData }
    }
}

impl AsyncSession {
    #[inline(always)]
    pub(crate) fn new(storage: AnyStorage, config: Arc<Config>, machine: Machine, late: Option<Arc<LateEnd>>) -> Self {
        let (machine, io) = (Mutex::new(machine), AsyncMutex::new(()));
        #[cfg(feature = "tokio")]
        let coming = Mutex::new(None);
        let shared = Shared {
            storage,
            config,
            machine,
            io,
            late,
            #[cfg(feature = "tokio")]
            coming,
            #[cfg(feature = "import")]
            peers: None,
        };
        Self { shared: Arc::new(shared), error: PhantomData }
    }
}

impl<E> AsyncSession<E> {
    /// The same session, with another error type for its methods, such as one that your framework turns into a
    /// response.
    #[must_use]
    pub fn with_errors<F: From<Error>>(&self) -> AsyncSession<F> {
        AsyncSession { shared: Arc::clone(&self.shared), error: PhantomData }
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.shared.machine.lock()
    }

    fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Hands on a `destroy` called after the end of the request: nothing else would carry it out.
    pub(super) fn end_if_late(&self) {
        let is_late = {
            let machine = self.machine();
            machine.is_closed() && machine.has_to_end()
        };
        if let Some(end) = self.shared.late.as_ref().filter(|_| is_late) {
            end(self.with_errors());
        }
    }

    /// Looks for the session among these, too. To be called before the session is shared.
    #[cfg(feature = "import")]
    pub(super) fn or_of(mut self, peers: Arc<dyn Peers>) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.peers = Some(peers);
            shared.machine.get_mut().presents_elsewhere();
        }
        self
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// The session as a whole.
impl<E: From<Error>> AsyncSession<E> {
    /// The id for the client: the one it presented, or the one a save issued. `None` if there is no session (yet).
    /// Whether a presented id opens a session is known only after the first read or save.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.machine().id()
    }

    /// The key under which the storage keeps the session, if there is one. It is a hash of the id, safe to show and to
    /// log. [`end`](Self::end) takes it.
    #[must_use]
    pub fn key(&self) -> Option<StoreKey> {
        self.id().map(|id| self.config().keys.key_of(&id))
    }

    /// A new handle to the same session, for work that goes on after the request: the messages of a WebSocket, a background job. Open one for
    /// each message, and call [`save`](Self::save) after a write or a logout: no end of a request does.
    ///
    /// It goes on when the id [rotates](crate::ManagerBuilder::rotate_every), and sees no session once that has ended or was renewed. It never
    /// begins a session: a write is then [`Saved::Gone`](crate::Saved::Gone).
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let manager = gsession::AsyncManager::new(gsession::MemoryStorage::new());
    /// # let exchange = manager.begin(None, gsession::ClientInfo::default);
    /// # let session = exchange.session().clone();
    /// session.log_in("ada").await?;
    /// // The request ends. Later, for each message:
    /// # let _ = exchange.close().await?;
    /// let message = session.reopen();
    /// assert_eq!(message.principal().await?.as_deref(), Some("ada"));
    /// message.update("messages", |n: Option<u32>| n.unwrap_or(0) + 1).await?;
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn reopen(&self) -> Self {
        let Shared { storage, config, late, .. } = &*self.shared;
        let machine = self.machine().reopened(config.clock.now());
        AsyncSession::new(storage.clone(), Arc::clone(config), machine, late.clone()).with_errors()
    }

    /// Whether there are changes that are not stored yet.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.machine().is_dirty()
    }

    /// Makes this request passive: it reads the session without extending it. Use it for polling, which should not keep
    /// a user logged in ([S7](crate::design#s7)).
    pub fn set_passive(&self, passive: bool) {
        self.machine().set_passive(passive);
    }
}

impl<E> fmt::Debug for AsyncSession<E> {
    /// Shows neither the id nor the data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncSession").field("dirty", &self.machine().is_dirty()).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.machine.get_mut().is_forgotten() {
            tracing::warn!("a session was dropped with unsaved changes");
        }
        #[cfg(feature = "tokio")]
        if let Some(coming) = self.coming.get_mut().take() {
            coming.tell(None);
        }
    }
}
