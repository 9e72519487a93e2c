//! The reference: what sessions are, in maps.

use std::collections::BTreeMap;

/// The entries of a session, and under [`OWNER`] whose it is.
pub(crate) type Data = BTreeMap<String, u32>;

/// Where a session's principal is kept among its entries; no entry has such a key.
pub(crate) const OWNER: &str = "@";

/// What a request has written and not stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    pub(crate) cleared: bool,
    pub(crate) edits: BTreeMap<String, Option<u32>>,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        !self.cleared && self.edits.is_empty()
    }

    pub(crate) fn has_content(&self) -> bool {
        self.edits.values().any(Option::is_some)
    }

    /// Everything goes but whose session it is.
    pub(crate) fn clear(&mut self) {
        self.cleared = true;
        self.edits.retain(|key, _| key == OWNER);
    }

    pub(crate) fn over(&self, data: &Data) -> Data {
        let mut data = data.clone();
        if self.cleared {
            data.retain(|key, _| key == OWNER);
        }
        for (key, edit) in &self.edits {
            match edit {
                Some(value) => drop(data.insert(key.clone(), *value)),
                None => drop(data.remove(key)),
            }
        }
        data
    }
}

/// What became of a session that was ever issued; its number is its place in the list.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Lives(Data),
    Ended,
    RenewedTo(usize),
}

/// What a request knows.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    Unknown,
    Written,
    Found(Data),
    Absent,
    Lost,
}
