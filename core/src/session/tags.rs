//! Finding sessions by tag ([S16](crate::design#s16)).
//!
//! A tag has a list: a record of its own, whose entries name the principals that have logged in with the tag. A look-up reads the list,
//! then the sessions of those principals, and takes the ones that have the tag. So an entry may be stale, but must not be missing:
//!
//! - A login is noted before it is stored. If its process dies in between, the entry is stale.
//! - The list is kept for three idle timeouts, but not beyond the absolute deadline of its sessions. When a session with the tag is
//!   touched, and fewer than two and a half idle timeouts are left, it is kept for three again, and an entry that got lost comes back. So
//!   each process writes it at most once per half of an idle timeout.
//! - An entry without a session is removed by a look-up, or to make room for a login. It must be older than an hour, because its
//!   login may be under way, and clocks differ.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{config::Config, login::LoginError};
use crate::{
    AnyStorage, Entries, Error, KeyScheme, LimitExceeded, Limits, Record, StorageError, StorageErrorKind, StoreKey,
    Timestamp,
    record::{
        Access, Changes, Commit, Snapshot,
        reserved::{NEEDED_UNTIL, TAG, text_of},
    },
    storage::{Committed, Created, Found, Lookup},
};

/// The most principals of a tag.
const MOST: usize = 100;
/// Idle timeouts for which a list is kept.
const KEPT_FOR: u32 = 3;
/// How much longer a list is kept than its sessions live.
const SLACK: Duration = Duration::from_secs(2 * 60);
/// For how long a login may be under way.
const UNDER_WAY: Duration = Duration::from_secs(60 * 60);
/// Tries to change a list. Each lost one means that another request was faster.
const MAX_TRIES: u32 = 10_000;
/// Tries of a request that only keeps a list: the next touch tries again.
const TRIES_TO_KEEP: u32 = 3;
/// Tries to create a list that is there and cannot be read.
const TRIES_TO_CREATE: u32 = 10;
const LISTING: &str = "finding sessions by tag";
const UNREADABLE: &str = "reading the list of a tag, which exceeds the limits or is of another version";

/// A session with a tag that was touched.
pub(crate) struct TagUse {
    pub(super) tag: Arc<str>,
    pub(super) principal: Arc<str>,
    pub(super) life: Life,
}

impl fmt::Debug for TagUse {
    /// Without who uses what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TagUse").finish_non_exhaustive()
    }
}

/// How long a session with a tag may live.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) idle_timeout: Duration,
    pub(super) absolute_deadline: Option<Timestamp>,
}

/// An entry of a list.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    principal: Box<str>,
    /// When it was noted, in milliseconds since the Unix epoch.
    at: u64,
}

/// The lists of tags in a storage.
pub(crate) struct Tags<'a> {
    storage: &'a AnyStorage,
    config: &'a Config,
}

impl<'a> Tags<'a> {
    pub(crate) const fn new(storage: &'a AnyStorage, config: &'a Config) -> Self {
        Self { storage, config }
    }

    /// Notes a login before it is stored. Its session may live for this long.
    pub(super) async fn note_login(&self, tag: &str, principal: &str, life: Life) -> Result<(), Error> {
        let key = self.key_of(tag)?;
        let mut absent = 0;
        for _ in 0..MAX_TRIES {
            let now = self.config.clock.now();
            let list = self.read(&key, now).await?;
            match self.write(&key, list.as_ref(), principal, life, now).await {
                Ok(true) => return Ok(()),
                Ok(false) if list.is_none() => {
                    absent += 1;
                    if absent == TRIES_TO_CREATE {
                        return Err(StorageError::new(StorageErrorKind::Other, UNREADABLE).into());
                    }
                }
                Ok(false) => {}
                Err(error) => match (error.kind(), &list) {
                    (StorageErrorKind::Limit(limit), Some(list)) => {
                        if !self.make_room(&key, tag, &list.record, now).await? {
                            return Err(match limit {
                                LimitExceeded::Entries { limit, .. } => {
                                    LoginError::TooManyUsersOfTag { limit: limit.saturating_sub(1) }.into()
                                }
                                _ => error.into(),
                            });
                        }
                    }
                    _ => return Err(error.into()),
                },
            }
        }
        Err(Error::Contended { key: NEEDED_UNTIL.into() })
    }

