//! Moves a session to a new key, which leaves a tombstone under the old one.

use std::os::fd::OwnedFd;

use super::{
    error::Result,
    folder::sub_name,
    format::{self, Content},
    fs::unlink,
    lock::Locked,
    store::Store,
};
use crate::{
    StoreKey,
    record::{Applied, Commit},
    storage::{Moved, Tombstone},
};

impl Store {
    /// Writes the new file first, and then the tombstone over the old one. If the process ends in between, the old session is
    /// unchanged, and nobody has the id of the new one.
    pub(super) fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved> {
        let now = commit.access.now;
        let to_sub = self.folder.make_sub(&sub_name(to))?;
        let Some(from_sub) = self.folder.sub(&sub_name(from))? else { return Ok(Moved::Gone) };
        let _locks = self.lock_both(from, &from_sub, to, &to_sub)?;
        let record = match self.read(&from_sub, from, &commit.access)? {
            Some(Content::Session(record)) => record,
            Some(Content::Tombstone(Tombstone { at, .. })) => return Ok(Moved::Renewed(at)),
            None => return Ok(Moved::Gone),
        };
        if !self.is_free(&to_sub, to, now)? {
            return Ok(Moved::Taken);
        }
        self.touches.forget(to);
        let record = match record.apply(commit)? {
            Applied::Changed(record) => record,
            Applied::Expired | Applied::Conflict(_) => return Ok(Moved::Gone),
        };
        let bytes = self.settings.encode(&record)?;
        let tombstone = format::encode_tombstone(&Tombstone::new(*to, now, commit.sealed.clone()));
        let to_name = to.to_string();
        if let Err(error) = self.replace(&to_sub, &to_name, &bytes, record.last_seen) {
            unlink(&to_sub, &to_name)?;
            return Err(error);
        }
        if let Err(error) = self.replace(&from_sub, &from.to_string(), &tombstone, now) {
            // If the old session still exists, the new one must not. If only syncing failed, the new one is the only one.
            if !matches!(self.read(&from_sub, from, &commit.access)?, Some(Content::Tombstone(_))) {
                unlink(&to_sub, &to_name)?;
            }
            return Err(error);
        }
        self.touches.forget(from);
        Ok(Moved::Done { expires_at: record.expires_at(), revision: 0 })
    }

    /// Locks the sub-folders of two keys, always in the same order. They may be the same.
    fn lock_both(
        &self,
        a: &StoreKey,
        a_sub: &OwnedFd,
        b: &StoreKey,
        b_sub: &OwnedFd,
    ) -> Result<[Option<Locked<'_>>; 2]> {
        let (a, b) = (a.as_bytes()[0], b.as_bytes()[0]);
        let (first, second) = if a <= b { ((a, a_sub), (b, b_sub)) } else { ((b, b_sub), (a, a_sub)) };
        let first_lock = self.locks.lock(first.0, first.1)?;
        let second_lock = if a == b { None } else { Some(self.locks.lock(second.0, second.1)?) };
        Ok([Some(first_lock), second_lock])
    }
}
