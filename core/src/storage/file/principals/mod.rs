//! The index of principals: which keys the sessions of a principal have, so that listing them reads no others.
//!
//! An entry is written before its session becomes the principal's, under a lock that is held until it is or is not. So no session of
//! a principal is without an entry. An entry may be without a session: after a crash, or because the session has ended, was renewed or
//! has another principal now. Such entries are passed over when they are read, and removed hourly by a sweep. An entry whose session is
//! about to be made cannot be among them, because of the lock.
//!
//! In a folder from before the index, the lock files of the sub-folders are empty. Listing reads all sessions in those. A sweep notes
//! them in the index and then makes the lock file one byte long, as it is in a new sub-folder.

mod bucket;
mod compact;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use self::bucket::Hash;
use super::{
    error::{Doing as _, FileError, Result},
    format::Content,
    fs::read,
    lock::{self, Locked, Locks},
    store::Store,
    system::{Dir, Opened, Purpose, Stat, length, open_or_create, open_own, sync_name, write_all_at},
};
use crate::{StoreKey, record::Commit};

/// The names in a sub-folder that belong to the index, beside temporary files.
pub(super) const NAMES: [&str; 2] = [bucket::NAME, LOCK];
const LOCK: &str = "principals.lock";
const DOING: &str = "writing the index of principals";

/// What this process knows of the index.
#[derive(Debug)]
pub(super) struct Principals {
    locks: Locks,
    /// The sub-folders that have been found to be indexed, which they then are for good.
    indexed: Box<[AtomicBool]>,
    compacted: compact::LastTime,
}

/// Where the entries of a principal are.
struct Place {
    number: u8,
    hash: Hash,
}

impl Place {
    fn of(principal: &str) -> Self {
        let digest = Sha256::digest(principal);
        Self { number: digest[0], hash: std::array::from_fn(|at| digest[1 + at]) }
    }

    fn sub_name(&self) -> String {
        format!("{:02x}", self.number)
    }
}

impl Principals {
    pub(super) fn new(lock_timeout: Duration) -> Self {
        let indexed = (0..256).map(|_| AtomicBool::new(false)).collect();
        Self { locks: Locks::new(LOCK, lock_timeout), indexed, compacted: compact::LastTime::default() }
    }
}

impl Store {
    /// Notes that the session under `key` is about to be this principal's, and keeps the entry as long as the answer is kept.
    pub(super) fn note(&self, principal: &str, key: &StoreKey) -> Result<Locked<'_>> {
        let place = Place::of(principal);
        let sub = self.folder.make_sub(&place.sub_name())?;
        let locked = self.principals.locks.lock(place.number, &sub)?;
        let (file, is_new) = open_or_create(&sub, bucket::NAME).doing(DOING)?;
        let end = bucket::end(Stat::of(&file).doing(DOING)?.length);
        write_all_at(&file, &bucket::entry(&place.hash, key), end).doing(DOING)?;
        if self.is_durable() {
            file.sync_data().doing(DOING)?;
            if is_new {
                sync_name(&sub, &file)?;
            }
        }
        Ok(locked)
    }

    /// The same for a commit, if it sets the principal to what it was not before.
    pub(super) fn note_commit(&self, key: &StoreKey, commit: &Commit) -> Result<Option<Locked<'_>>> {
        match commit.changes.principal() {
            Some(Some(principal)) if !self.is_noted(principal, key) => self.note(principal, key).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether the session is known to have this principal already, and therefore an entry.
    pub(super) fn is_noted(&self, principal: &str, key: &StoreKey) -> bool {
        let known = self.unchanged(key).map(|(decoded, _)| decoded.content);
        matches!(known, Some(Content::Session(record)) if record.principal.as_deref() == Some(principal))
    }

    /// The keys of all sessions that are or were this principal's.
    pub(super) fn noted(&self, principal: &str) -> Result<Vec<StoreKey>> {
        let place = Place::of(principal);
        match self.folder.sub(&place.sub_name())? {
            Some(sub) => Ok(bucket::keys(&read_bucket(&sub)?.unwrap_or_default(), &place.hash)),
            None => Ok(Vec::new()),
        }
    }

    /// Whether all sessions in a sub-folder are known to be in the index.
    pub(super) fn is_known_indexed(&self, number: u8) -> bool {
        self.principals.indexed[usize::from(number)].load(Ordering::Relaxed)
    }

    /// Whether all sessions in a sub-folder are in the index.
    pub(super) fn is_indexed(&self, number: u8, sub: &Dir) -> Result<bool> {
        if !self.is_known_indexed(number) && length(sub, lock::NAME).doing("reading the index of principals")? > 0 {
            self.principals.indexed[usize::from(number)].store(true, Ordering::Relaxed);
        }
        Ok(self.is_known_indexed(number))
    }

    /// All sessions in a sub-folder are in the index from now on.
    pub(super) fn set_indexed(sub: &Dir) -> Result<()> {
        let (lock, _) = open_or_create(sub, lock::NAME).doing(DOING)?;
        lock::set_indexed(&lock)
    }
}

/// The entries in a sub-folder; `None` if there is no file with them.
fn read_bucket(sub: &Dir) -> Result<Option<Vec<u8>>> {
    match open_own(sub, bucket::NAME, Purpose::Reading)? {
        Opened::File(file, stat) => read(&file, 0, usize::try_from(stat.length).unwrap_or(usize::MAX)).map(Some),
        Opened::Absent => Ok(None),
        Opened::Foreign => {
            Err(FileError::Setup(format!("{} in a sub-folder is not a file of this user", bucket::NAME)))
        }
    }
}
