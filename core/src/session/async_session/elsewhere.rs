//! Taking over a session of another library ([H9](crate::design#h9)).

use futures::lock::MutexGuard;

use super::{AsyncSession, Shared};
use crate::{
    Error, Record, SessionId, StorageErrorKind, StoreKey, Timestamp,
    observe::{RefusalReason, Refused},
    record::{Lifespan, reserved::LoginFacts},
    session::{
        elsewhere::{Inheritance, Note, Notes, PeerId, Peers, settling},
        login::Login,
        machine::{DueElsewhere, Progress},
    },
    storage::{Created, Touched},
};

/// Ids that are tried.
const MAX_IDS: u8 = 3;

impl<E: From<Error>> AsyncSession<E> {
    /// Stores a login into a session that may end early, because another library's would have. From now on it lives as long as any other.
    pub(super) async fn store_login_anew(&self, login: &Login, facts: &LoginFacts) -> Result<(), E> {
        self.shared.read(Some(&[]), None).await?;
        let lifetime = &self.config().lifetime;
        if !self.machine().ends_early(self.config()) {
            return self.store_login(login, facts, Lifespan::Managers).await;
        }
        // A storage lifts the deadlines of a remembered session alone. So it is one for a moment, which ends when the login allows.
        let until = lifetime.absolute.map_or(Timestamp::MAX, |absolute| facts.at() + absolute);
        self.store_login(login, facts, Lifespan::Own { idle_timeout: lifetime.idle_timeout, until }).await?;
        self.machine().live_as_managed();
        if let Err(error) = self.shared.store(Progress::saving()).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a login keeps the deadlines that it began with");
        }
        Ok(())
    }
}

impl Shared {
    /// Whether the session has to be looked for elsewhere.
    pub(super) fn seeks_elsewhere(&self) -> bool {
        self.peers.is_some() && self.machine.lock().seeks_elsewhere()
    }

    /// Looks for the session elsewhere, then reads what has taken its place.
    pub(super) async fn read_elsewhere(
        &self,
        names: Option<&[&str]>,
        lock: Option<&MutexGuard<'_, ()>>,
    ) -> Result<(), Error> {
        let own = match lock {
            Some(_) => None,
            None => Some(self.io.lock().await),
        };
        // Another task may have done so meanwhile.
        if self.seeks_elsewhere() {
            self.look_elsewhere().await?;
        }
        self.read_presented(names, lock.or(own.as_ref())).await?;
        Ok(())
    }

    /// Before anything is stored: what is written belongs to the session that is elsewhere, if there is one, and a logout ends it.
    pub(super) async fn settle_elsewhere(
        &self,
        lock: &MutexGuard<'_, ()>,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let due = self.machine.lock().due_elsewhere();
        let done = match due {
            DueElsewhere::Nothing => return Ok(()),
            DueElsewhere::End => self.end_everywhere(progress).await,
            DueElsewhere::Look => self.look_everywhere(lock).await,
        };
        done.inspect_err(|_| self.machine.lock().tell())
    }

    async fn look_everywhere(&self, lock: &MutexGuard<'_, ()>) -> Result<(), Error> {
        self.read_presented(Some(&[]), Some(lock)).await?;
        if self.seeks_elsewhere() { self.look_elsewhere().await } else { Ok(()) }
    }

    /// The caller has the lock on `io`.
    async fn look_elsewhere(&self) -> Result<(), Error> {
        let mut found = None;
        if let Some(peers) = self.peers.as_deref() {
            let presented = peers.presented();
            for (number, peer) in presented.ids.iter().enumerate() {
                found = self.take_over(peers, number, peer).await?;
                if found.is_some() {
                    break;
                }
            }
            if presented.is_any_refused {
                self.report_refused_peer();
            }
        }
        if let Some(peers) = self.peers.as_deref().filter(|_| found.is_some()) {
            peers.take_over();
        }
        self.machine.lock().found_elsewhere(found, &self.config);
        Ok(())
    }

    /// The id of the session that has taken the place of the one with this number, if this request may go on with it.
    async fn take_over(&self, peers: &dyn Peers, number: usize, peer: &PeerId) -> Result<Option<SessionId>, Error> {
        let notes = self.notes();
        if let Some(note) = notes.read(peer).await? {
            return self.join(peers, number, peer, Some(note)).await;
        }
        let Some(theirs) = peers.load(number, self.config.clock.now()).await? else {
            // Another request may have taken it over meanwhile, and removed it.
            let note = notes.read(peer).await?;
            if note.is_none() {
                peers.forget_ended();
            }
            return self.join(peers, number, peer, note).await;
        };
        let Some(inheritance) = theirs.inheritance else {
            self.report_refused_peer();
            return Ok(None);
        };
        let Some((id, key, record)) = self.create_successor(peers, &inheritance).await? else { return Ok(None) };
        match notes.create(peer, Some((&id, &key)), theirs.noted_until).await? {
            // It may have ended in the other library after it was loaded. What ends there from now on is not this session any more.
            Created::Done if !peers.lives(number, self.config.clock.now()).await? => {
                self.storage.remove(&key).await?;
                peers.forget();
                self.report_refused_peer();
                Ok(None)
            }
            Created::Done => self.settle(peers, number, id, key, &record).await,
            Created::Exists => {
                self.storage.remove(&key).await?;
                let note = notes.read(peer).await?;
                self.join(peers, number, peer, note).await
            }
        }
    }

