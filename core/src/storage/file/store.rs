//! What a file storage is made of, and how its sub-folders are locked.

use std::path::Path;

use super::{
    cache::Cache,
    closer::Closer,
    error::Result,
    folder::{Folder, sub_name},
    lock::{Locked, Locks, Turn},
    pace::Pace,
    principals::Principals,
    settings::Settings,
    system::{Dir, Opened, page_cache::PageCache},
    touches::Touches,
};
use crate::{StoreKey, observe::Reporter, storage::Watch};

#[derive(Debug)]
pub(super) struct Store {
    pub(super) folder: Folder,
    pub(super) locks: Locks,
    pub(super) touches: Touches,
    pub(super) cache: Cache,
    pub(super) page_cache: PageCache,
    pub(super) pace: Pace,
    pub(super) principals: Principals,
    pub(super) closer: Closer,
    pub(super) settings: Settings,
    /// Those who wait for the end of sessions.
    pub(super) watch: Watch,
    pub(super) reporter: Reporter,
}

/// A sub-folder under its lock.
pub(super) struct Held<'a> {
    pub(super) sub: Dir,
    lock: Locked<'a>,
}

impl Held<'_> {
    /// Opens a session's file and waits until nobody appends to it. As the sub-folder is locked, it keeps its name.
    pub(super) fn open_own(&self, name: &str) -> Result<Opened> {
        self.lock.open_own(&self.sub, name)
    }
}

impl Store {
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn hold(&self, key: &StoreKey) -> Result<Option<Held<'_>>> {
        self.hold_in(self.locks.turn(key.as_bytes()[0])?, key)
    }

    /// Locks a sub-folder that is open.
    pub(super) fn hold_sub(&self, number: u8, sub: &Dir) -> Result<Held<'_>> {
        let lock = self.locks.lock(number, sub)?;
        Ok(Held { sub: sub.try_clone()?, lock })
    }

    pub(super) fn hold_in<'a>(&self, turn: Turn<'a>, key: &StoreKey) -> Result<Option<Held<'a>>> {
        let Some(sub) = self.folder.sub(&sub_name(key))? else { return Ok(None) };
        let lock = turn.lock(&sub)?;
        Ok(Some(Held { sub, lock }))
    }

    pub(super) fn make_and_hold(&self, key: &StoreKey) -> Result<Held<'_>> {
        let sub = self.folder.make_sub(&sub_name(key))?;
        let lock = self.locks.lock(key.as_bytes()[0], &sub)?;
        Ok(Held { sub, lock })
    }

    /// Locks the sub-folders of two keys, always in the same order. `None` for the second one if they are the same.
    pub(super) fn hold_both(
        &self,
        (a, a_sub): (&StoreKey, Dir),
        (b, b_sub): (&StoreKey, Dir),
    ) -> Result<(Held<'_>, Option<Held<'_>>)> {
        let hold = |number, sub| -> Result<Held<'_>> { Ok(Held { lock: self.locks.lock(number, &sub)?, sub }) };
        let (a, b) = (a.as_bytes()[0], b.as_bytes()[0]);
        if a > b {
            let second = hold(b, b_sub)?;
            return Ok((hold(a, a_sub)?, Some(second)));
        }
        let first = hold(a, a_sub)?;
        let second = if a == b { None } else { Some(hold(b, b_sub)?) };
        Ok((first, second))
    }

    /// Forgets what this process knows of a session.
    pub(super) fn forget(&self, key: &StoreKey) {
        self.touches.forget(key);
        self.cache.forget(key);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.write_touches();
    }
}
