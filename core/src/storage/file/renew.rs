//! Moves a session to a new key, which leaves a tombstone under the old one.

use super::{
    error::Result,
    expiry::Place,
    folder::sub_name,
    format::{self, Content},
    store::Store,
    system::unlink,
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
        let (held, other) = self.hold_both((from, from_sub), (to, to_sub))?;
        let to_held = other.as_ref().unwrap_or(&held);
        // Nobody appends to it until it is a tombstone.
        let before = held.open_own(&from.to_string())?;
        let record = match self.locked_content(from, &before, &commit.access)? {
            Some(Content::Session(record)) => record,
            Some(Content::Tombstone(Tombstone { at, .. })) => return Ok(Moved::Renewed(at)),
            None => return Ok(Moved::Gone),
        };
        if from == to {
            return Ok(Moved::Taken);
        }
        let Place::Free(replaced) = self.place(to_held, to, now)? else { return Ok(Moved::Taken) };
        self.forget(to);
        let record = match record.apply(commit)? {
            Applied::Changed(record) => record,
            Applied::Expired | Applied::Conflict(_) => return Ok(Moved::Gone),
        };
        let bytes = self.settings.encode(&record)?;
        let tombstone = format::encode_tombstone(&Tombstone::new(*to, now, commit.sealed.clone()))?;
        let to_name = to.to_string();
        if let Err(error) = self.replace(&to_held.sub, to, replaced, &bytes, record.last_seen) {
            unlink(&to_held.sub, &to_name)?;
            return Err(error);
        }
        if let Err(error) = self.replace(&held.sub, from, before, &tombstone, now) {
            // If the old session still exists, the new one must not. If only syncing failed, the new one is the only one.
            if !matches!(self.read(&held.sub, from, &commit.access)?, Some(Content::Tombstone(_))) {
                unlink(&to_held.sub, &to_name)?;
            }
            return Err(error);
        }
        self.touches.forget(from);
        Ok(Moved::Done { expires_at: record.expires_at(), revision: 0 })
    }
}
