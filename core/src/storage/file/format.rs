//! The bytes of a session file, as described in the module's documentation.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{
    Codec, Limits, Record, StoreKey, Timestamp,
    id::SealedId,
    storage::{TOMBSTONE_LIFETIME, Tombstone},
};

use super::error::Result;

pub(super) const HEADER: usize = 32;
pub(super) const MAGIC: &[u8; 4] = b"GSES";
const VERSION: u8 = 1;
const SESSION: u8 = 1;
const TOMBSTONE: u8 = 2;
/// The offset of the sealed id in a tombstone.
const SEALED: usize = 40;

/// The content of a session file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Session(Record),
    /// The tombstone of a renewal: the session has moved to another key.
    Tombstone(Tombstone),
}

/// Why a file cannot be read as a session file. It quotes nothing of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it is not a session file")]
    NotOurs,
    #[error("it was written by a later version, or is of a kind that this build does not know")]
    Unknown,
    #[error("it is damaged or cut short")]
    Damaged,
    #[error("its record: {0}")]
    Record(#[from] crate::CodecError),
}

/// The part of the header that says when a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadlines {
    pub(super) idle_timeout: Duration,
    pub(super) absolute: Option<Timestamp>,
}

impl Deadlines {
    pub(super) fn are_over(&self, last_seen: Timestamp, now: Timestamp) -> bool {
        last_seen + self.idle_timeout <= now || self.absolute.is_some_and(|deadline| deadline <= now)
    }
}

/// Files store durations in milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn digest(head: &[u8], content: &[u8]) -> [u8; 8] {
    let hash = Sha256::new().chain_update(head).chain_update(content).finalize();
    std::array::from_fn(|i| hash[i])
}

pub(super) fn frame(kind: u8, idle_timeout: u64, absolute: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + content.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[VERSION, kind, 0, 0]);
    bytes.extend_from_slice(&idle_timeout.to_le_bytes());
    bytes.extend_from_slice(&absolute.to_le_bytes());
    let sum = digest(&bytes, content);
    bytes.extend_from_slice(&sum);
    bytes.extend_from_slice(content);
    bytes
}

/// The file of a session.
pub(super) fn encode_session(record: &Record, codec: &dyn Codec) -> Result<Vec<u8>> {
    let content = codec.encode(record)?;
    let absolute = record.absolute_deadline.map_or(0, Timestamp::as_millis);
    Ok(frame(SESSION, millis(record.idle_timeout), absolute, &content))
}

/// The file that a renewal leaves under the old key.
pub(super) fn encode_tombstone(tombstone: &Tombstone) -> Vec<u8> {
    let Tombstone { to, at, sealed } = tombstone;
    let content = [to.as_bytes().as_slice(), &at.as_millis().to_le_bytes(), sealed.as_bytes()].concat();
    frame(TOMBSTONE, millis(TOMBSTONE_LIFETIME), 0, &content)
}

/// The same session file with another idle timeout; `None` if it has that timeout already, or is not an intact session file.
pub(super) fn with_idle_timeout(bytes: &[u8], idle_timeout: Duration) -> Option<Vec<u8>> {
    let deadlines = decode_deadlines(bytes).ok()?;
    let (head, sum, content) = (bytes.get(..24)?, bytes.get(24..HEADER)?, bytes.get(HEADER..)?);
    if head[5] != SESSION
        || digest(head, content) != sum
        || deadlines.idle_timeout == Duration::from_millis(millis(idle_timeout))
    {
        return None;
    }
    let absolute = deadlines.absolute.map_or(0, Timestamp::as_millis);
    Some(frame(SESSION, millis(idle_timeout), absolute, content))
}

