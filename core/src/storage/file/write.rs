//! The operations that give a session file its name, or take it away, and those that only look.

use std::{
    io::{ErrorKind, Write as _},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{
    error::{Doing as _, Result},
    expiry::Place,
    format::{self, Content},
    fs::{read, set_modified},
    lock::{Patience, Turn},
    settings::Durability,
    store::Store,
    system::{Dir, Opened, create, remove, rename_over, sync_name, unlink},
};
use crate::{
    Record, StoreKey, Timestamp,
    observe::EndReason,
    record::{Applied, Commit},
    storage::{Access, Committed, Created, Removed, Tombstone, Touched},
};

impl Store {
    pub(super) fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created> {
        let bytes = self.settings.encode(record)?;
        let _noted = record.principal.as_deref().map(|principal| self.note(principal, key)).transpose()?;
        let held = self.make_and_hold(key)?;
        let Place::Free(before) = self.place(&held, key, now)? else { return Ok(Created::Exists) };
        self.forget(key);
        let ends = self.is_reported(&before);
        self.replace(&held.sub, key, before, &bytes, record.last_seen)?;
        drop(held);
        if ends {
            self.reporter.ended(*key, EndReason::Expired);
        }
        Ok(Created::Done)
    }

    pub(super) fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed> {
        let mut noted = None;
        loop {
            let turn = self.locks.turn(key.as_bytes()[0])?;
            if let Some(committed) = self.append(key, commit, &turn, Patience::Until(turn.until))? {
                return Ok(committed);
            }
            if let Some(committed) = self.rewrite(turn, key, commit, noted.is_some())? {
                return Ok(committed);
            }
            // The commit gives the session a principal that it does not have yet.
            if let Some(Some(principal)) = commit.changes.principal() {
                noted = Some(self.note(principal, key)?);
            }
        }
    }

    /// Commits by replacing the session's file. `None` if it would give the session a principal, and may not.
    fn rewrite(&self, turn: Turn<'_>, key: &StoreKey, commit: &Commit, may_log_in: bool) -> Result<Option<Committed>> {
        let Some(held) = self.hold_in(turn, key)? else { return Ok(Some(Committed::Gone)) };
        let before = held.open_own(&key.to_string())?;
        let record = match self.locked_content(key, &before, &commit.access)? {
            Some(Content::Session(record)) => record,
            Some(Content::Tombstone(Tombstone { at, .. })) => return Ok(Some(Committed::Renewed(at))),
            None => return Ok(Some(Committed::Gone)),
        };
        if !may_log_in && is_login(&record, commit) {
            return Ok(None);
        }
        Ok(Some(match record.apply(commit)? {
            Applied::Changed(same) if same.has_same_content(&record) => self.only_activity(key, record, commit),
            Applied::Changed(record) => {
                let bytes = self.settings.encode(&record)?;
                self.replace(&held.sub, key, before, &bytes, record.last_seen)?;
                self.stored(key, &record)
            }
            Applied::Expired => Committed::Gone,
            Applied::Conflict(current) => Committed::Conflict(current),
        }))
    }

    pub(super) fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched> {
        Ok(match self.look_up(key, access)? {
            Some(Content::Session(mut record)) => {
                self.touches.extend(key, &mut record, access);
                Touched::Done(record.expires_at())
            }
            Some(Content::Tombstone(_)) | None => Touched::Gone,
        })
    }

    pub(super) fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>> {
        Ok(match self.look_up(key, &Access::passive(now))? {
            Some(Content::Tombstone(tombstone)) => Some(tombstone),
            Some(Content::Session(_)) | None => None,
        })
    }

    pub(super) fn remove(&self, key: &StoreKey) -> Result<Removed> {
        let Some(held) = self.hold(key)? else { return Ok(Removed::Absent) };
        let name = key.to_string();
        let opened = held.open_own(&name)?;
        let Opened::File(file, stat) = &opened else { return Ok(Removed::Absent) };
        if read(file, 0, format::MAGIC.len())? != *format::MAGIC {
            // Not a session of any version.
            return Ok(Removed::Absent);
        }
        // The tombstone of a renewal stays, so that a second logout finds the session too. A file that cannot be read is removed: a
        // later version, or a process with larger limits, might still read it.
        let always = Access::passive(Timestamp::default());
        if let Some(Content::Tombstone(Tombstone { to, .. })) = self.locked_content(key, &opened, &always)? {
            return Ok(Removed::Renewed(to));
        }
        let removed = remove(&held.sub, &name, (file, stat), self.is_durable());
        self.forget(key);
        self.watch.changed(key);
        Ok(if removed? { Removed::Done } else { Removed::Absent })
    }

    /// Replaces a session's file as a whole. The caller holds the lock of the one that was opened `before`.
    pub(super) fn replace(
        &self,
        sub: &Dir,
        key: &StoreKey,
        before: Opened,
        bytes: &[u8],
        last_seen: Timestamp,
    ) -> Result<()> {
        let written = self.write_over(sub, &key.to_string(), before, bytes, Some(last_seen), self.is_durable());
        self.cache.forget(key);
        // It may be a tombstone now, end earlier, or be somebody else's.
        self.watch.changed(key);
        written
    }

    /// Writes a temporary file and renames it over another one.
    pub(super) fn write_over(
        &self,
        sub: &Dir,
        name: &str,
        before: Opened,
        bytes: &[u8],
        modified: Option<Timestamp>,
        is_durable: bool,
    ) -> Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        const DOING: &str = "writing a session file";
        let temporary = format!("{name}.tmp-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut file = match create(sub, &temporary) {
            // Left behind by a killed process with the same process id.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                unlink(sub, &temporary)?;
                create(sub, &temporary)
            }
            created => created,
        }
        .doing(DOING)?;
        let write = || {
            file.write_all(bytes).doing(DOING)?;
            if let Some(modified) = modified {
                set_modified(&file, modified)?;
            }
            if is_durable {
                file.sync_all().doing("syncing a session file")?;
            }
            rename_over(sub, &temporary, name, before)
        };
        let before = write().inspect_err(|_| {
            // Otherwise it stays until it is swept.
            let _ = unlink(sub, &temporary);
        })?;
        if let Some(before) = before {
            self.closer.close(before);
        }
        if is_durable {
            sync_name(sub, &file)?;
        }
        Ok(())
    }

    pub(super) fn is_durable(&self) -> bool {
        self.settings.durability == Durability::Commit
    }
}

/// Whether a commit gives the session a principal that it does not have.
fn is_login(record: &Record, commit: &Commit) -> bool {
    matches!(commit.changes.principal(), Some(principal @ Some(_)) if principal != record.principal.as_deref())
}
