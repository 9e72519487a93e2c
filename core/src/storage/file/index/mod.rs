//! The index of principals: which keys the sessions of a principal have, so that listing them reads no others.
//!
//! An entry is written before its session becomes the principal's, under a lock that is held until it is or is not. So no session of
//! a principal is without an entry. An entry may be without a session: after a crash, or because the session has ended, was renewed or
//! has another principal now. Such entries are passed over when they are read. Those under whose key there is no session are removed
//! by a sweep, at most once an hour. An entry whose session is about to be made cannot be among them, because of the lock.
//!
//! The lock file of a sub-folder is one byte long if all of its sessions are in the index, and empty in a folder from before the index.
//! Listing reads all sessions in such a sub-folder, until a sweep has noted them. The first sweep of a process and then one a day also
//! look for sessions without an entry in all other sub-folders: a power failure, a restored backup or an older build may have left some.

mod bucket;
mod compact;
mod heal;

use std::io::ErrorKind;

use sha2::{Digest as _, Sha256};

use self::bucket::{Entry, Hash};
pub(super) use self::heal::Healing;
use super::{
    error::{Doing as _, FileError, Result},
    fs::read,
    lock::{self, Locked},
    principals::LOCK,
    store::Store,
    system::{
        Dir, Opened, Purpose, RENAMES_ARE_ATOMIC, Stat, length, open_or_create, open_own, sync_name, write_all_at,
    },
};
use crate::StoreKey;

/// The names in a sub-folder that belong to the index, beside temporary files.
pub(super) const NAMES: [&str; 2] = [bucket::NAME, LOCK];
const WRITING: &str = "writing the index of principals";
const READING: &str = "reading the index of principals";

/// Where the entries of a principal are.
struct Bucket {
    number: u8,
    hash: Hash,
}

impl Bucket {
    fn of(principal: &str) -> Self {
        let digest = Sha256::digest(principal);
        Self { number: digest[0], hash: std::array::from_fn(|at| digest[1 + at]) }
    }

    fn sub_name(&self) -> String {
        format!("{:02x}", self.number)
    }
}

impl Store {
    /// Notes that the session under `key` is about to be this principal's, and keeps the entry as long as the answer is kept.
    pub(super) fn note(&self, principal: &str, key: &StoreKey) -> Result<Locked<'_>> {
        let bucket = Bucket::of(principal);
        let sub = self.folder.make_sub(&bucket.sub_name())?;
        let locked = self.principals.locks.lock(bucket.number, &sub)?;
        self.add_entry(&sub, &bucket::entry(&bucket.hash, key), self.is_durable())?;
        Ok(locked)
    }

    /// Adds an entry to a bucket that is locked.
    fn add_entry(&self, sub: &Dir, entry: &Entry, is_durable: bool) -> Result<()> {
        let (file, is_new) = open_or_create(sub, bucket::NAME).doing(WRITING)?;
        let end = bucket::end(Stat::of(&file).doing(WRITING)?.length);
        write_all_at(&file, entry, end).doing(WRITING)?;
        if is_durable {
            file.sync_data().doing(WRITING)?;
            if is_new || end == 0 {
                sync_name(sub, &file)?;
            }
        }
        Ok(())
    }

    /// The keys of all sessions that are or were this principal's.
    pub(super) fn noted(&self, principal: &str) -> Result<Vec<StoreKey>> {
        let bucket = Bucket::of(principal);
        let Some(sub) = self.folder.sub(&bucket.sub_name())? else { return Ok(Vec::new()) };
        let bytes = match read_bucket(&sub)? {
            // It may be being replaced. Nobody does that under the lock.
            None if !RENAMES_ARE_ATOMIC => match self.principals.locks.lock(bucket.number, &sub) {
                Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::ReadOnlyFilesystem => None,
                lock => {
                    let _lock = lock?;
                    read_bucket(&sub)?
                }
            },
            bytes => bytes,
        };
        Ok(bucket::keys(&bytes.unwrap_or_default(), &bucket.hash))
    }

    /// Whether all sessions in a sub-folder are in the index.
    pub(super) fn is_indexed(&self, number: u8, sub: &Dir) -> Result<bool> {
        let folder = self.folder.number();
        if self.principals.is_indexed(number, folder) {
            return Ok(true);
        }
        let is_indexed = length(sub, lock::NAME).doing(READING)? > 0;
        if is_indexed {
            self.principals.set_indexed(number, folder);
        }
        Ok(is_indexed)
    }

    /// The sub-folders whose sessions may not be in the index.
    pub(super) fn unindexed(&self) -> Result<Vec<(u8, Dir)>> {
        let folder = self.folder.number();
        let mut unindexed = Vec::new();
        for name in self.folder.with_root(Dir::names)? {
            let Some(number) = sub_number(&name) else { continue };
            if self.principals.is_indexed(number, folder) {
                continue;
            }
            if let Some(sub) = self.folder.sub(&name)?
                && !self.is_indexed(number, &sub)?
            {
                unindexed.push((number, sub));
            }
        }
        Ok(unindexed)
    }
}

/// The number of a sub-folder of this name.
fn sub_number(name: &str) -> Option<u8> {
    let number = u8::from_str_radix(name, 16).ok()?;
    (format!("{number:02x}") == name).then_some(number)
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
