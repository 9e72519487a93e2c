//! The limit of a user's sessions, exact when logins overlap (ASVS 7.1.2).
//!
//! **Ending the oldest.** Each login is stored first, and then ends all but the newest. The last one to look sees all others, so at
//! most the allowed number are left. None of the newest is ever ended: among some of the logins it ranks at least as high as among
//! all. A login counts as newer than all that it can see, although a clock may be ahead. A session that has moved since it was listed may
//! belong to another login by now, so the list is read again.
//!
//! **Refusing.** A login must know that it may succeed before it is stored. Logins that are under way are on a list of the user's,
//! a record of its own, changed by compare-and-set. A login counts them and the living sessions. If there is room, it adds itself,
//! unless the list has changed since it was read. It leaves the list when it is stored, or if it fails. If its process dies, its
//! entry counts for [`AT_MOST`].

use std::{collections::HashSet, time::Duration};

use rand::{TryRng as _, rngs::SysRng};
use serde::{Deserialize, Serialize};

use super::AsyncSession;
use crate::{
    AtLimit, Entries, Error, IdError, LoginError, Record, StorageError, StorageErrorKind, StoreKey, Timestamp,
    observe::{EndReason, RefusalReason, Refused},
    record::{
        Access, Changes, Commit,
        reserved::{self, LOGIN, LoginFacts},
    },
    session::login::Login,
    storage::{Committed, Created, Found, Lookup, Removed},
};

/// For how long a login may be under way.
const AT_MOST: Duration = Duration::from_secs(60);
/// How long the list is kept after it was changed.
const KEPT: Duration = Duration::from_secs(180);
/// Tries to change the list. Each lost one means that another login was faster.
const MAX_TRIES: u32 = 10_000;

/// The logins of a user that are under way.
#[derive(Debug, Default, Serialize, Deserialize)]
struct UnderWay {
    /// Differs after each change, so that a list which is the same again does not pass for an unchanged one.
    version: u64,
    /// The time and the number of each.
    logins: Vec<(u64, u32)>,
}

/// A login that is on the list.
pub(super) struct Seat {
    list: StoreKey,
    login: (u64, u32),
}

impl<E: From<Error>> AsyncSession<E> {
    /// Puts the login on the list, if logins may be refused.
    pub(super) async fn take_seat(&self, login: &Login, facts: &LoginFacts) -> Result<Option<Seat>, E> {
        let Some(limit) = self.config().session_limit.filter(|limit| limit.at == AtLimit::Refuse) else {
            return Ok(None);
        };
        // The sessions that the login replaces.
        let _ = self.principal().await?;
        let own = self.own_keys().await?;
        let seat = Seat { list: StoreKey::of_logins(&login.principal), login: (facts.at, facts.n) };
        for _ in 0..MAX_TRIES {
            let now = self.config().clock.now();
            let (mut list, text) = self.read_list(&seat.list, now).await?;
            let mut others = self.living(&login.principal, now).await?;
            others.retain(|found| !own.contains(&found.key));
            let logins: HashSet<_> = others.iter().filter_map(login_of).map(|login| (login.at, login.n)).collect();
            list.logins
                .retain(|under_way| now < Timestamp::from_millis(under_way.0) + AT_MOST && !logins.contains(under_way));
            if others.len() + list.logins.len() >= limit.most.get() {
                self.shared.observers().refused(&Refused { key: None, reason: RefusalReason::TooManySessions });
                return Err(Error::Login(LoginError::TooManySessions { limit: limit.most }).into());
            }
            list.logins.push(seat.login);
            if self.write_list(&seat.list, list, text, now).await? {
                return Ok(Some(seat));
            }
        }
        Err(Error::Contended { key: reserved::UNDER_WAY.into() }.into())
    }

