//! Waiting for the end of a session ([S18](crate::design#s18)).

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::{AsyncSession, Shared};
use crate::{
    AnyStorage, Error, StorageError, StorageErrorKind, StoreKey,
    session::{
        Config,
        end::{Patience, until_ended},
        machine::{Awaited, ID_ENTRIES, Loaded, Machine, Need, Unread, Whose},
    },
    wakers::Wakers,
};

/// A stored session, and whose it is.
type Stored = (StoreKey, Whose);

/// What a request has stored, for those who wait for the end of it.
#[derive(Debug, Default)]
pub(super) struct Coming {
    /// Once it is known: the session, if there is one.
    stored: Mutex<Option<Option<Stored>>>,
    waiting: Wakers,
}

impl Coming {
    async fn stored(&self) -> Option<Stored> {
        self.waiting.until(|| self.stored.lock().clone()).await
    }

    pub(super) fn tell(&self, stored: Option<Stored>) {
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
    /// goes on with the renewed session, as long as it is the same user's.
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
    /// | has none, but unsaved changes; or has one, and an unsaved login | waits for what the request will store, at a [`save`](Self::save) or at its end; ready if it stores nothing |
    /// | has none | is ready at once |
    ///
    /// So await it after the request, or in a task of its own, if the request has yet to store the session. Without a middleware, end every
    /// [`Exchange`](crate::Exchange) (`close`, `finish`, `end` or `discard`): if one with unsaved changes is only dropped, this waits as long
    /// as any clone of its session lives.
    ///
    /// # Whose session
    ///
    /// What is open belongs to a user. So the wait also ends when the session becomes another user's or nobody's, by a
    /// [login](Self::log_in), [`set_principal`](Self::set_principal) or [`clear_principal`](Self::clear_principal).
    ///
    /// | the session | is waited for as that of |
    /// |---|---|
    /// | this request has read it, and it is a user's | this user |
    /// | this request logs a user in | that user, once this is stored |
    /// | otherwise | the first user that is seen in it; a login into an anonymous session does not end the wait |
    ///
    /// # How soon
    ///
    /// | the end | is noticed |
    /// |---|---|
    /// | in this process, with the same storage or a clone of it | at once |
    /// | expiry | when the deadline is over by the manager's clock: see [`Clock::reached`](crate::Clock::reached) |
    /// | in another process, files | at once on Linux (`inotify`); elsewhere, and where its limits are exceeded, within `FileStorageBuilder::watch_interval` |
    /// | in another process, Redis | at once; while the connection that reports changes is cut, within `RedisBuilder::watch_interval` and the timeouts |
    /// | in another process, Postgres | at once; if the process dies right after it has ended the session, within 12 times `SqlBuilder::watch_interval`; while the connection that listens is cut, within the interval and the timeouts |
    /// | in another process, SQLite | within `SqlBuilder::watch_interval` |
    /// | another storage | as its [`Storage::watch`](crate::Storage::watch) says; without it, within 5 seconds |
    ///
    /// # When the storage fails
    ///
    /// Then nobody knows whether the session has ended. An outage that passes must not close every socket, and one that lasts must not
    /// keep those of people who have logged out. So this tries again for a minute, every second at first, and then is an error. Close the socket on
    /// either outcome.
    ///
    /// After a renewal it needs the tombstone that the storage keeps. GoFrame's formats tell none: there a renewal ends the wait, and so
    /// does one that is noticed more than an hour later. The memory storage keeps 16 tombstones of the renewals of a session in one minute: a wait that
    /// begins with an id of which it keeps none ends at once, although the session lives. One that has begun before goes on.
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
        let is_coming = awaited.as_ref().is_ok_and(Awaited::is_coming);
        let coming = is_coming.then(|| Arc::clone(self.coming.lock().get_or_insert_default()));
        drop(machine);
        async move {
            let awaited = awaited?;
            if matches!(awaited, Awaited::Nobody) {
                return Ok(());
            }
            Handle::try_current().map_err(|error| {
                StorageError::new(StorageErrorKind::Setup, "waiting for the end of a session").with_source(error)
            })?;
            let (known, expected) = match awaited {
                Awaited::Key(key, whose) => (Some((key, whose)), Whose::Anyones),
                Awaited::Unread(unread) => (opened(&storage, &config, *unread).await?, Whose::Anyones),
                Awaited::Coming(whose) => (None, whose),
                Awaited::Nobody => (None, Whose::Anyones),
            };
            let stored = match (known, coming) {
                (Some(known), _) => Some(known),
                (None, Some(coming)) => coming.stored().await,
                (None, None) => None,
            };
            let Some((key, whose)) = stored else { return Ok(()) };
            Ok(until_ended(&storage, &config, key, expected.or(whose)).await?)
        }
    }

    pub(super) fn tell_what_was_stored(&self) {
        let mut machine = self.machine.lock();
        let Some(coming) = self.coming.lock().take() else { return };
        let stored = match machine.awaited(&self.config) {
            Ok(Awaited::Key(key, whose)) => Some((key, whose)),
            Ok(awaited) if awaited.is_coming() => {
                *self.coming.lock() = Some(coming);
                return;
            }
            Ok(_) | Err(_) => None,
        };
        drop(machine);
        coming.tell(stored);
    }
}

/// The session that the ids of the client open. Nothing is reported, and an id that was used again ends nothing: that is for the request.
async fn opened(storage: &AnyStorage, config: &Config, unread: Unread) -> Result<Option<Stored>, Error> {
    let Unread { mut alone, whose, .. } = unread;
    let mut patience = Patience::default();
    // A client that presented several ids may need several reads.
    while let Some(need) = alone.want(Some(&[]), config)? {
        if let Err(error) = look(storage, config, &mut alone, &need).await {
            patience.after(error).await?;
        }
    }
    Ok(match alone.awaited(config)? {
        Awaited::Key(key, seen) => Some((key, whose.or(seen))),
        Awaited::Nobody | Awaited::Coming(_) | Awaited::Unread(_) => None,
    })
}

async fn look(storage: &AnyStorage, config: &Config, alone: &mut Machine, need: &Need) -> Result<(), StorageError> {
    let names: &[&str] = if need.checks_id { &ID_ENTRIES } else { &[] };
    let lookup = storage.fetch(&need.key, names, &need.access).await?;
    if let Loaded::Suspicious(suspicion) = alone.loaded(lookup, Some(&[]), need, config) {
        let committed = storage.commit(&suspicion.key, &suspicion.commit).await?;
        alone.suspected_alone(&suspicion, &committed, config);
    }
    Ok(())
}
