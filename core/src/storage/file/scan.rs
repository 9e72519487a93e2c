//! Lists all sessions, page by page.

use super::{error::Result, format::Content, store::Store};
use crate::{StoreKey, Timestamp, storage::Access};

/// Files that a page reads, at most.
const PAGE: usize = 500;

impl Store {
    /// The keys of the sessions among the next files in the order of their names, and the name of the last file; `None` at the end.
    ///
    /// A session that is renewed leaves its tombstone under its name, so it is found there although its new name may come earlier.
    pub(super) fn scan(&self, after: Option<StoreKey>, now: Timestamp) -> Result<(Vec<StoreKey>, Option<StoreKey>)> {
        let (mut keys, mut left, access) = (Vec::new(), PAGE, Access::passive(now));
        for number in after.map_or(0, |after| after.as_bytes()[0])..=u8::MAX {
            let Some(sub) = self.folder.sub(&format!("{number:02x}"))? else { continue };
            let mut names = self.keys_in_locked(number, &sub)?;
            names.retain(|name| after.is_none_or(|after| *name > after));
            names.sort_unstable();
            for name in names {
                match self.read(&sub, &name, &access)? {
                    Some(Content::Session(_)) => keys.push(name),
                    Some(Content::Tombstone(tombstone)) => keys.push(tombstone.to),
                    None => {}
                }
                left -= 1;
                if left == 0 {
                    return Ok((keys, Some(name)));
                }
            }
        }
        Ok((keys, None))
    }
}
