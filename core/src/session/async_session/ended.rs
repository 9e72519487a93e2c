//! Waiting for the end of a session ([S18](crate::design#s18)).

use std::sync::Arc;

use futures::lock::Mutex as AsyncMutex;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::{AsyncSession, Shared};
use crate::{
    Error, StorageError, StorageErrorKind, StoreKey,
    session::{
        end::{Patience, until_ended},
        machine::Awaited,
    },
    wakers::Wakers,
};

/// What a request has stored, for those who wait for the end of it.
#[derive(Debug, Default)]
pub(super) struct Coming {
    /// Once it is known: the key of the session, if there is one.
    stored: Mutex<Option<Option<StoreKey>>>,
    waiting: Wakers,
}

impl Coming {
    async fn stored(&self) -> Option<StoreKey> {
        self.waiting.until(|| *self.stored.lock()).await
    }

    pub(super) fn tell(&self, stored: Option<StoreKey>) {
        *self.stored.lock() = Some(stored);
        self.waiting.wake_all();
    }
}

/// Waiting for its end.
impl<E: From<Error> + 'static> AsyncSession<E> {
    /// Waits until the session ends, so that a WebSocket, a stream of events or a gRPC stream can close on logout
    /// ([S18](crate::design#s18)). Needs the feature `tokio`.
    ///
    /// It does not matter why the session ends, or where: a logout in this process or another one, an operator, a login elsewhere beyond the
    /// [limit](crate::ManagerBuilder::max_sessions), theft, expiry, eviction. A [renewal](Self::renew) or a rotation of the id does not end it: this
    /// goes on with the renewed session.
    ///
    /// The future owns what it needs: keep it after the request, spawn it, drop it at any time. Any number may wait for one session. Waiting is
    /// no activity, so a session whose user only watches a stream expires.
    ///
    /// ```
    /// use gsession::{AsyncManager, ClientInfo, MemoryStorage};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let manager = AsyncManager::new(MemoryStorage::new());
    /// let session = manager.begin(None, ClientInfo::default).session().clone();
    /// session.log_in("ada").await?;
    ///
    /// let socket = tokio::spawn({
    ///     let ended = session.ended();
    ///     async move {
    ///         tokio::select! {
    ///             // One branch for the messages of the client, and:
    ///             _ = ended => "logged out",
    ///         }
    ///     }
    /// });
    /// manager.destroy_all_of("ada", None).await?;
    /// assert_eq!(socket.await.unwrap(), "logged out");
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Which session
    ///
    /// The one that this handle has when `ended` is called:
    ///
    /// | the handle | the future |
    /// |---|---|
    /// | has a stored session | waits for its end, also through a [`destroy`](Self::destroy) of this request once that is stored |
    /// | has none, but unsaved changes | waits for what the request will store, at a [`save`](Self::save) or at its end; ready if it stores nothing |
    /// | has none | is ready at once |
    ///
    /// So await it after the request, or in a task of its own, if the request has yet to store the session.
    ///
    /// # How soon
    ///
    /// | the end | is noticed |
    /// |---|---|
    /// | in this process, with the same storage or a clone of it | at once |
    /// | expiry | when the deadline is over by the manager's clock: see [`Clock::reached`](crate::Clock::reached) |
    /// | in another process, files | at once on Linux (`inotify`); elsewhere, and where its limits are exceeded, within `FileStorageBuilder::watch_interval` |
    /// | in another process, Redis | at once; while the connection that reports changes is cut, within `RedisBuilder::watch_interval` |
    /// | another storage | as its [`Storage::watch`](crate::Storage::watch) says; without it, within 5 seconds |
    ///
    /// # When the storage fails
    ///
    /// Then nobody knows whether the session has ended. An outage that passes must not close every socket, and one that lasts must not
    /// keep those of people who have logged out. So this tries again for a minute, every second at first, and then is an error. Close the socket on
    /// either outcome.
    ///
    /// After a renewal it needs the tombstone that the storage keeps. GoFrame's formats tell none: there a renewal ends the wait, and so
    /// does one that is noticed more than an hour later.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage has failed for a minute, or there is no tokio runtime. [`Error::Detached`] if there is no middleware.
    ///
    /// # Panics
    ///
    /// If the tokio runtime has no timer (`enable_time`); the runtimes of actix, axum and tonic have one.
    pub fn ended(&self) -> impl Future<Output = Result<(), E>> + Send + use<E> + 'static {
        let ended = self.shared.ended();
        async move { Ok(ended.await?) }
    }
}

impl Shared {
    fn ended(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> + 'static {
        let (storage, config) = (self.storage.clone(), Arc::clone(&self.config));
        // What is awaited, and what tells about it, under one lock: the request may be stored at any moment.
        let mut machine = self.machine.lock();
        let awaited = machine.awaited(&config);
        let coming = matches!(awaited, Ok(Awaited::Coming | Awaited::Presented(_, true)))
            .then(|| Arc::clone(self.coming.lock().get_or_insert_default()));
        drop(machine);
        async move {
            let awaited = awaited?;
            if matches!(awaited, Awaited::Nobody) {
                return Ok(());
            }
            Handle::try_current().map_err(|error| {
                StorageError::new(StorageErrorKind::Setup, "waiting for the end of a session").with_source(error)
            })?;
            let presented = match awaited {
                Awaited::Nobody => return Ok(()),
                Awaited::Key(key) => Some(key),
                Awaited::Coming => None,
                Awaited::Presented(machine, _) => {
                    let machine = Mutex::new(*machine);
                    let alone = Self {
                        storage: storage.clone(),
                        config: Arc::clone(&config),
                        machine,
                        io: AsyncMutex::new(()),
                        late: None,
                        coming: Mutex::default(),
                    };
                    alone.presented().await?
                }
            };
            let key = match (presented, coming) {
                (Some(key), _) => Some(key),
                (None, Some(coming)) => coming.stored().await,
                (None, None) => None,
            };
            let Some(key) = key else { return Ok(()) };
            Ok(until_ended(&storage, &config, key).await?)
        }
    }

    /// The key of the session that the ids of the client open.
    async fn presented(&self) -> Result<Option<StoreKey>, Error> {
        let mut patience = Patience::default();
        loop {
            match self.read(Some(&[]), None).await {
                Ok(_) => break,
                Err(Error::Storage(error)) => patience.after(error).await?,
                Err(error) => return Err(error),
            }
        }
        Ok(match self.machine.lock().awaited(&self.config)? {
            Awaited::Key(key) => Some(key),
            Awaited::Nobody | Awaited::Coming | Awaited::Presented(..) => None,
        })
    }

    pub(super) fn tell_what_was_stored(&self) {
        let mut machine = self.machine.lock();
        let Some(coming) = self.coming.lock().take() else { return };
        let stored = match machine.awaited(&self.config) {
            Ok(Awaited::Key(key)) => Some(key),
            Ok(Awaited::Coming | Awaited::Presented(..)) => {
                *self.coming.lock() = Some(coming);
                return;
            }
            Ok(Awaited::Nobody) | Err(_) => None,
        };
        drop(machine);
        coming.tell(stored);
    }
}
