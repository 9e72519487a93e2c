//! The operations on session files.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

#[cfg(target_os = "linux")]
use super::page_cache::PageCache;
use super::{
    error::{Doing, Result},
    folder::{Folder, sub_name},
    format::{self, Content},
    fs::{Opened, modified, open_own, read_bounded, set_modified, unlink},
    lock::{Locked, Locks},
    settings::{Durability, Settings},
    touches::{Touch, Touches},
};
use crate::{
    Record, StoreKey, Timestamp,
    record::{Applied, Commit},
    storage::{Access, Committed, Created, Lookup, Removed, Snapshot, TOMBSTONE_LIFETIME, Tombstone, Touched},
};

#[derive(Debug)]
pub(super) struct Store {
    pub(super) folder: Folder,
    pub(super) locks: Locks,
    pub(super) touches: Touches,
    #[cfg(target_os = "linux")]
    pub(super) page_cache: PageCache,
    pub(super) settings: Settings,
}

/// A sub-folder under its lock.
pub(super) struct Held<'a> {
    pub(super) sub: OwnedFd,
    _lock: Locked<'a>,
}

impl Store {
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What is stored under a key, if it is readable and has not expired.
    pub(super) fn read(&self, sub: impl AsFd, key: &StoreKey, access: &Access) -> Result<Option<Content>> {
        let pending = self.touches.pending(key);
        let mut file = match open_own(sub, &key.to_string())? {
            Opened::File(file) => file,
            Opened::Absent => return Ok(None),
            Opened::Foreign => {
                tracing::warn!(?key, "something that is not a session file has the name of one; it is ignored");
                return Ok(None);
            }
        };
        let modified = modified(&file)?;
        let bytes = read_bounded(&mut file, self.settings.max_file_bytes())?;
        Ok(self.decode(key, bytes.as_deref(), modified, pending, access))
    }

    /// The content of a file, if it is readable and has not expired. `bytes` is `None` for a file larger than any session.
    fn decode(
        &self,
        key: &StoreKey,
        bytes: Option<&[u8]>,
        modified: Timestamp,
        pending: Touch,
        access: &Access,
    ) -> Option<Content> {
        let mut decoded = match bytes {
            Some(bytes) => format::decode(bytes, modified, &*self.settings.codec, &self.settings.limits),
            None => Err(format::Unreadable::Damaged),
        };
        if let Ok(Content::Session(record)) = &mut decoded {
            pending.apply(record);
        }
        match decoded {
            Ok(Content::Session(record)) if access.has_ended(&record, record.last_seen) => None,
            Ok(Content::Tombstone(Tombstone { at, .. })) if at + TOMBSTONE_LIFETIME <= access.now => None,
            Ok(content) => Some(content),
            Err(error) => {
                tracing::warn!(?key, %error, "a session file cannot be read; it counts as no session");
                None
            }
        }
    }

