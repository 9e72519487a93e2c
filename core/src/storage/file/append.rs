//! A commit that appends a frame to the session's file. It takes the lock of that file and of nothing else; on Windows, that of the
//! sub-folder.

use std::{fs::File, time::Instant};

use super::{
    cache::Known,
    error::{Doing as _, FileError, Result},
    folder::{path_of, sub_name},
    format::{Content, Log, millis},
    fs::{append, set_modified},
    lock::{FolderLock, Patience, Turn, lock_file},
    read::Source,
    settings::room_for,
    store::Store,
    system::{LOCKS_ARE_ADVISORY, Purpose, Stat, forbid_appends, open_to_append, page_cache},
    touches::Touch,
};
use crate::{
    Record, StoreKey,
    record::{Applied, Commit},
    storage::Committed,
};

const OPENING: &str = "opening a session file";

/// The answer to a commit. `None` if it cannot be done by appending: the file has to be replaced, or something about it is unusual.
/// Nothing was changed then.
type OrElse = Option<Committed>;

/// A session's file that nobody else can append to.
struct Alone {
    file: File,
    stat: Stat,
    /// If the file itself cannot be locked without keeping readers out.
    _folder: Option<FolderLock>,
}

impl Store {
    /// Commits without waiting for anything: for the disk, for a lock, or for room. `None` if that is impossible; nothing was
    /// changed then.
    pub(super) fn commit_cached(&self, key: &StoreKey, commit: &Commit) -> Option<Committed> {
        // A pause that a test makes is waiting, too.
        #[cfg(feature = "conformance")]
        if commit.on_apply.is_some() {
            return None;
        }
        if self.is_durable() || !self.pace.is_quick() {
            return None;
        }
        let turn = self.locks.turn_at_once(key.as_bytes()[0])?;
        // Whatever is wrong will be found again, and reported, by a thread that may wait.
        self.append(key, commit, &turn, Patience::None).ok()?
    }

    /// Commits by appending to the session's file, if there is one that can be appended to. It is this thread's turn.
    pub(super) fn append(
        &self,
        key: &StoreKey,
        commit: &Commit,
        turn: &Turn<'_>,
        patience: Patience,
    ) -> Result<OrElse> {
        if !self.settings.appends {
            return Ok(None);
        }
        match self.open_alone(key, turn, patience)? {
            Some(alone) => self.append_to(key, &alone, commit, patience),
            None => Ok(None),
        }
    }

    /// Opens a session's file and keeps all others from appending to it. `None` if it cannot be appended to.
    fn open_alone(&self, key: &StoreKey, turn: &Turn<'_>, patience: Patience) -> Result<Option<Alone>> {
        if LOCKS_ARE_ADVISORY {
            return self.open_and_lock(key, patience);
        }
        let Patience::Until(_) = patience else { return Ok(None) };
        let Some(sub) = self.folder.sub(&sub_name(key))? else { return Ok(None) };
        let folder = turn.lock_folder(&sub)?;
        let Ok(file) = open_to_append(&sub, &key.to_string()) else { return Ok(None) };
        let stat = Stat::of(&file).doing(OPENING)?;
        let is_usable = stat.links == 1 && stat.is_own(self.folder.user()) && stat.is_writable();
        Ok(is_usable.then_some(Alone { file, stat, _folder: Some(folder) }))
    }

    fn open_and_lock(&self, key: &StoreKey, patience: Patience) -> Result<Option<Alone>> {
        loop {
            let Some(file) = self.open_to_append(key, patience)? else { return Ok(None) };
            if !lock_file(&file, Patience::None)? {
                // Nobody waits for what belongs to somebody else.
                let is_own = Stat::of(&file).doing(OPENING)?.is_own(self.folder.user());
                if !is_own || !lock_file(&file, patience)? {
                    return Ok(None);
                }
            }
            let stat = Stat::of(&file).doing(OPENING)?;
            if stat.links == 1 && stat.is_own(self.folder.user()) && stat.is_writable() {
                return Ok(Some(Alone { file, stat, _folder: None }));
            }
            match patience {
                // It was replaced or removed before it was locked, so there may be another one.
                Patience::Until(until) if stat.links == 0 => {
                    if Instant::now() >= until {
                        return Err(FileError::Locked);
                    }
                }
                _ => return Ok(None),
            }
        }
    }

