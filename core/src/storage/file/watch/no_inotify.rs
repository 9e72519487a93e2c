//! A system that cannot watch folders, or not in this way.

use super::super::folder::Folder;
use crate::{StoreKey, storage::Watch};

pub(super) struct Folders;

impl Folders {
    pub(super) fn new(_watch: Watch, _is_used: bool) -> Self {
        Self
    }

    pub(super) fn begin(&self, _folder: &Folder, _key: &StoreKey) -> bool {
        false
    }

    pub(super) fn end(&self, _key: &StoreKey) {}

    pub(super) fn has(&self, _key: &StoreKey) -> bool {
        false
    }
}
