//! The header of every stored session: 62 bytes at fixed offsets, which scripts read and change without knowing the rest.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{Record, StoreKey, Timestamp, id::SealedId, storage::Tombstone};

/// The version of the format.
pub(super) const VERSION: u8 = 1;
/// Bytes of a session's header.
pub(super) const LEN: usize = 62;
/// The offset of the sealed id in a tombstone.
const SEALED: usize = 42;
/// The absolute deadline of a session without one.
const NO_DEADLINE: u64 = u64::MAX;
/// The maximum length of a tombstone.
pub(super) const LONGEST_TOMBSTONE: usize = SEALED + 512;

/// What a value with a header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A session.
    Session,
    /// A session that is being moved here from another node of a cluster. Nobody can see it yet.
    Prepared,
}

/// The header of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(super) kind: Kind,
    pub(super) revision: u64,
    pub(super) last_seen: Timestamp,
    pub(super) idle_timeout: Duration,
    /// The number of entries: exact for hashes; for strings an upper bound until the next rewrite.
    pub(super) entries: u32,
    /// The bytes of their keys and values, likewise.
    pub(super) bytes: u32,
    pub(super) tag: Tag,
    pub(super) created_at: Timestamp,
    pub(super) absolute_deadline: Option<Timestamp>,
    pub(super) is_remembered: bool,
    /// The offset of the log of changes; 0 for hashes, which have none.
    pub(super) log: u32,
}

/// The first bytes of the SHA-256 of the principal, by which its sessions are found; zeros without a principal.
pub(crate) type Tag = [u8; 8];

pub(super) fn tag_of(principal: Option<&str>) -> Tag {
    let Some(principal) = principal else { return Tag::default() };
    let hash: [u8; 32] = Sha256::digest(principal.as_bytes()).into();
    let mut tag = Tag::default();
    tag.copy_from_slice(&hash[..8]);
    tag
}

/// What the beginning of a value says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Head {
    Session(Header),
    Tombstone(Tombstone),
}

/// Milliseconds as they are stored.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A number of entries or bytes as it is stored.
pub(super) fn counted(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Header {
    pub(super) fn of(record: &Record, revision: u64, kind: Kind) -> Self {
        Self::with_tag(record, revision, kind, tag_of(record.principal.as_deref()))
    }

    /// As [`of`](Self::of), with a tag that is already known.
    pub(super) fn with_tag(record: &Record, revision: u64, kind: Kind, tag: Tag) -> Self {
        Self {
            kind,
            revision,
            last_seen: record.last_seen,
            idle_timeout: record.idle_timeout,
            entries: counted(record.entries.len()),
            bytes: counted(record.entries.text_bytes()),
            tag,
            created_at: record.created_at,
            absolute_deadline: record.absolute_deadline,
            is_remembered: record.is_remembered,
            log: 0,
        }
    }

    pub(super) fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[0] = VERSION;
        bytes[1] = match self.kind {
            Kind::Session => b'S',
            Kind::Prepared => b'P',
        };
        bytes[2..10].copy_from_slice(&self.revision.to_le_bytes());
        bytes[10..18].copy_from_slice(&self.last_seen.as_millis().to_le_bytes());
        bytes[18..26].copy_from_slice(&millis(self.idle_timeout).to_le_bytes());
        bytes[26..30].copy_from_slice(&self.entries.to_le_bytes());
        bytes[30..34].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[34..42].copy_from_slice(&self.tag);
        bytes[42..50].copy_from_slice(&self.created_at.as_millis().to_le_bytes());
        bytes[50..58].copy_from_slice(&self.record().stored_deadline().unwrap_or(NO_DEADLINE).to_le_bytes());
        bytes[58..62].copy_from_slice(&self.log.to_le_bytes());
        bytes
    }

    /// The same with the times of the record.
    pub(super) fn with_times(self, record: &Record) -> Self {
        let Record { created_at, last_seen, idle_timeout, absolute_deadline, is_remembered, .. } = *record;
        Self { created_at, last_seen, idle_timeout, absolute_deadline, is_remembered, ..self }
    }

    /// Replaces the header of a value.
    pub(super) fn put_into(&self, value: &mut [u8]) {
        if let Some(place) = value.get_mut(..LEN) {
            place.copy_from_slice(&self.encode());
        }
    }

    /// A record with these times, and nothing else.
    pub(super) fn record(&self) -> Record {
        let mut record = Record::new(self.created_at, self.idle_timeout, self.absolute_deadline);
        self.put_times(&mut record);
        record
    }

    /// Gives a record these times.
    pub(super) fn put_times(&self, record: &mut Record) {
        (record.created_at, record.last_seen) = (self.created_at, self.last_seen);
        (record.idle_timeout, record.absolute_deadline) = (self.idle_timeout, self.absolute_deadline);
        record.is_remembered = self.is_remembered;
    }

    /// When the session ends if it is not used again.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.record().expires_at()
    }
}

