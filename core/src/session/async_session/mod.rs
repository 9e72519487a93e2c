//! The session: the methods that an application calls. Each records in the machine, or drives it through the storage.
//!
//! The files are named for what the methods are for. A session waits in three places only: `Shared::read` in `reading`,
//! `Shared::store` in `storing`, and `Shared::try_update` in `updating`.

mod alteration;
mod devices;
mod reading;
mod storing;
mod updating;
mod writing;

use std::{fmt, marker::PhantomData, sync::Arc};

use futures::lock::Mutex as AsyncMutex;
use parking_lot::{Mutex, MutexGuard};

use super::{Config, machine::Machine};
use crate::{AnyStorage, Error, SessionId, StoreKey};

/// A session during one request. Clones are the same session; it may be shared between tasks.
///
/// You get it from [`AsyncManager::begin`](crate::AsyncManager::begin), or in actix from `req.get_session()`. The blocking
/// [`Session`](crate::Session) has the same methods; those that may have to ask the storage are `async` here.
///
/// `E` is the error of its methods: [`Error`], or an integration's own that its framework can answer.
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

/// What a session and its clones share.
pub(crate) struct Shared {
    pub(crate) storage: AnyStorage,
    pub(crate) config: Arc<Config>,
    /// Never locked while waiting.
    pub(crate) machine: Mutex<Machine>,
    /// One storage operation at a time, so that two readers of one session read once.
    io: AsyncMutex<()>,
    /// Carries out a destroy that comes after the end of the request.
    late: Option<Arc<LateEnd>>,
}

/// What carries out a destroy that comes after the end of the request.
pub(crate) type LateEnd = dyn Fn(AsyncSession) + Send + Sync;

impl<E> Clone for AsyncSession<E> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), error: PhantomData }
    }
}

impl AsyncSession {
    #[inline]
    pub(crate) fn new(storage: AnyStorage, config: Arc<Config>, machine: Machine, late: Option<Arc<LateEnd>>) -> Self {
        let (machine, io) = (Mutex::new(machine), AsyncMutex::new(()));
        Self { shared: Arc::new(Shared { storage, config, machine, io, late }), error: PhantomData }
    }
}

impl<E> AsyncSession<E> {
    /// The same session with methods whose errors are of another type, such as one that your framework can answer.
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

    /// After the end of the request nobody else ends what was destroyed.
    pub(super) fn end_if_late(&self) {
        let is_late = {
            let machine = self.machine();
            machine.is_closed() && machine.has_to_end()
        };
        if let Some(end) = self.shared.late.as_ref().filter(|_| is_late) {
            end(self.with_errors());
        }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// The session as a whole.
impl<E: From<Error>> AsyncSession<E> {
    /// The id to hand to the client: the one it presented, or the one it got from a save; `None` if there is no session, or not
    /// yet. Whether a presented id opens anything is known after the first read or save.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.machine().id()
    }

    /// The key under which the storage keeps the session, if there is one: a hash of the id that may be shown and logged, and
    /// by which [`end`](Self::end) knows it.
    #[must_use]
    pub fn key(&self) -> Option<StoreKey> {
        self.id().map(|id| self.config().keys.key_of(&id))
    }

    /// Whether something waits to be stored.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.machine().is_dirty()
    }

    /// Makes this a passive request, which reads without extending the session: polling, for example, should not keep
    /// a user logged in ([S7](crate::design#s7)).
    pub fn set_passive(&self, passive: bool) {
        self.machine().set_passive(passive);
    }
}

impl<E> fmt::Debug for AsyncSession<E> {
    /// Without the id and without the data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncSession").field("dirty", &self.machine().is_dirty()).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.machine.get_mut().is_forgotten() {
            tracing::warn!("a session was dropped with changes that had not been saved");
        }
    }
}
