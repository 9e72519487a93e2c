//! The tombstone of a renewal, stored next to GoFrame's sessions under a key that GoFrame never reads.

use crate::{StoreKey, Timestamp, storage::redis::servers::tag_of};

/// What the names of tombstones end with.
const SUFFIX: &[u8] = b":renewed";

/// Where the session was moved to, and when: a version byte, the time in little-endian milliseconds, the new id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tombstone {
    pub(super) to: StoreKey,
    pub(super) at: Timestamp,
}

/// The key of the tombstone of the session `name`: in the same slot of a cluster.
pub(super) fn name_of_tombstone(name: &[u8]) -> Vec<u8> {
    if tag_of(name).is_some() { [name, SUFFIX].concat() } else { [b"{", name, b"}", SUFFIX].concat() }
}

/// Whether a key has the name of a tombstone.
pub(super) fn is_name(name: &[u8]) -> bool {
    name.ends_with(SUFFIX)
}

impl Tombstone {
    pub(super) fn encode(&self) -> Vec<u8> {
        let id = self.to.raw_id().unwrap_or_default();
        [&[1], &self.at.as_millis().to_le_bytes()[..], id].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&1, rest) = bytes.split_first()? else { return None };
        let (time, id) = rest.split_first_chunk::<8>()?;
        Some(Self { to: StoreKey::from_raw_id(id)?, at: Timestamp::from_millis(u64::from_le_bytes(*time)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tombstone_is_read_as_it_was_written() {
        let tombstone = Tombstone { to: StoreKey::from_raw_id(b"gf123").unwrap(), at: Timestamp::from_millis(77) };
        assert_eq!(Tombstone::decode(&tombstone.encode()), Some(tombstone));
        for bytes in [&b""[..], b"\x01", b"\x02\0\0\0\0\0\0\0\0id", b"\x01\0\0\0\0\0\0\0\0"] {
            assert_eq!(Tombstone::decode(bytes), None);
        }
    }

    #[test]
    fn a_tombstone_is_in_the_slot_of_its_session() {
        assert_eq!(name_of_tombstone(b"app:gf1"), b"{app:gf1}:renewed");
        assert_eq!(name_of_tombstone(b"{app}:gf1"), b"{app}:gf1:renewed");
        assert_eq!(name_of_tombstone(b"{}gf1"), b"{{}gf1}:renewed");
    }
}
