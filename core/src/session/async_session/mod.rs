//! The session: the methods that an application calls. Each records in the machine, or drives it through the storage.
//!
//! `reading`, `writing`, `updating` and `devices` are the methods by what they are for; `driver` is how the machine's steps
//! reach the storage.

mod alteration;
mod devices;
mod driver;
mod reading;
mod updating;
mod writing;

use std::{fmt, marker::PhantomData, sync::Arc};

use futures::lock::Mutex as AsyncMutex;
use parking_lot::{Mutex, MutexGuard};

pub(crate) use driver::{LateEnd, Shared};

use super::{
    Config, Saved,
    machine::{Machine, Progress},
};
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

    /// Stores now what was written, instead of at the end of the request. Call it when the answer depends on the
    /// result, in a handler that runs for long, or before an external side effect.
    ///
    /// [`Saved::Gone`] says that the session was ended or renewed by another request while this one was using it, and that
    /// nothing was stored. If you never call `save`, the end of the request reports it where it matters.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let manager = gsession::AsyncManager::new(gsession::MemoryStorage::new());
    /// # let session = manager.begin(None, gsession::ClientInfo::default);
    /// use gsession::Saved;
    ///
    /// session.set("user", "ada")?;
    /// assert_eq!(session.save().await?, Saved::Created);
    /// assert_eq!(session.save().await?, Saved::Nothing);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage failed: the changes are kept for another try, except those that would cross a
    /// limit. [`Error::Id`] if no id could be made, [`Error::IdTaken`] after `set_id`, [`Error::Closed`] after the end of the
    /// request, unless it carries out a [`destroy`](Self::destroy).
    #[doc(alias = "commit")]
    #[doc(alias = "flush")]
    pub async fn save(&self) -> Result<Saved, E> {
        Ok(self.shared.store(Progress::saving()).await?.saved())
    }

    /// Drops what was written and not saved; a [`destroy`](Self::destroy) stays.
    pub fn abandon(&self) {
        self.machine().abandon();
    }
}

impl<E> fmt::Debug for AsyncSession<E> {
    /// Without the id and without the data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncSession").field("dirty", &self.machine().is_dirty()).finish_non_exhaustive()
    }
}
