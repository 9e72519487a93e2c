//! All sessions of one user.

use std::{cmp::Reverse, num::NonZeroUsize, sync::Arc};

use super::AsyncSession;
use crate::{
    Error, StoreKey,
    observe::EndReason,
    session::{info::ListedSession, page::Page},
    storage::{Leads, Trail},
};

/// All sessions of this session's user.
impl<E: From<Error>> AsyncSession<E> {
    /// Lists the live sessions of this session's principal, most recently used first (ASVS 7.5.2). Empty without a
    /// principal. Sessions of other [realms](crate::Realm) in the same storage are listed, too, such as those of the
    /// admin area's cookie: a label can tell them apart.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.set_principal("ada")?;
    /// let _ = session.save().await?;
    /// let sessions = session.list().await?;
    /// assert!(sessions.len() == 1 && sessions[0].is_current);
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage fails or cannot list sessions. [`Error::Gone`] if this session has ended, or
    /// another request has renewed it.
    pub async fn list(&self) -> Result<Vec<ListedSession>, E> {
        let Some(principal) = self.whose().await? else { return Ok(Vec::new()) };
        let (now, own) = (self.config().clock.now(), self.key());
        let found = self.shared.storage.find(&principal, now).await.map_err(Error::from)?;
        let living = found.into_iter().filter(|found| !self.config().lifetime.is_over(&found.record, now));
        let mut sessions: Vec<_> = living.map(|found| ListedSession::of(&found, own)).collect();
        sessions.sort_by_key(|session| Reverse(session.info.last_seen));
        Ok(sessions)
    }

    /// Lists at most `most` of these sessions, in the order of their keys, from the first or after the key
    /// [`next`](Page::next) of the page before: for accounts with thousands of sessions. Empty without a principal.
    /// [`Page`] tells what such a walk sees while sessions come and go.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// # const FIFTY: std::num::NonZeroUsize = std::num::NonZeroUsize::new(50).unwrap();
    /// session.log_in("reports").await?;
    /// let page = session.list_page(None, FIFTY).await?;
    /// assert!(page.sessions[0].is_current && page.next.is_none());
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`list`](Self::list).
    pub async fn list_page(&self, after: Option<StoreKey>, most: NonZeroUsize) -> Result<Page<ListedSession>, E> {
        let Some(principal) = self.whose().await? else { return Ok(Page { sessions: Vec::new(), next: None }) };
        let (storage, own) = (&self.shared.storage, self.key());
        let page = Page::read(storage, self.config(), &principal, after, most).await.map_err(Error::from)?;
        Ok(page.map(|found| ListedSession::of(&found, own)))
    }

    /// Ends one of this principal's sessions, given its key from [`list`](Self::list), even if it was renewed since.
    /// Returns whether there was such a session. For this session's own key, this is [`destroy`](Self::destroy).
    ///
    /// # Errors
    ///
    /// Same as [`list`](Self::list).
    pub async fn end(&self, key: StoreKey) -> Result<bool, E> {
        let principal = self.whose().await?;
        if self.key() == Some(key) {
            self.destroy();
            return Ok(true);
        }
        let Some(principal) = principal else { return Ok(false) };
        let (now, storage) = (self.config().clock.now(), &self.shared.storage);
        let theirs = storage.find(&principal, now).await.map_err(Error::from)?;
        let (mut key, mut trail) = (key, Trail::default());
        // The session may have been renewed since it was listed.
        while theirs.iter().all(|found| found.key != key) {
            match storage.tombstone(&key, now).await.map_err(Error::from)? {
                Some(tombstone) if trail.follow(&tombstone.to).map_err(Error::from)? == Leads::On => key = tombstone.to,
                _ => return Ok(false),
            }
        }
        if self.key() == Some(key) {
            self.destroy();
            return Ok(true);
        }
        Ok(storage.end(key, EndReason::Elsewhere).await.map_err(Error::from)?)
    }

    /// Ends every other session of this session's principal, in all [realms](crate::Realm) of the storage, for example
    /// after a password change (ASVS 7.4.3). Returns how many ended: 0 without a principal.
    ///
    /// # Errors
    ///
    /// Same as [`list`](Self::list). Some sessions may already have ended.
    pub async fn destroy_others(&self) -> Result<u64, E> {
        let Some(principal) = self.whose().await? else { return Ok(0) };
        let own = self.key();
        let others = self.others(&principal, own).await?;
        // If another request renewed this session, it is among the others, under a key this request does not know.
        if let Some(own) = own
            && self.shared.storage.tombstone(&own, self.config().clock.now()).await.map_err(Error::from)?.is_some()
        {
            return Err(Error::Gone.into());
        }
        self.end_all(others, EndReason::Others).await
    }

    /// Ends every session of this session's principal, in all [realms](crate::Realm) of the storage, this one as with
    /// [`destroy`](Self::destroy) (ASVS 7.4.5).
    /// Returns how many others ended. Anything you set afterwards, such as a message, goes into a new session.
    ///
    /// # Errors
    ///
    /// Same as [`list`](Self::list). This session still ends, and some others may already have ended.
    pub async fn destroy_everywhere(&self) -> Result<u64, E> {
        let (principal, own) = (self.whose().await, self.key());
        self.destroy_because(EndReason::Everywhere);
        match principal? {
            Some(principal) => {
                let others = self.others(&principal, own).await?;
                self.end_all(others, EndReason::Everywhere).await
            }
            None => Ok(0),
        }
    }

    /// The keys of the principal's sessions, except `own`.
    async fn others(&self, principal: &str, own: Option<StoreKey>) -> Result<Vec<StoreKey>, E> {
        let found = self.shared.storage.find(principal, self.config().clock.now()).await.map_err(Error::from)?;
        Ok(found.into_iter().map(|found| found.key).filter(|key| Some(*key) != own).collect())
    }

    async fn end_all(&self, keys: Vec<StoreKey>, reason: EndReason) -> Result<u64, E> {
        let mut ended = 0;
        for key in keys {
            ended += u64::from(self.shared.storage.end(key, reason).await.map_err(Error::from)?);
        }
        Ok(ended)
    }

    /// The principal, or an error if the session has ended.
    async fn whose(&self) -> Result<Option<Arc<str>>, E> {
        let principal = self.principal().await?;
        if self.machine().is_gone() { Err(Error::Gone.into()) } else { Ok(principal) }
    }
}