    /// Takes the login off the list. If that fails, it counts as under way for a while.
    pub(super) async fn leave_seat(&self, seat: Seat) {
        for _ in 0..MAX_TRIES {
            let now = self.config().clock.now();
            let done: Result<bool, Error> = async {
                let (mut list, text) = self.read_list(&seat.list, now).await?;
                if text.is_none() {
                    return Ok(true);
                }
                list.logins.retain(|login| *login != seat.login);
                self.write_list(&seat.list, list, text, now).await
            }
            .await;
            match done {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a login could not be taken off the list of those under way");
                    return;
                }
            }
        }
    }

    /// The list, and its text for a compare-and-set; `None` if there is none.
    async fn read_list(&self, key: &StoreKey, now: Timestamp) -> Result<(UnderWay, Option<String>), Error> {
        match self.shared.storage.load(key, &Access::passive(now)).await? {
            Lookup::Found(snapshot) => {
                let text = snapshot.record.entries.get_str(reserved::UNDER_WAY).unwrap_or_default().to_owned();
                Ok((serde_json::from_str(&text).unwrap_or_default(), Some(text)))
            }
            Lookup::Renewed(_) | Lookup::Absent => {
                let version = SysRng.try_next_u64();
                let failed = |error| IdError::new("the system's random generator failed").with_source(error);
                Ok((UnderWay { version: version.map_err(failed)?, ..UnderWay::default() }, None))
            }
        }
    }

    /// Replaces the list that was `before`. Returns whether it still was.
    async fn write_list(
        &self,
        key: &StoreKey,
        mut list: UnderWay,
        before: Option<String>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        list.version = list.version.wrapping_add(1);
        let failed = || StorageError::new(StorageErrorKind::Other, "listing the logins that are under way");
        let text = serde_json::to_string(&list).map_err(|error| failed().with_source(error))?;
        let storage = &self.shared.storage;
        Ok(match before {
            None => {
                let mut record = Record::new(now, KEPT, None);
                record.entries = Entries::pack([(reserved::UNDER_WAY, text.as_str())]).ok_or_else(failed)?;
                storage.create(key, &record, now).await? == Created::Done
            }
            Some(before) => {
                let mut changes = Changes::default();
                changes.set(reserved::UNDER_WAY, &text);
                let commit = Commit::new(changes, Access::active(now, KEPT, Duration::ZERO));
                let committed = storage.commit(key, &commit.expecting(reserved::UNDER_WAY, Some(&before))).await?;
                matches!(committed, Committed::Done { .. })
            }
        })
    }

    /// The keys of this request's session, of those that it is about to end, and of those to which others have renewed them.
    async fn own_keys(&self) -> Result<HashSet<StoreKey>, E> {
        let mut keys = self.machine().replaced_by_login(self.config());
        let (now, mut own) = (self.config().clock.now(), HashSet::new());
        while let Some(key) = keys.pop() {
            if own.insert(key)
                && let Some(tombstone) = self.shared.storage.tombstone(&key, now).await.map_err(Error::from)?
            {
                keys.push(tombstone.to);
            }
        }
        Ok(own)
    }

    /// The place of a login at this time among the user's, if the time is not behind all others.
    pub(super) async fn place_of(&self, login: &Login, at: u64) -> Result<Option<u64>, E> {
        if !self.config().session_limit.is_some_and(|limit| limit.at == AtLimit::EndOldest) {
            return Ok(None);
        }
        let living = self.living(&login.principal, self.config().clock.now()).await?;
        let last = living.iter().filter_map(login_of).map(|login| login.order().0).max();
        Ok(last.filter(|last| *last >= at).map(|last| last.saturating_add(1)))
    }

    /// Ends the oldest sessions of the user, if they are too many.
    pub(super) async fn end_oldest(&self, login: &Login, facts: &LoginFacts) -> Result<(), E> {
        let Some(limit) = self.config().session_limit.filter(|limit| limit.at == AtLimit::EndOldest) else {
            return Ok(());
        };
        for _ in 0..MAX_TRIES {
            let now = self.config().clock.now();
            let mut living = self.living(&login.principal, now).await?;
            // Without a known login, a session is as old as its creation.
            let age =
                |found: &Found| login_of(found).map_or((found.record.created_at.as_millis(), 0), |login| login.order());
            living.sort_by_key(|found| std::cmp::Reverse((age(found), found.key)));
            let (mut is_own, mut has_moved) = (false, false);
            for found in living.iter().skip(limit.most.get()) {
                // It may have become another session since it was listed: one of a later login, or another user's.
                match self.shared.storage.load(&found.key, &Access::passive(now)).await.map_err(Error::from)? {
                    Lookup::Found(snapshot) if is_same(found, &snapshot.record) => {
                        let removed = self.shared.storage.remove(&found.key).await.map_err(Error::from)?;
                        if removed == Removed::Done {
                            self.shared.observers().ended(found.key, EndReason::OverLimit);
                        }
                        has_moved |= matches!(removed, Removed::Renewed(_));
                        is_own |= removed == Removed::Done && login_of(found).as_ref() == Some(facts);
                    }
                    Lookup::Found(_) | Lookup::Renewed(_) => has_moved = true,
                    Lookup::Absent => {}
                }
            }
            if is_own {
                self.destroy();
                let _ = self.save().await?;
                return Err(Error::Gone.into());
            }
            if !has_moved {
                return Ok(());
            }
        }
        Err(Error::Contended { key: reserved::UNDER_WAY.into() }.into())
    }

    /// The user's sessions, each once: one that is renewed meanwhile may be listed under two keys.
    async fn living(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, Error> {
        let mut found = self.shared.storage.find(principal, now).await?;
        let mut seen = HashSet::new();
        found.retain(|found| {
            let is_new = login_of(found).is_none_or(|login| seen.insert(login.order()));
            is_new && !self.config().lifetime.is_over(&found.record, now)
        });
        Ok(found)
    }
}

/// What is kept of a session's login.
fn login_of(found: &Found) -> Option<LoginFacts> {
    LoginFacts::of(found.record.entries.get_str(LOGIN)?)
}

/// Whether a session is still that of the login that was listed.
fn is_same(found: &Found, now: &Record) -> bool {
    found.record.principal == now.principal && found.record.entries.get_str(LOGIN) == now.entries.get_str(LOGIN)
}
