//! The trace of a renewal beside GoFrame's sessions, under a key that GoFrame never asks for.

use crate::{StoreKey, Timestamp};

/// Where the session lives on, and since when: a version byte, the time in little-endian milliseconds, the new id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) to: StoreKey,
    pub(super) at: Timestamp,
}

/// The key of the trace that a session named `name` leaves: in the same slot of a cluster.
pub(super) fn name_of_trace(name: &[u8]) -> Vec<u8> {
    let has_tag = name.iter().position(|&byte| byte == b'{').is_some_and(|open| {
        name.get(open + 1..).is_some_and(|rest| rest.iter().position(|&byte| byte == b'}').is_some_and(|at| at > 0))
    });
    if has_tag { [name, b":renewed"].concat() } else { [b"{", name, b"}:renewed"].concat() }
}

impl Trace {
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
    fn a_trace_is_read_as_it_was_written() {
        let trace = Trace { to: StoreKey::from_raw_id(b"gf123").unwrap(), at: Timestamp::from_millis(77) };
        assert_eq!(Trace::decode(&trace.encode()), Some(trace));
        for bytes in [&b""[..], b"\x01", b"\x02\0\0\0\0\0\0\0\0id", b"\x01\0\0\0\0\0\0\0\0"] {
            assert_eq!(Trace::decode(bytes), None);
        }
    }

    #[test]
    fn a_trace_lies_in_the_slot_of_its_session() {
        assert_eq!(name_of_trace(b"app:gf1"), b"{app:gf1}:renewed");
        assert_eq!(name_of_trace(b"{app}:gf1"), b"{app}:gf1:renewed");
        assert_eq!(name_of_trace(b"{}gf1"), b"{{}gf1}:renewed");
    }
}
