//! Reads sessions: from the files, and from what this process knows of files that have not changed.

use std::{fs::File, io::ErrorKind};

use super::{
    cache::Known,
    error::{FileError, Result},
    folder::{path_of, sub_name},
    format::{self, Content, Decoded, Unreadable},
    fs::read,
    store::Store,
    system::{Dir, Opened, Purpose, RENAMES_ARE_ATOMIC, Stat, open_own, page_cache},
    touches::Touch,
};
use crate::{
    StoreKey,
    storage::{Access, Lookup, Snapshot, TOMBSTONE_LIFETIME, Tombstone},
};

/// Where a file may be read from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// Only the page cache, which takes no time.
    Memory,
    Disk,
}

/// What an open file holds, or why it cannot be read.
type Examined = std::result::Result<Decoded, Unreadable>;

impl Store {
    pub(super) fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup> {
        let content = self.look_up(key, access)?;
        Ok(self.found(key, access, content))
    }

    /// Like `load`, without waiting for the disk, and only if nothing is unusual.
    pub(super) fn load_cached(&self, key: &StoreKey, access: &Access) -> Option<Lookup> {
        let pending = self.touches.pending(key);
        if let Some((decoded, stat)) = self.unchanged(key) {
            let content = self.judge(key, Ok(decoded), &stat, pending, access);
            return Some(self.found(key, access, content));
        }
        let file = self.folder.with_root(|root| self.page_cache.open(root, &path_of(key), Purpose::Reading))?;
        let stat = Stat::of(&file).ok().filter(|stat| stat.is_own(self.folder.user()))?;
        let examined = self.examine(key, &file, &stat, Source::Memory).ok()??;
        let content = self.judge(key, examined, &stat, pending, access);
        Some(self.found(key, access, content))
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

    /// What is stored under a key, if it is readable and has not expired.
    pub(super) fn look_up(&self, key: &StoreKey, access: &Access) -> Result<Option<Content>> {
        let pending = self.touches.pending(key);
        if let Some((decoded, stat)) = self.unchanged(key) {
            return Ok(self.judge(key, Ok(decoded), &stat, pending, access));
        }
        let Some(sub) = self.folder.sub(&sub_name(key))? else { return Ok(None) };
        let opened = self.open(&sub, key)?;
        self.content(key, &opened, pending, access)
    }

    /// The same by its name in an open sub-folder, without keeping it in memory.
    pub(super) fn read(&self, sub: &Dir, key: &StoreKey, access: &Access) -> Result<Option<Content>> {
        let pending = self.touches.pending(key);
        let (file, stat) = match self.open(sub, key)? {
            Opened::File(file, stat) => (file, stat),
            opened => return self.content(key, &opened, pending, access),
        };
        let examined = match self.read_whole(&file, &stat, Source::Disk)? {
            Some(bytes) => format::decode(&bytes, &*self.settings.codec, &self.settings.limits),
            None => Err(Unreadable::Damaged),
        };
        Ok(self.judge(key, examined, &stat, pending, access))
    }

    /// Opens a session's file for reading.
    pub(super) fn open(&self, sub: &Dir, key: &StoreKey) -> Result<Opened> {
        let name = key.to_string();
        let opened = open_own(sub, &name, Purpose::Reading)?;
        if RENAMES_ARE_ATOMIC || !matches!(opened, Opened::Absent) {
            return Ok(opened);
        }
        // It may be being replaced. Nobody does that under the lock.
        match self.locks.lock(key.as_bytes()[0], sub) {
            Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::ReadOnlyFilesystem => Ok(opened),
            lock => {
                let _lock = lock?;
                open_own(sub, &name, Purpose::Reading)
            }
        }
    }

    /// The content of what was opened under the name of a session.
    fn content(&self, key: &StoreKey, opened: &Opened, pending: Touch, access: &Access) -> Result<Option<Content>> {
        match opened {
            Opened::File(file, stat) => {
                let examined = self.examine(key, file, stat, Source::Disk)?;
                Ok(examined.and_then(|examined| self.judge(key, examined, stat, pending, access)))
            }
            Opened::Absent => Ok(None),
            Opened::Foreign => {
                tracing::warn!(?key, "something that is not a session file has the name of one; it is ignored");
                Ok(None)
            }
        }
    }

    /// The same under the file's lock, so that a damaged end is not an append that goes on.
    pub(super) fn locked_content(&self, key: &StoreKey, opened: &Opened, access: &Access) -> Result<Option<Content>> {
        let pending = self.touches.pending(key);
        let Opened::File(file, stat) = opened else { return self.content(key, opened, pending, access) };
        let Some(examined) = self.examine(key, file, stat, Source::Disk)? else { return Ok(None) };
        if let Ok(Decoded { log: Some(log), .. }) = examined
            && (log.ends as u64) < stat.length
        {
            tracing::warn!(?key, "the end of a session file is damaged or cut short; the commits in it are lost");
        }
        Ok(self.judge(key, examined, stat, pending, access))
    }

    /// A session whose file has not changed since it was read or written. Costs one system call.
    fn unchanged(&self, key: &StoreKey) -> Option<(Decoded, Stat)> {
        let known = self.cache.get(key)?;
        let stat = self.folder.with_root(|root| Stat::at(root, &path_of(key)));
        let Ok(stat) = stat else {
            self.cache.forget(key);
            return None;
        };
        // A link on the way to it does not matter: it was found without one before, and is the same file.
        let is_unchanged = stat.id == Some(known.file) && stat.length == known.log.ends as u64;
        (is_unchanged && stat.is_own(self.folder.user())).then(|| (known.into(), stat))
    }

    /// What an open file holds. Reads only what this process does not know of it. `None` if that would wait.
    pub(super) fn examine(&self, key: &StoreKey, file: &File, stat: &Stat, source: Source) -> Result<Option<Examined>> {
        let length = stat.length;
        if length > self.settings.max_file_bytes() {
            return Ok(Some(Err(Unreadable::Damaged)));
        }
        let known = self.cache.get(key).filter(|known| stat.id == Some(known.file));
        if let Some(Known { file: id, log, record }) = known
            && let Some(more) = length.checked_sub(log.ends as u64)
        {
            if more == 0 {
                return Ok(Some(Ok(Decoded { content: Content::Session(record), log: Some(log) })));
            }
            // Another process has appended to it.
            if let Some(bytes) = self.read_part(file, log.ends as u64, more, source)?
                && let Ok((record, log)) = log.replay(&bytes, record, &self.settings.limits)
                && log.ends as u64 == length
            {
                self.cache.put(key, Known { file: id, log, record: record.clone() });
                return Ok(Some(Ok(Decoded { content: Content::Session(record), log: Some(log) })));
            }
        }
        let Some(bytes) = self.read_whole(file, stat, source)? else { return Ok(None) };
        let decoded = format::decode(&bytes, &*self.settings.codec, &self.settings.limits);
        if let Ok(Decoded { content: Content::Session(record), log: Some(log) }) = &decoded
            && log.ends as u64 == length
            && stat.is_distinct()
            && let Some(file) = stat.id
        {
            self.cache.put(key, Known { file, log: *log, record: record.clone() });
        }
        Ok(Some(decoded))
    }

    /// A whole file; `None` if it is larger than any session, or reading it would wait.
    pub(super) fn read_whole(&self, file: &File, stat: &Stat, source: Source) -> Result<Option<Vec<u8>>> {
        if stat.length > self.settings.max_file_bytes() {
            return Ok(None);
        }
        self.read_part(file, 0, stat.length, source)
    }

    fn read_part(&self, file: &File, offset: u64, length: u64, source: Source) -> Result<Option<Vec<u8>>> {
        let Ok(length) = usize::try_from(length) else { return Ok(None) };
        match source {
            Source::Disk => read(file, offset, length).map(Some),
            Source::Memory if length > page_cache::MAX => Ok(None),
            Source::Memory => Ok(self.page_cache.read(file, offset, length)),
        }
    }

    /// The content of a file, if it is readable and has not expired.
    pub(super) fn judge(
        &self,
        key: &StoreKey,
        examined: Examined,
        stat: &Stat,
        pending: Touch,
        access: &Access,
    ) -> Option<Content> {
        match examined.map(|decoded| decoded.current(stat, pending)) {
            Ok(Content::Session(record)) if access.has_ended(&record, record.last_seen) => None,
            Ok(Content::Tombstone(Tombstone { at, .. })) if at + TOMBSTONE_LIFETIME <= access.now => None,
            Ok(content) => Some(content),
            Err(_) if stat.is_emptied() => None,
            Err(error) => {
                tracing::warn!(?key, %error, "a session file cannot be read; it counts as no session");
                None
            }
        }
    }
}

impl Decoded {
    /// The content with the time of the file and a pending touch.
    pub(super) fn current(self, stat: &Stat, pending: Touch) -> Content {
        match self.content {
            Content::Session(mut record) => {
                // A copy of the folder may have lost the files' times. Sessions must not look older than they are.
                let time = if self.log.is_some() { stat.set_time() } else { Some(stat.modified()) };
                record.last_seen = record.last_seen.max(time.unwrap_or_default());
                pending.apply(&mut record);
                Content::Session(record)
            }
            tombstone @ Content::Tombstone(_) => tombstone,
        }
    }
}

impl From<Known> for Decoded {
    fn from(known: Known) -> Self {
        Self { content: Content::Session(known.record), log: Some(known.log) }
    }
}
