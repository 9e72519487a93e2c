//! Notes sessions that have no entry: those of a folder from before the index, and any that were lost.

use std::{
    collections::HashSet,
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::ErrorKind,
    time::Duration,
};

use super::{
    super::{
        error::{Doing as _, FileError, Result},
        format::{self, Content, Unreadable},
        lock,
        read::Source,
        store::Store,
        system::{Stat, open_or_create, open_to_append, sync_name},
    },
    Bucket, WRITING, bucket,
    bucket::Entry,
    read_bucket,
};
use crate::{StoreKey, Timestamp};

/// How often sessions without an entry are looked for where there should be none.
const PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// A sweep that also notes sessions without an entry.
#[derive(Debug, Default)]
pub(in super::super) struct Healing {
    /// Hashes of all entries, which take less room; by another function each time.
    entries: HashSet<u64>,
    hashes: RandomState,
    /// The sub-folders in which all sessions have an entry by now.
    done: Vec<u8>,
    /// Whether all sessions of the present sub-folder have one.
    is_complete: bool,
    /// Why some have none. The sweep goes on.
    first_error: Option<FileError>,
}

impl Store {
    /// Begins a sweep that notes sessions without an entry, if that is due.
    pub(in super::super) fn begin_healing(&self, now: Timestamp) -> Option<Healing> {
        let is_due = self.principals.healed.is_due(PERIOD, now);
        // What keeps this from being known keeps the sweep from that sub-folder, too, and is logged there.
        if !is_due && self.unindexed().is_ok_and(|unindexed| unindexed.is_empty()) {
            return None;
        }
        let mut healing = Healing::default();
        for number in 0..=u8::MAX {
            let bucket = match self.folder.sub(&format!("{number:02x}")) {
                Ok(Some(sub)) => read_bucket(&sub),
                Ok(None) => continue,
                Err(error) => Err(error),
            };
            match bucket {
                Ok(bytes) => {
                    let bytes = bytes.unwrap_or_default();
                    bucket::entries(&bytes).for_each(|(entry, _)| healing.insert(entry));
                }
                Err(error) => {
                    healing.first_error.get_or_insert(error);
                }
            }
        }
        Some(healing)
    }

    /// Notes a living session if it has no entry.
    pub(in super::super) fn heal(&self, healing: &mut Healing, key: &StoreKey, file: &File, stat: &Stat) {
        match self.principal_of(file, stat) {
            Ok(Some(principal)) => {
                let bucket = Bucket::of(&principal);
                let entry = bucket::entry(&bucket.hash, key);
                if healing.contains(&entry) {
                    return;
                }
                match self.add_late(&bucket, &entry) {
                    Ok(()) => healing.insert(&entry),
                    Err(error) => healing.failed(error),
                }
            }
            Ok(None) => {}
            Err(Unknown::Error(error)) => healing.failed(error),
            // Another process may read it.
            Err(Unknown::Unreadable) => healing.is_complete = false,
        }
    }

    fn add_late(&self, bucket: &Bucket, entry: &Entry) -> Result<()> {
        let sub = self.folder.make_sub(&bucket.sub_name())?;
        let _locked = self.principals.locks.lock(bucket.number, &sub)?;
        // Synced at the end, all at once.
        self.add_entry(&sub, entry, false)
    }

    /// The principal of the session in a file, whether it has ended or not.
    fn principal_of(&self, file: &File, stat: &Stat) -> std::result::Result<Option<String>, Unknown> {
        let bytes = self.read_whole(file, stat, Source::Disk).map_err(Unknown::Error)?.ok_or(Unknown::Unreadable)?;
        match format::decode(&bytes, &*self.settings.codec, &self.settings.limits) {
            Ok(decoded) => Ok(match decoded.content {
                Content::Session(record) => record.principal.as_deref().map(str::to_owned),
                Content::Tombstone(_) => None,
            }),
            // Nobody can read it.
            Err(Unreadable::Damaged) => Ok(None),
            Err(Unreadable::NotOurs | Unreadable::Unknown | Unreadable::Record(_)) => Err(Unknown::Unreadable),
        }
    }

    /// Makes the entries survive a power failure, and then marks the sub-folders in which every session has one.
    pub(in super::super) fn end_healing(&self, healing: Healing) -> Result<()> {
        if !healing.done.is_empty() {
            for number in 0..=u8::MAX {
                let Some(sub) = self.folder.sub(&format!("{number:02x}"))? else { continue };
                match open_to_append(&sub, bucket::NAME) {
                    Ok(file) => {
                        file.sync_data().doing(WRITING)?;
                        sync_name(&sub, &file)?;
                    }
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error).doing(WRITING),
                }
            }
        }
        for number in &healing.done {
            if let Some(sub) = self.folder.sub(&format!("{number:02x}"))? {
                let (lock, _) = open_or_create(&sub, lock::NAME).doing(WRITING)?;
                lock::set_indexed(&lock)?;
            }
        }
        healing.first_error.map_or(Ok(()), Err)
    }
}

/// Why the principal of a session is not known.
enum Unknown {
    Error(FileError),
    Unreadable,
}

impl Healing {
    fn insert(&mut self, entry: &Entry) {
        self.entries.insert(self.hashes.hash_one(entry));
    }

    fn contains(&self, entry: &Entry) -> bool {
        self.entries.contains(&self.hashes.hash_one(entry))
    }

    pub(in super::super) fn begin_sub(&mut self) {
        self.is_complete = true;
    }

    /// Something in this sub-folder may be a session that another process can read.
    pub(in super::super) fn saw_unknown(&mut self) {
        self.is_complete = false;
    }

    fn failed(&mut self, error: FileError) {
        self.is_complete = false;
        self.first_error.get_or_insert(error);
    }

    /// All of a sub-folder was seen.
    pub(in super::super) fn end_sub(&mut self, number: u8) {
        if self.is_complete {
            self.done.push(number);
        }
    }
}