/// The value of a tombstone.
pub(super) fn encode_tombstone(tombstone: &Tombstone) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SEALED + tombstone.sealed.as_bytes().len());
    bytes.extend([VERSION, b'F']);
    bytes.extend(tombstone.to.as_bytes());
    bytes.extend(tombstone.at.as_millis().to_le_bytes());
    bytes.extend(tombstone.sealed.as_bytes());
    bytes
}

impl Head {
    /// Reads the beginning of a value, which may be anything.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| -> Option<u64> {
            let bytes: [u8; 8] = bytes.get(at..at + 8)?.try_into().ok()?;
            Some(u64::from_le_bytes(bytes))
        };
        let small = |at: usize| -> Option<u32> {
            let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_le_bytes(bytes))
        };
        if *bytes.first()? != VERSION {
            return None;
        }
        let kind = match *bytes.get(1)? {
            b'S' => Kind::Session,
            b'P' => Kind::Prepared,
            b'F' => {
                let to: [u8; 32] = bytes.get(2..34)?.try_into().ok()?;
                let at = Timestamp::from_millis(number(34)?);
                let sealed = SealedId::from_bytes(bytes.get(SEALED..LONGEST_TOMBSTONE.min(bytes.len()))?);
                return Some(Self::Tombstone(Tombstone::new(StoreKey::from_bytes(to), at, sealed)));
            }
            _ => return None,
        };
        let absolute = number(50)?;
        let mut deadline = Record::new(Timestamp::default(), Duration::ZERO, None);
        deadline.set_stored_deadline((absolute != NO_DEADLINE).then_some(absolute));
        Some(Self::Session(Header {
            kind,
            revision: number(2)?,
            last_seen: Timestamp::from_millis(number(10)?),
            idle_timeout: Duration::from_millis(number(18)?),
            entries: small(26)?,
            bytes: small(30)?,
            tag: bytes.get(34..42)?.try_into().ok()?,
            created_at: Timestamp::from_millis(number(42)?),
            absolute_deadline: deadline.absolute_deadline,
            is_remembered: deadline.is_remembered,
            log: small(58)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Header {
        Header {
            kind: Kind::Session,
            revision: 0x0102_0304_0506_0708,
            last_seen: Timestamp::from_millis(2_000),
            idle_timeout: Duration::from_secs(60),
            entries: 2,
            bytes: 30,
            tag: *b"principl",
            created_at: Timestamp::from_millis(1_000),
            absolute_deadline: Some(Timestamp::from_millis(900_000)),
            is_remembered: false,
            log: 99,
        }
    }

    /// The bytes of version 1 for ever: a build that cannot read them logs everybody out.
    const VERSION_1: &[u8; LEN] = b"\x01S\x08\x07\x06\x05\x04\x03\x02\x01\xd0\x07\0\0\0\0\0\0\x60\xea\0\0\0\0\0\0\x02\0\0\0\x1e\0\0\0principl\xe8\x03\0\0\0\0\0\0\xa0\xbb\x0d\0\0\0\0\0\x63\0\0\0";

    #[test]
    fn version_1_is_written_and_read_as_recorded() {
        assert_eq!(&sample().encode(), VERSION_1);
        assert_eq!(Head::decode(VERSION_1), Some(Head::Session(sample())));
        let remembered = Header { is_remembered: true, ..sample() };
        let mut written = *VERSION_1;
        written[50..58].copy_from_slice(b"\xa0\xbb\x0d\0\0\0\x10\0");
        assert_eq!(remembered.encode(), written);
        assert_eq!(Head::decode(&written), Some(Head::Session(remembered)));
        let tombstone = |sealed: &[u8]| {
            let to = StoreKey::from_bytes([7; 32]);
            Tombstone::new(to, Timestamp::from_millis(5), SealedId::from_bytes(sealed))
        };
        let written = b"\x01F\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x05\0\0\0\0\0\0\0sealed";
        assert_eq!(encode_tombstone(&tombstone(b"sealed")), written);
        assert_eq!(Head::decode(written), Some(Head::Tombstone(tombstone(b"sealed"))));
        assert_eq!(Head::decode(&written[..SEALED]), Some(Head::Tombstone(tombstone(b""))));
    }

    #[test]
    fn every_cut_and_every_other_version_is_refused() {
        for len in 0..LEN {
            assert_eq!(Head::decode(&VERSION_1[..len]), None, "cut at {len}");
        }
        let mut later = *VERSION_1;
        later[0] = 2;
        assert_eq!(Head::decode(&later), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Head::decode(&bytes);
        }
    }
}