    /// Creates the session that may take the place of another one. `None` if it cannot be stored as it is.
    async fn create_successor(
        &self,
        peers: &dyn Peers,
        inheritance: &Inheritance,
    ) -> Result<Option<(SessionId, StoreKey, Record)>, Error> {
        let record = match inheritance.record(&self.config) {
            Ok(record) => record,
            Err(error) => return Ok(self.refuse(&error)),
        };
        for _ in 0..MAX_IDS {
            let id = self.config.fresh_id(peers.client())?;
            let key = self.config.keys.key_of(&id);
            match self.storage.create(&key, &record, record.created_at).await {
                Ok(Created::Done) => return Ok(Some((id, key, record))),
                Ok(Created::Exists) => {}
                Err(error) if matches!(error.kind(), StorageErrorKind::Limit(_)) => {
                    return Ok(self.refuse(&error.into()));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(crate::IdError::new("every new id was already taken").into())
    }

    /// The successor is the one.
    async fn settle(
        &self,
        peers: &dyn Peers,
        number: usize,
        id: SessionId,
        key: StoreKey,
        record: &Record,
    ) -> Result<Option<SessionId>, Error> {
        let settled = self.storage.touch(&key, &settling(&self.config)).await?;
        peers.forget();
        self.remove_taken_over(peers, number).await;
        // Somebody may have ended all sessions of its user.
        if settled == Touched::Gone {
            return Ok(None);
        }
        self.observers().created(key);
        if let Some(principal) = &record.principal {
            self.observers().logged_in(key, principal);
        }
        Ok(Some(id))
    }

    /// Goes on with the session that was taken over, if the note says that this request may. What the client presents opens nothing else.
    ///
    /// The request that has taken it over may have been cut off before it has settled it. This one does not remove the other library's
    /// session, as that request looks for it again, unless all that is long past.
    async fn join(
        &self,
        peers: &dyn Peers,
        number: usize,
        peer: &PeerId,
        note: Option<Note>,
    ) -> Result<Option<SessionId>, Error> {
        let Some(note) = note else { return Ok(None) };
        let id = note.id(peer, &self.config);
        if let Some(id) = &id {
            // If it has ended or was renewed, reading it says so.
            let _ = self.storage.touch(&self.config.keys.key_of(id), &settling(&self.config)).await?;
        } else if note.is_settled(&self.config) {
            // It may have been written back since.
            self.remove_taken_over(peers, number).await;
        }
        if id.is_none() {
            // A copy of the cookie, perhaps.
            self.report_refused_peer();
        }
        peers.forget();
        Ok(id)
    }

    async fn remove_taken_over(&self, peers: &dyn Peers, number: usize) {
        if let Err(error) = peers.remove(number).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a session was taken over, and could not be removed where it comes from");
        }
    }

    /// A logout ends what the client presents, whether it was taken over or not. First its session here, which needs nobody else's store.
    async fn end_everywhere(&self, progress: &mut Progress) -> Result<(), Error> {
        self.end_all_own(progress).await?;
        let ended = self.end_elsewhere().await;
        self.end_all_own(progress).await?;
        ended?;
        self.machine.lock().ended_elsewhere(progress);
        Ok(())
    }

    async fn end_all_own(&self, progress: &mut Progress) -> Result<(), Error> {
        loop {
            let Some(key) = self.machine.lock().next_to_end() else { return Ok(()) };
            self.end_own(key, progress).await?;
        }
    }

    /// Ends all that can be ended. What has taken its place is to be ended then.
    async fn end_elsewhere(&self) -> Result<(), Error> {
        let mut all = Ok(());
        if let Some(peers) = self.peers.as_deref() {
            for (number, peer) in peers.presented().ids.iter().enumerate() {
                match self.end_peer(peers, number, peer, self.config.clock.now()).await {
                    Ok(successor) => self.machine.lock().ends_successor(successor),
                    Err(error) => all = all.and(Err(error)),
                }
            }
        }
        all
    }

    /// Ends one. Returns the key of its successor, which the client may not know.
    async fn end_peer(
        &self,
        peers: &dyn Peers,
        number: usize,
        peer: &PeerId,
        now: Timestamp,
    ) -> Result<Option<StoreKey>, Error> {
        let notes = self.notes();
        let mut note = notes.read(peer).await?;
        // What is no session of the other library is somebody else's, and stays.
        let mut is_removed = note.as_ref().is_some_and(Note::has_successor);
        if !is_removed {
            let theirs = peers.load(number, now).await?;
            is_removed = theirs.as_ref().is_some_and(|theirs| theirs.is_readable);
            if note.is_none() {
                let is_noted = match theirs {
                    Some(theirs) => notes.create(peer, None, theirs.noted_until).await? == Created::Done,
                    None => false,
                };
                if !is_noted {
                    // Another request may have taken it over meanwhile.
                    note = notes.read(peer).await?;
                    if note.is_none() {
                        peers.forget_ended();
                        return Ok(None);
                    }
                }
            }
        }
        if is_removed {
            peers.remove(number).await?;
        }
        peers.forget();
        Ok(note.and_then(|note| note.successor(&self.config)))
    }

    fn notes(&self) -> Notes<'_> {
        Notes { storage: &self.storage, config: &self.config }
    }

    /// A session cannot be taken over as it is.
    fn refuse<T>(&self, error: &Error) -> Option<T> {
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "a session of another library cannot be taken over");
        self.report_refused_peer();
        None
    }

    fn report_refused_peer(&self) {
        self.observers().refused(&Refused { key: None, reason: RefusalReason::NotTakenOver });
    }
}