    pub(super) fn hold(&self, key: &StoreKey) -> Result<Option<Held<'_>>> {
        let Some(sub) = self.folder.sub(&sub_name(key))? else { return Ok(None) };
        let lock = self.locks.lock(key.as_bytes()[0], &sub)?;
        Ok(Some(Held { sub, _lock: lock }))
    }

    fn make_and_hold(&self, key: &StoreKey) -> Result<Held<'_>> {
        let sub = self.folder.make_sub(&sub_name(key))?;
        let lock = self.locks.lock(key.as_bytes()[0], &sub)?;
        Ok(Held { sub, _lock: lock })
    }

    pub(super) fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup> {
        let Some(sub) = self.folder.sub(&sub_name(key))? else { return Ok(Lookup::Absent) };
        Ok(self.found(key, access, self.read(sub, key, access)?))
    }

    /// Like `load`, if the file is in the page cache and nothing about it is unusual.
    #[cfg(target_os = "linux")]
    pub(super) fn load_cached(&self, key: &StoreKey, access: &Access) -> Option<Lookup> {
        let pending = self.touches.pending(key);
        let (bytes, modified) = self.folder.with_root(|root| self.page_cache.read(root, key))?;
        let content = self.decode(key, Some(&bytes), modified, pending, access);
        Some(self.found(key, access, content))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn load_cached(&self, _: &StoreKey, _: &Access) -> Option<Lookup> {
        None
    }

    fn found(&self, key: &StoreKey, access: &Access, content: Option<Content>) -> Lookup {
        match content {
            Some(Content::Session(mut record)) => {
                let extended = record.is_touch_due(access);
                if extended {
                    self.touches.extend(key, &mut record, access);
                }
                Lookup::Found(Snapshot { extended, ..Snapshot::complete(record) })
            }
            Some(Content::Tombstone(Tombstone { at, .. })) => Lookup::Renewed(at),
            None => Lookup::Absent,
        }
    }

    pub(super) fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created> {
        let bytes = self.settings.encode(record)?;
        let held = self.make_and_hold(key)?;
        if !self.is_free(&held.sub, key, now)? {
            return Ok(Created::Exists);
        }
        self.touches.forget(key);
        self.replace(&held.sub, &key.to_string(), &bytes, record.last_seen)?;
        Ok(Created::Done)
    }

    pub(super) fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed> {
        let Some(held) = self.hold(key)? else { return Ok(Committed::Gone) };
        let record = match self.read(&held.sub, key, &commit.access)? {
            Some(Content::Session(record)) => record,
            Some(Content::Tombstone(Tombstone { at, .. })) => return Ok(Committed::Renewed(at)),
            None => return Ok(Committed::Gone),
        };
        match record.apply(commit)? {
            // Only activity: recorded as for a touch (S3).
            Applied::Changed(same) if same.has_same_content(&record) => {
                let mut record = record;
                self.touches.extend(key, &mut record, &commit.access);
                Ok(Committed::Done { expires_at: record.expires_at(), revision: 0 })
            }
            Applied::Changed(record) => {
                let bytes = self.settings.encode(&record)?;
                self.replace(&held.sub, &key.to_string(), &bytes, record.last_seen)?;
                let touch = Touch { at: record.last_seen, idle_timeout: Some(record.idle_timeout) };
                self.touches.written(key, &touch);
                Ok(Committed::Done { expires_at: record.expires_at(), revision: 0 })
            }
            Applied::Expired => Ok(Committed::Gone),
            Applied::Conflict(current) => Ok(Committed::Conflict(current)),
        }
    }

    pub(super) fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched> {
        let Some(sub) = self.folder.sub(&sub_name(key))? else { return Ok(Touched::Gone) };
        Ok(match self.read(sub, key, access)? {
            Some(Content::Session(mut record)) => {
                self.touches.extend(key, &mut record, access);
                Touched::Done(record.expires_at())
            }
            Some(Content::Tombstone(_)) | None => Touched::Gone,
        })
    }

    pub(super) fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>> {
        let Some(sub) = self.folder.sub(&sub_name(key))? else { return Ok(None) };
        Ok(match self.read(sub, key, &Access::passive(now))? {
            Some(Content::Tombstone(tombstone)) => Some(tombstone),
            Some(Content::Session(_)) | None => None,
        })
    }

    pub(super) fn remove(&self, key: &StoreKey) -> Result<Removed> {
        let Some(held) = self.hold(key)? else { return Ok(Removed::Absent) };
        let name = key.to_string();
        let Opened::File(mut file) = open_own(&held.sub, &name)? else { return Ok(Removed::Absent) };
        let mut magic = [0; format::MAGIC.len()];
        let read = file.read(&mut magic).doing("reading a session file")?;
        if magic[..read] != *format::MAGIC {
            // Not a session of any version.
            return Ok(Removed::Absent);
        }
        // The tombstone of a renewal stays, so that a second logout finds the session too. A file that cannot be read is removed: a
        // later version, or a process with larger limits, might still read it.
        let always = Access::passive(Timestamp::default());
        if let Some(Content::Tombstone(Tombstone { to, .. })) = self.read(&held.sub, key, &always)? {
            return Ok(Removed::Renewed(to));
        }
        self.touches.forget(key);
        let removed = unlink(&held.sub, &name)?;
        self.sync_folder(&held.sub)?;
        Ok(if removed { Removed::Done } else { Removed::Absent })
    }

    /// Replaces a file as a whole: writes a temporary file and renames it.
    pub(super) fn replace(&self, sub: &OwnedFd, name: &str, bytes: &[u8], last_seen: Timestamp) -> Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        const DOING: &str = "writing a session file";
        let temporary = format!("{name}.tmp-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = match rustix::fs::openat(sub, &temporary, flags, mode) {
            // Left behind by a killed process with the same process id.
            Err(Errno::EXIST) => {
                unlink(sub, &temporary)?;
                rustix::fs::openat(sub, &temporary, flags, mode)
            }
            opened => opened,
        };
        let mut file = File::from(file.doing(DOING)?);
        let mut write = || {
            // The umask may have removed bits.
            rustix::fs::fchmod(&file, mode).doing(DOING)?;
            file.write_all(bytes).doing(DOING)?;
            set_modified(&file, last_seen)?;
            if self.settings.durability == Durability::Commit {
                file.sync_all().doing("syncing a session file")?;
            }
            rustix::fs::renameat(sub, &temporary, sub, name).doing(DOING)
        };
        write().inspect_err(|_| {
            // Otherwise it stays until it is swept.
            let _ = unlink(sub, &temporary);
        })?;
        self.sync_folder(sub)
    }

    fn sync_folder(&self, sub: &OwnedFd) -> Result<()> {
        if self.settings.durability == Durability::Commit {
            rustix::fs::fsync(sub).doing("syncing a session folder")?;
        }
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.write_touches();
    }
}
