//! Moves a session to a new key, which leaves a tombstone under the old one.

use std::sync::Arc;

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
    storage::{Access, Moved, Tombstone},
};

impl Store {
    /// Writes the new file first, and then the tombstone over the old one. If the process ends in between, the old session is
    /// unchanged, and nobody has the id of the new one.
    pub(super) fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved> {
        loop {
            let principal = self.principal_after(from, commit)?;
            let _noted = principal.as_deref().map(|principal| self.note(principal, to)).transpose()?;
            if let Some(moved) = self.move_noted(from, to, commit, principal.as_deref())? {
                return Ok(moved);
            }
        }
    }

    /// The principal that the session would have after the commit, as it is now.
    fn principal_after(&self, key: &StoreKey, commit: &Commit) -> Result<Option<Arc<str>>> {
        if let Some(principal) = commit.changes.new_principal() {
            return Ok(principal.clone());
        }
        Ok(match self.look_up(key, &Access::passive(commit.access.now))? {
            Some(Content::Session(record)) => record.principal,
            Some(Content::Tombstone(_)) | None => None,
        })
    }

    /// `None` if the session does not have this principal any more, for which the new key is in the index.
    fn move_noted(
        &self,
        from: &StoreKey,
        to: &StoreKey,
        commit: &Commit,
        noted: Option<&str>,
    ) -> Result<Option<Moved>> {
        let now = commit.access.now;
        let to_sub = self.folder.make_sub(&sub_name(to))?;
        let Some(from_sub) = self.folder.sub(&sub_name(from))? else { return Ok(Some(Moved::Gone)) };
        let (held, other) = self.hold_both((from, from_sub), (to, to_sub))?;
        let to_held = other.as_ref().unwrap_or(&held);
        // Nobody appends to it until it is a tombstone.
        let before = held.open_own(&from.to_string())?;
        let record = match self.locked_content(from, &before, &commit.access)? {
            Some(Content::Session(record)) => record,
            Some(Content::Tombstone(Tombstone { at, .. })) => return Ok(Some(Moved::Renewed(at))),
            None => return Ok(Some(Moved::Gone)),
        };
        if from == to {
            return Ok(Some(Moved::Taken));
        }
        let Place::Free(replaced) = self.place(to_held, to, now)? else { return Ok(Some(Moved::Taken)) };
        self.forget(to);
        let record = match record.apply(commit)? {
            Applied::Changed(record) => record,
            Applied::Expired | Applied::Conflict(_) => return Ok(Some(Moved::Gone)),
        };
        if record.principal.as_deref() != noted {
            return Ok(None);
        }
        let bytes = self.settings.encode(&record)?;
        let tombstone = format::encode_tombstone(&Tombstone::new(*to, now, commit.sealed.clone()))?;
        let to_name = to.to_string();
        if let Err(error) = self.replace(&to_held.sub, to, replaced, &bytes, record.last_seen) {
            unlink(&to_held.sub, &to_name)?;
            return Err(error);
        }
        if let Err(error) = self.replace(&held.sub, from, before, &tombstone, now) {
            // If the old session still exists, the new one must not. If only syncing failed, the new one is the only one.
            let left = held.open_own(&from.to_string())?;
            if !matches!(self.locked_content(from, &left, &commit.access)?, Some(Content::Tombstone(_))) {
                unlink(&to_held.sub, &to_name)?;
            }
            return Err(error);
        }
        self.touches.forget(from);
        Ok(Some(Moved::done(&record, 0)))
    }
}
