//! Telling that a session may have ended, whatever becomes of the operation that ends it.

use super::{database::Database, reports::Reports};
use crate::StoreKey;

/// Tells, when it is dropped, that a session may have ended or changed hands: also if the operation fails or is cancelled, since it may
/// have taken effect.
pub(super) struct Notice<'a, D: Database> {
    pub(super) reports: &'a Reports<D>,
    pub(super) key: &'a StoreKey,
    /// Whether this operation did not change it after all.
    pub(super) is_old_news: bool,
}

impl<D: Database> Drop for Notice<'_, D> {
    fn drop(&mut self) {
        if self.is_old_news {
            self.reports.noticed(self.key);
        } else {
            self.reports.changed(self.key);
        }
    }
}