    fn open_to_append(&self, key: &StoreKey, patience: Patience) -> Result<Option<File>> {
        let file = self.folder.with_root(|root| self.page_cache.open(root, &path_of(key), Purpose::Writing));
        if file.is_some() || matches!(patience, Patience::None) {
            return Ok(file);
        }
        let Some(sub) = self.folder.sub(&sub_name(key))? else { return Ok(None) };
        // Whatever is wrong, there or in the way, is found again when the file is to be replaced.
        Ok(open_to_append(&sub, &key.to_string()).ok())
    }

    fn append_to(
        &self,
        key: &StoreKey,
        Alone { file, stat, .. }: &Alone,
        commit: &Commit,
        patience: Patience,
    ) -> Result<OrElse> {
        let source = if matches!(patience, Patience::None) { Source::Memory } else { Source::Disk };
        if matches!(source, Source::Memory) && stat.length > page_cache::MAX as u64 {
            // Copying a large session takes too long as well.
            return Ok(None);
        }
        let pending = self.touches.pending(key);
        let Some(Ok(decoded)) = self.examine(key, file, stat, source)? else { return Ok(None) };
        let Some(log) = decoded.log.filter(|log| log.ends as u64 == stat.length) else { return Ok(None) };
        let Content::Session(base) = &decoded.content else { return Ok(None) };
        let change = commit.changes.edit_bytes();
        let room = room_for(key, log.begins, stat.age(), change);
        if log.ends + change > room {
            return Ok(None);
        }
        let (idle_timeout, last_seen) = (base.idle_timeout, base.last_seen);
        // While a frame is written, and if that fails, the file has the kernel's time, so the session was last seen when its log says.
        // That must not be so long ago that the session would seem to have ended.
        if last_seen + idle_timeout / 2 <= commit.access.now {
            return Ok(None);
        }
        let Content::Session(record) = decoded.clone().current(stat, pending) else { return Ok(None) };
        let changed = match record.apply(commit) {
            Ok(Applied::Changed(changed)) => changed,
            Ok(Applied::Expired) => return Ok(Some(Committed::Gone)),
            Ok(Applied::Conflict(current)) => return Ok(Some(Committed::Conflict(current))),
            Err(_) => return Ok(None),
        };
        if changed.principal != record.principal {
            // The index has to know of a login first. And those who wait for the end of this user's session need a signal, which an
            // append does not send.
            return Ok(None);
        }
        if changed.has_same_content(&record) {
            return Ok(Some(self.only_activity(key, record, commit)));
        }
        let limits = &self.settings.limits;
        let is_within_limits = limits.check_changes(&commit.changes).is_ok()
            && limits.check_total(changed.entries.len(), changed.entries.text_bytes()).is_ok();
        // The deadlines are in the header, where a sweep finds them.
        let has_same_deadlines = millis(changed.idle_timeout) == millis(idle_timeout)
            && (changed.created_at, changed.stored_deadline()) == (base.created_at, base.stored_deadline());
        if !is_within_limits || !has_same_deadlines {
            return Ok(None);
        }
        let later = Some(changed.last_seen).filter(|time| *time > last_seen);
        let (frame, longer) = log.frame(&commit.changes, later)?;
        if longer.ends > room {
            return Ok(None);
        }
        self.write_frame(file, log, &frame, &changed)?;
        if let Some(file) = stat.id.filter(|_| stat.is_distinct()) {
            self.cache.put(key, Known { file, log: longer, record: changed.clone() });
        }
        Ok(Some(self.stored(key, &changed)))
    }

    fn write_frame(&self, file: &File, log: Log, frame: &[u8], record: &Record) -> Result<()> {
        let began = self.pace.begin();
        let appended = append(file, log.ends as u64, frame);
        self.pace.end(began);
        appended?;
        // The log has the time too, and until now the file has a time that nobody takes for it.
        let _ = set_modified(file, record.last_seen);
        if self.is_durable() {
            // What could not be synced is lost, though later syncs of this file may succeed: it must be replaced.
            file.sync_data().inspect_err(|_| forbid_appends(file)).doing("syncing a session file")?;
        }
        Ok(())
    }

    /// The result of a commit that changes nothing: recorded as for a touch ([S3](crate::design#s3)).
    pub(super) fn only_activity(&self, key: &StoreKey, mut record: Record, commit: &Commit) -> Committed {
        self.touches.extend(key, &mut record, &commit.access);
        Committed::done(&record, 0)
    }

    /// The result of a commit after which the file holds this record.
    pub(super) fn stored(&self, key: &StoreKey, record: &Record) -> Committed {
        self.touches.written(key, &Touch { at: record.last_seen, idle_timeout: Some(record.idle_timeout) });
        Committed::done(record, 0)
    }
}