    /// Keeps the list for as long as the touched session may live.
    pub(super) async fn keep(&self, used: &TagUse) {
        if let Err(error) = self.try_to_keep(used).await {
            // The session itself is stored. If this fails, the next touch is in time.
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "the list of the sessions with a tag could not be kept");
        }
    }

    async fn try_to_keep(&self, used: &TagUse) -> Result<(), StorageError> {
        let (key, name) = (self.key_of(&used.tag)?, name_of(&used.principal));
        for _ in 0..TRIES_TO_KEEP {
            let now = self.config.clock.now();
            let list = self.read(&key, now).await?;
            let is_kept =
                |list: &Snapshot| list.record.entries.contains_key(&name) && lasts(&list.record, used.life, now);
            if list.as_ref().is_some_and(is_kept)
                || self.write(&key, list.as_ref(), &used.principal, used.life, now).await?
            {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The sessions with this tag. Entries that lead to none are removed.
    pub(crate) async fn sessions(&self, tag: &str) -> Result<Vec<Found>, StorageError> {
        let (key, now, mut sessions) = (self.key_of(tag)?, self.config.clock.now(), Vec::new());
        let Some(list) = self.read(&key, now).await? else { return Ok(sessions) };
        for (name, text, noted) in entries_of(&list.record) {
            let theirs = self.sessions_of(&noted.principal, tag, now).await?;
            if theirs.is_empty()
                && noted.is_old(now)
                && let Err(error) = self.forget(&key, name, text, now).await
            {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "a stale entry could not be removed from the list of a tag");
            }
            sessions.extend(theirs);
        }
        Ok(sessions)
    }

    fn key_of(&self, tag: &str) -> Result<StoreKey, StorageError> {
        match self.config.keys.scheme {
            KeyScheme::Hashed => Ok(StoreKey::of_tag(tag)),
            KeyScheme::RawIds => Err(StorageError::unsupported("finding sessions by tag under raw ids")),
        }
    }

    async fn read(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Snapshot>, StorageError> {
        Ok(match self.storage.load(key, &Access::passive(now)).await? {
            Lookup::Found(list) => Some(list),
            Lookup::Renewed(_) | Lookup::Absent => None,
        })
    }

    /// Adds a principal to the list as it was read. Returns whether it still was the same, where that matters.
    async fn write(
        &self,
        key: &StoreKey,
        list: Option<&Snapshot>,
        principal: &str,
        life: Life,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let failed = || StorageError::new(StorageErrorKind::Other, LISTING);
        let noted = Noted { principal: principal.into(), at: now.as_millis() };
        let noted = serde_json::to_string(&noted).map_err(|error| failed().with_source(error))?;
        let name = name_of(principal);
        // Not before the last change, although this clock may be behind: a list is never kept shorter than it was.
        let now = list.map_or(now, |list| now.max(list.record.last_seen));
        let needed_until = life.needed_until(now, Duration::ZERO);
        let needed_text = needed_until.as_millis().to_string();
        let Some(list) = list else {
            let mut record = Record::new(now, needed_until.since(now), None);
            let entries = [(NEEDED_UNTIL, needed_text.as_str()), (name.as_str(), noted.as_str())];
            record.entries = Entries::pack(entries).ok_or_else(failed)?;
            return Ok(self.storage.create(key, &record, now).await? == Created::Done);
        };
        let mut changes = Changes::default();
        changes.set(&name, noted);
        let mut commit = if lasts(&list.record, life, now) {
            Commit::new(changes, Access::passive(now))
        } else {
            changes.set(NEEDED_UNTIL, needed_text);
            let access = Access::active(now, needed_until.since(now), Duration::ZERO);
            // Another request may have kept it for longer meanwhile.
            Commit::new(changes, access).expecting(NEEDED_UNTIL, list.record.entries.get_str(NEEDED_UNTIL))
        };
        commit.base = Some(list.clone());
        commit.limits = Limits::default().max_entries(MOST + 1);
        Ok(matches!(self.storage.commit(key, &commit).await?, Committed::Done { .. }))
    }

    /// Removes the entries that lead to no session. Returns whether there was one.
    async fn make_room(&self, key: &StoreKey, tag: &str, list: &Record, now: Timestamp) -> Result<bool, StorageError> {
        let mut is_any = false;
        for (name, text, noted) in entries_of(list).filter(|(.., noted)| noted.is_old(now)) {
            if self.sessions_of(&noted.principal, tag, now).await?.is_empty() {
                self.forget(key, name, text, now).await?;
                is_any = true;
            }
        }
        Ok(is_any)
    }

    /// The sessions of a principal that have this tag.
    async fn sessions_of(&self, principal: &str, tag: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        let mut theirs = self.storage.find(principal, now).await?;
        theirs.retain(|found| found.record.entries.get_str(TAG).and_then(text_of).as_deref() == Some(tag));
        Ok(theirs)
    }

    /// Removes an entry, unless the principal was noted again since it was read.
    async fn forget(&self, key: &StoreKey, name: &str, text: &str, now: Timestamp) -> Result<(), StorageError> {
        let mut changes = Changes::default();
        changes.remove(name);
        self.storage.commit(key, &Commit::new(changes, Access::passive(now)).expecting(name, Some(text))).await?;
        Ok(())
    }
}

impl Noted {
    /// Whether its login is no longer under way.
    fn is_old(&self, now: Timestamp) -> bool {
        Timestamp::from_millis(self.at) + UNDER_WAY <= now
    }
}

/// The entries of a list, with their names and texts. What cannot be read is passed over.
fn entries_of(list: &Record) -> impl Iterator<Item = (&str, &str, Noted)> {
    let entries = list.entries.iter().filter(|(name, _)| *name != NEEDED_UNTIL);
    entries.filter_map(|(name, text)| Some((name, text, serde_json::from_str(text).ok()?)))
}

/// The name of the entry of a principal: a hash, because a principal may be longer than a name.
fn name_of(principal: &str) -> String {
    StoreKey::from_bytes(Sha256::digest(principal).into()).to_string()
}

impl Life {
    /// Until when the list is needed, if this much less will do.
    fn needed_until(self, now: Timestamp, less: Duration) -> Timestamp {
        let idle = now + self.idle_timeout.saturating_mul(KEPT_FOR).saturating_sub(less);
        // Clocks differ a little.
        self.absolute_deadline.map_or(idle, |deadline| idle.min(deadline + SLACK)).max(now + SLACK)
    }
}

/// Whether a list already lasts long enough for a session that may live for this long.
fn lasts(list: &Record, life: Life, now: Timestamp) -> bool {
    list.expires_at() >= life.needed_until(now, life.idle_timeout / 2)
}
