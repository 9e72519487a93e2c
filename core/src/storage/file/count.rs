//! Counts the sessions.

use super::{error::Result, folder::keys_in, format::Content, store::Store};
use crate::{Timestamp, storage::Access};

impl Store {
    pub(super) fn count(&self, now: Timestamp) -> Result<u64> {
        let (mut living, access) = (0, Access::passive(now));
        for number in 0..=u8::MAX {
            let Some(sub) = self.folder.sub(&format!("{number:02x}"))? else { continue };
            for key in keys_in(&sub)? {
                let content = self.read(&sub, &key, &access)?;
                living += u64::from(matches!(content, Some(Content::Session(record)) if !record.is_list()));
            }
        }
        Ok(living)
    }
}
