//! Entries of our own: what a login has left in the session, and which id is current. They are stored like the application's, so that
//! every storage keeps them and overlapping requests change them one by one. The application does not see them as entries, and `clear`
//! leaves them.

use std::{net::IpAddr, ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Entries, packed::Packed};
use crate::Timestamp;

/// What the keys of our own entries begin with.
pub(crate) const PREFIX: &str = "gsession.";
/// The first bytes behind all of them: a slash comes after the dot.
const BEHIND: &[u8] = b"gsession/";

/// The entry of the last login.
pub(crate) const LOGIN: &str = "gsession.login";
/// The entry of the label.
pub(crate) const LABEL: &str = "gsession.label";
/// The entry of the tag.
pub(crate) const TAG: &str = "gsession.tag";
/// The entry that tells the current id from those before: [`Issue`](crate::session::Issue).
pub(crate) const ROTATION: &str = "gsession.rotation";
/// The entry of the hash of the current id's secret, for a write that has not read the session. Absent until the id has rotated.
pub(crate) const ID: &str = "gsession.id";
/// The entry that has all others, encrypted.
#[cfg(any(feature = "encryption", feature = "redis"))]
pub(crate) const SEALED: &str = "gsession.sealed";
/// The entry with the number of the state that is sealed.
#[cfg(any(feature = "encryption", feature = "redis"))]
pub(crate) const SEALED_STATE: &str = "gsession.sealed_state";
/// What is told of a session in a list, for storages that read some entries of it.
#[cfg(feature = "redis")]
pub(crate) const KEYS: [&str; 6] = [LABEL, LOGIN, MOVING, SEALED, SEALED_STATE, TAG];
/// Not in a session, but in the list of a tag: until when it is needed.
pub(crate) const NEEDED_UNTIL: &str = "gsession.needed_until";
/// Not in a session, but in the list of a user's logins that are under way: those logins.
pub(crate) const UNDER_WAY: &str = "gsession.under_way";
/// Not in a session, but where one is set aside on its way to another storage: from which key.
pub(crate) const MOVING: &str = "gsession.moving";
/// Not in a session, but in the note that a session of another library was taken over: to which, and when.
pub(crate) const TAKEN_OVER: &str = "gsession.taken_over";
/// What tells a list from a session.
pub(crate) const OF_LISTS: [&str; 3] = [NEEDED_UNTIL, UNDER_WAY, TAKEN_OVER];

/// Whether an entry is one of our own.
pub(crate) fn is_reserved(key: &[u8]) -> bool {
    key.starts_with(PREFIX.as_bytes())
}

/// What is kept of a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoginFacts {
    /// When it was, in milliseconds since the Unix epoch.
    pub(crate) at: u64,
    /// A random number, by which two logins of the same moment differ.
    pub(crate) n: u32,
    /// Its place among the user's logins, if that is not the time: another machine's clock may be ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<u64>,
    /// From where, if the application wants that kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<IpAddr>,
}

impl LoginFacts {
    /// What the entry [`LOGIN`] says; `None` if it cannot be read.
    pub(crate) fn of(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// What orders the user's logins: no two have the same.
    pub(crate) fn order(&self) -> (u64, u32) {
        (self.place.unwrap_or(self.at), self.n)
    }

    /// When it was.
    pub(crate) const fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }
}

/// The text in the entry [`LABEL`] or [`TAG`]; `None` if it cannot be read.
pub(crate) fn text_of(json: &str) -> Option<Arc<str>> {
    serde_json::from_str::<String>(json).ok().map(Into::into)
}

impl Packed<'_> {
    /// Where our own entries are.
    pub(super) fn reserved(self) -> Range<usize> {
        let at = |key: &[u8]| self.position(key).unwrap_or_else(|between| between);
        at(PREFIX.as_bytes())..at(BEHIND)
    }
}

impl Entries {
    /// Without the entries of the application.
    pub(crate) fn reserved(&self) -> Self {
        let packed = self.packed();
        let reserved = packed.reserved();
        if reserved.is_empty() {
            return Self::EMPTY;
        }
        let written = Self::written(reserved.len(), packed.bytes(&reserved), |packer| packer.copy(packed, reserved));
        // A part of a block is smaller than the block.
        written.unwrap_or_default()
    }

    /// The entries of the application alone.
    pub(crate) fn without_reserved(self) -> Self {
        let packed = self.packed();
        let reserved = packed.reserved();
        if reserved.is_empty() {
            return self;
        }
        let (before, behind) = (0..reserved.start, reserved.end..packed.len());
        let bytes = packed.bytes(&before) + packed.bytes(&behind);
        let written = Self::written(before.len() + behind.len(), bytes, |packer| {
            packer.copy(packed, before);
            packer.copy(packed, behind);
        });
        written.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_entries_are_told_apart_from_all_others() {
        let all = [("gsession", "1"), ("gsession-x", "2"), (LABEL, "3"), (LOGIN, "4"), ("gsession/", "5"), ("h", "6")];
        let entries = Entries::pack(all).unwrap();
        assert_eq!(entries.reserved(), Entries::pack([(LABEL, "3"), (LOGIN, "4")]).unwrap());
        let others: Vec<_> = all.into_iter().filter(|(key, _)| !is_reserved(key.as_bytes())).collect();
        assert_eq!(others.len(), 4);
        assert_eq!(entries.without_reserved(), Entries::pack(others).unwrap());
        for none in [Entries::EMPTY, Entries::pack([("a", "1"), ("z", "2")]).unwrap()] {
            assert_eq!(none.reserved(), Entries::EMPTY);
            assert_eq!(none.clone().without_reserved(), none);
        }
    }
}
