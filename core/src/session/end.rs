//! Waiting until a stored session has ended, however often it is renewed meanwhile.
//!
//! Each round begins to watch a key, and then looks at the session there: a change before the look is seen by it, and one after it is told. A
//! session that lives is looked at again when the storage tells of a change, or when its deadline has come. A session that is not its user's
//! any more has ended for those who wait.

use std::{collections::VecDeque, pin::pin, time::Duration};

use futures::future::select;
use tokio::time::Instant;

use super::{Config, machine::Whose};
use crate::{
    AnyStorage, StorageError, StoreKey, Timestamp,
    storage::{Leads, Lookup, Trail, WATCH_INTERVAL, Watched},
};

/// How long a storage may fail until nobody can say any more whether the session lives.
const OUTAGE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// More renewals than a storage forgets at once.
const REMEMBERED: usize = 32;

/// What has become of a session.
enum Seen {
    /// It ends at this time, if it is not used again.
    Living(Timestamp),
    Moved(StoreKey),
    Ended,
}

/// The keys under which the session was.
struct Path {
    key: StoreKey,
    whose: Whose,
    earlier: VecDeque<StoreKey>,
    trail: Trail,
}

/// How long a failing storage is asked again.
#[derive(Default)]
pub(super) struct Patience {
    until: Option<Instant>,
    pause: Duration,
}

/// Waits until the session under `key`, or where it was renewed to, has ended or is not its user's any more.
pub(super) async fn until_ended(
    storage: &AnyStorage,
    config: &Config,
    key: StoreKey,
    whose: Whose,
) -> Result<(), StorageError> {
    let mut path = Path { key, whose, earlier: VecDeque::new(), trail: Trail::default() };
    let mut patience = Patience::default();
    let mut watched = storage.watch(&key);
    loop {
        match path.look(storage, config).await {
            Ok(Seen::Living(ends_at)) => {
                patience = Patience::default();
                path.trail = Trail::default();
                change_or_deadline(watched.as_mut(), config, ends_at).await;
            }
            Ok(Seen::Moved(to)) => {
                watched = storage.watch(&to);
                path.go(to);
            }
            Ok(Seen::Ended) => return Ok(()),
            Err(error) => patience.after(error).await?,
        }
    }
}

async fn change_or_deadline(watched: Option<&mut Watched>, config: &Config, ends_at: Timestamp) {
    let deadline = config.clock.reached(ends_at);
    match watched {
        Some(watched) => drop(select(pin!(watched.changed()), deadline).await),
        None => drop(select(pin!(tokio::time::sleep(WATCH_INTERVAL)), deadline).await),
    }
}

impl Path {
    /// Looks at the session, without any use of it.
    async fn look(&mut self, storage: &AnyStorage, config: &Config) -> Result<Seen, StorageError> {
        let now = config.clock.now();
        let access = config.lifetime.access(now, true);
        let next = match storage.fetch(&self.key, &[], &access).await? {
            Lookup::Found(snapshot) if !access.has_ended(&snapshot.record, snapshot.record.last_seen) => {
                let record = &snapshot.record;
                let is_theirs = self.whose.sees(record.principal.as_ref());
                return Ok(if is_theirs { Seen::Living(config.lifetime.ends_at(record)) } else { Seen::Ended });
            }
            Lookup::Renewed(_) => storage.tombstone(&self.key, now).await?.map(|tombstone| tombstone.to),
            Lookup::Found(_) => None,
            Lookup::Absent => self.led_elsewhere(storage, now).await?,
        };
        Ok(match next {
            Some(next) if self.trail.follow(&next)? == Leads::On => Seen::Moved(next),
            _ => Seen::Ended,
        })
    }

    /// Where the last tombstone leads that is left on the path. A full memory storage forgets tombstones, and points an earlier one to the
    /// session instead.
    async fn led_elsewhere(&self, storage: &AnyStorage, now: Timestamp) -> Result<Option<StoreKey>, StorageError> {
        let mut led_to = self.key;
        for earlier in self.earlier.iter().rev() {
            if let Some(tombstone) = storage.tombstone(earlier, now).await? {
                return Ok((tombstone.to != led_to).then_some(tombstone.to));
            }
            led_to = *earlier;
        }
        Ok(None)
    }

    fn go(&mut self, to: StoreKey) {
        self.earlier.push_back(std::mem::replace(&mut self.key, to));
        if self.earlier.len() > REMEMBERED {
            self.earlier.pop_front();
        }
    }
}

impl Patience {
    /// Waits before the storage is asked again.
    ///
    /// # Errors
    ///
    /// The storage's, if it has failed for too long.
    pub(super) async fn after(&mut self, error: StorageError) -> Result<(), StorageError> {
        let now = Instant::now();
        let until = *self.until.get_or_insert_with(|| {
            tracing::debug!(%error, "whether a session has ended is not known: the storage failed; trying again");
            now + OUTAGE
        });
        if now >= until {
            return Err(error);
        }
        self.pause = (2 * self.pause).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        tokio::time::sleep(self.pause).await;
        Ok(())
    }
}