fn number(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// Reads the deadlines from the header alone.
pub(super) fn decode_deadlines(header: &[u8]) -> std::result::Result<Deadlines, Unreadable> {
    if header.get(..4) != Some(MAGIC.as_slice()) {
        return Err(Unreadable::NotOurs);
    }
    let kind = header.get(5).copied().unwrap_or_default();
    if header.get(4) != Some(&VERSION) || !(SESSION..=TOMBSTONE).contains(&kind) {
        return Err(Unreadable::Unknown);
    }
    let (Some(idle), Some(absolute)) = (number(header, 8), number(header, 16)) else { return Err(Unreadable::Damaged) };
    Ok(Deadlines {
        idle_timeout: Duration::from_millis(idle),
        absolute: (absolute != 0).then_some(Timestamp::from_millis(absolute)),
    })
}

/// Reads a whole file. `last_seen` is its modification time.
pub(super) fn decode(
    bytes: &[u8],
    last_seen: Timestamp,
    codec: &dyn Codec,
    limits: &Limits,
) -> std::result::Result<Content, Unreadable> {
    let deadlines = decode_deadlines(bytes)?;
    let (Some(head), Some(sum), Some(content)) = (bytes.get(..24), bytes.get(24..HEADER), bytes.get(HEADER..)) else {
        return Err(Unreadable::Damaged);
    };
    if digest(head, content) != sum {
        return Err(Unreadable::Damaged);
    }
    if bytes[5] == TOMBSTONE {
        let to = content.first_chunk().copied().map(StoreKey::from_bytes);
        let at = number(content, 32).map(Timestamp::from_millis);
        let sealed = content.get(SEALED..).map(SealedId::from_bytes).unwrap_or_default();
        return to
            .zip(at)
            .map(|(to, at)| Content::Tombstone(Tombstone::new(to, at, sealed)))
            .ok_or(Unreadable::Damaged);
    }
    let mut record = codec.decode(content, limits)?;
    record.idle_timeout = deadlines.idle_timeout;
    record.absolute_deadline = deadlines.absolute;
    // A copy of the folder may have lost the files' times. Sessions must not look older than they are.
    record.last_seen = record.last_seen.max(last_seen);
    Ok(Content::Session(record))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{BincodeCodec, Entries};

    fn record() -> Record {
        let mut record =
            Record::new(Timestamp::from_millis(5_000), Duration::from_secs(60), Some(Timestamp::from_millis(90_000)));
        record.entries = Entries::pack([("user", "\"ada\"")]).unwrap();
        record
    }

    fn read(bytes: &[u8]) -> std::result::Result<Content, Unreadable> {
        decode(bytes, Timestamp::from_millis(5_000), &BincodeCodec, &Limits::default())
    }

    #[test]
    fn reads_what_it_writes() {
        assert_eq!(read(&encode_session(&record(), &BincodeCodec).unwrap()), Ok(Content::Session(record())));
        for sealed in [&b""[..], b"sealed"] {
            let (to, at) = (StoreKey::from_bytes([7; 32]), Timestamp::from_millis(9));
            let tombstone = Tombstone::new(to, at, SealedId::from_bytes(sealed));
            assert_eq!(read(&encode_tombstone(&tombstone)), Ok(Content::Tombstone(tombstone)));
        }
    }

    #[test]
    fn the_idle_timeout_is_replaced_and_nothing_else() {
        let written = encode_session(&record(), &BincodeCodec).unwrap();
        assert_eq!(with_idle_timeout(&written, record().idle_timeout), None);
        let other = Record { idle_timeout: Duration::from_secs(90), ..record() };
        let replaced = with_idle_timeout(&written, other.idle_timeout).unwrap();
        assert_eq!(read(&replaced), Ok(Content::Session(other)));
        let tombstone = Tombstone::new(StoreKey::from_bytes([7; 32]), Timestamp::from_millis(9), SealedId::none());
        for unfit in [&encode_tombstone(&tombstone)[..], &written[..written.len() - 1], &written[..20], b"text", b""] {
            assert_eq!(with_idle_timeout(unfit, Duration::from_secs(90)), None);
        }
    }

    #[test]
    fn version_1_is_read_as_recorded() {
        let header = b"GSES\x01\x01\0\0\x60\xea\0\0\0\0\0\0\x90\x5f\x01\0\0\0\0\0";
        let written = encode_session(&record(), &BincodeCodec).unwrap();
        assert_eq!(&written[..24], header);
        assert_eq!(
            &written[32..],
            b"\x01\xfb\x88\x13\xfb\x88\x13\xfb\x60\xea\x01\xfc\x90\x5f\x01\0\0\x01\x04user\x05\"ada\""
        );
    }

    #[test]
    fn damage_is_found_wherever_it_is() {
        let good = encode_session(&record(), &BincodeCodec).unwrap();
        for len in 0..good.len() {
            assert!(read(&good[..len]).is_err(), "cut at {len}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(read(&bad).is_err(), "a flipped bit at {at}");
        }
        assert_eq!(read(&[good.as_slice(), b"x"].concat()), Err(Unreadable::Damaged));
        assert_eq!(read(b"#!/bin/sh\nrm -rf /"), Err(Unreadable::NotOurs));
        let mut later = good;
        later[4] = 2;
        assert_eq!(read(&later), Err(Unreadable::Unknown));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), content in prop::collection::vec(any::<u8>(), 0..100), kind in 0..4_u8) {
            let _ = read(&bytes);
            // With a right checksum, so that the content is reached.
            let _ = read(&frame(kind, 1, 1, &content));
        }
    }
}
