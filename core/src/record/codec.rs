//! Encodes records as bytes.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    CodecError, Entries, Limits, Record,
    binary::{read, write},
    depth_of,
};
use crate::Timestamp;

/// Encodes records as bytes and decodes them. Storages that keep whole records take a codec, so the encoding can be replaced.
pub trait Codec: Send + Sync + fmt::Debug {
    /// Writes a record.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the record cannot be written.
    fn encode(&self, record: &Record) -> Result<Vec<u8>, CodecError>;

    /// Reads a record. The bytes may be damaged, cut short, from a later version, or hostile. It must not panic, and must not
    /// allocate out of proportion to `bytes`.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the bytes are not a record, or a record over `limits`.
    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Record, CodecError>;
}

/// The record format of gsession: a version byte, then bincode with JSON texts as values.
///
/// | bytes | what |
/// |---|---|
/// | 1 | version, now 1 |
/// | varint | created-at, milliseconds since the Unix epoch |
/// | varint | last-seen, milliseconds since the Unix epoch |
/// | varint | idle timeout in milliseconds |
/// | 1, varint | 0, or 1 and the absolute deadline; 2<sup>52</sup> is added if the session is remembered |
/// | 1, varint, n | 0, or 1 and the principal's length and UTF-8 text |
/// | varint | number of entries |
/// | for each: varint, n, varint, n | key length, key, value length, value (JSON), sorted by key |
///
/// Varints are bincode's: numbers up to 250 take one byte; 251, 252 and 253 precede 2, 4 and 8 little-endian bytes.
///
/// With the feature `bincode`, which is on by default, the crate bincode writes and reads it. Without the feature, this crate
/// writes and reads the same bytes itself, for users who must not depend on an unmaintained crate (RUSTSEC-2025-0141).
#[derive(Debug, Clone, Copy, Default)]
pub struct BincodeCodec;

const VERSION: u8 = 1;
type Head<'a> = (u64, u64, u64, Option<u64>, Option<&'a str>, u32);

impl Codec for BincodeCodec {
    fn encode(&self, record: &Record) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::with_capacity(64 + record.entries.text_bytes() + 4 * record.entries.len());
        bytes.push(VERSION);
        let idle = u64::try_from(record.idle_timeout.as_millis()).unwrap_or(u64::MAX);
        let head: Head<'_> = (
            record.created_at.as_millis(),
            record.last_seen.as_millis(),
            idle,
            record.stored_deadline(),
            record.principal.as_deref(),
            u32::try_from(record.entries.len()).map_err(|_| CodecError::TooLarge { reason: "entries" })?,
        );
        write(head, &mut bytes)?;
        for entry in record.entries.iter() {
            write(entry, &mut bytes)?;
        }
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Record, CodecError> {
        let (&version, rest) = bytes.split_first().ok_or(CodecError::Malformed { reason: "empty" })?;
        if version != VERSION {
            return Err(CodecError::Version { found: version, known: VERSION });
        }
        let (head, mut rest) = read::<Head<'_>>(rest)?;
        let (created_at, last_seen, idle, deadline, principal, count) = head;
        // An entry takes at least two bytes, so the size of the input limits the list.
        if count as usize > rest.len() / 2 {
            return Err(CodecError::Malformed { reason: "more entries than bytes" });
        }
        if count as usize > limits.max_entries {
            return Err(CodecError::TooLarge { reason: "entries" });
        }
        let mut list: Vec<(&str, &str)> = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let (entry, behind) = read::<(&str, &str)>(rest)?;
            if depth_of(entry.1.as_bytes()) > limits.max_depth {
                return Err(CodecError::TooLarge { reason: "nesting" });
            }
            list.push(entry);
            rest = behind;
        }
        if !rest.is_empty() {
            return Err(CodecError::Malformed { reason: "bytes after the end" });
        }
        if !list.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(CodecError::Malformed { reason: "keys out of order" });
        }
        let entries = Entries::pack_sorted(list.iter().copied()).ok_or(CodecError::TooLarge { reason: "bytes" })?;
        if entries.text_bytes() > limits.max_record_bytes {
            return Err(CodecError::TooLarge { reason: "bytes" });
        }
        let mut record = Record::new(Timestamp::from_millis(created_at), Duration::from_millis(idle), None);
        record.last_seen = Timestamp::from_millis(last_seen);
        record.set_stored_deadline(deadline);
        (record.principal, record.entries) = (principal.map(Arc::from), entries);
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Record {
        let mut record =
            Record::new(Timestamp::from_millis(1_000), Duration::from_secs(60), Some(Timestamp::from_millis(900_000)));
        record.last_seen = Timestamp::from_millis(2_000);
        record.principal = Some("ada".into());
        record.entries = Entries::pack([("cart", "[1,2]"), ("user", "\"ada\"")]).unwrap();
        record
    }

    /// The bytes of version 1. They never change: a build that cannot read them logs everybody out.
    const VERSION_1: &[u8] = b"\x01\xfb\xe8\x03\xfb\xd0\x07\xfb\x60\xea\x01\xfc\xa0\xbb\x0d\x00\x01\x03ada\x02\x04cart\x05[1,2]\x04user\x05\"ada\"";

    #[test]
    fn the_format_of_version_1_is_stable() {
        assert_eq!(BincodeCodec.encode(&sample()).unwrap(), VERSION_1);
        assert_eq!(BincodeCodec.decode(VERSION_1, &Limits::default()).unwrap(), sample());
    }

    #[test]
    fn a_remembered_session_differs_in_one_bit() {
        let mut remembered = sample();
        remembered.is_remembered = true;
        let bytes = BincodeCodec.encode(&remembered).unwrap();
        assert_eq!(bytes[..20], *b"\x01\xfb\xe8\x03\xfb\xd0\x07\xfb\x60\xea\x01\xfd\xa0\xbb\x0d\0\0\0\x10\0");
        assert_eq!(bytes[20..], VERSION_1[16..]);
        assert_eq!(BincodeCodec.decode(&bytes, &Limits::default()).unwrap(), remembered);
    }

    #[test]
    fn truncated_records_are_refused() {
        for len in 0..VERSION_1.len() {
            assert!(BincodeCodec.decode(&VERSION_1[..len], &Limits::default()).is_err(), "cut at {len}");
        }
        assert!(BincodeCodec.decode(&[VERSION_1, b"\0"].concat(), &Limits::default()).is_err());
    }

    #[test]
    fn a_future_version_is_named() {
        let error = BincodeCodec.decode(b"\x02whatever", &Limits::default()).unwrap_err();
        assert_eq!(error, CodecError::Version { found: 2, known: 1 });
    }

    #[test]
    fn a_huge_length_allocates_nothing() {
        // Declares 4 billion entries and has none.
        let bytes = b"\x01\x00\x00\x00\x00\x00\xfc\xff\xff\xff\xff";
        assert_eq!(
            BincodeCodec.decode(bytes, &Limits::default()),
            Err(CodecError::Malformed { reason: "more entries than bytes" })
        );
        // Declares a principal of 2^63 bytes.
        assert!(
            BincodeCodec
                .decode(b"\x01\x00\x00\x00\x00\x01\xfd\xff\xff\xff\xff\xff\xff\xff\x7f", &Limits::default())
                .is_err()
        );
    }

    #[test]
    fn records_over_the_limits_are_refused() {
        let limits = Limits::default();
        for limits in [limits.max_entries(1), limits.max_record_bytes(8), limits.max_depth(0)] {
            assert!(matches!(BincodeCodec.decode(VERSION_1, &limits), Err(CodecError::TooLarge { .. })));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = BincodeCodec.decode(&bytes, &Limits::default());
            let mut versioned = bytes;
            versioned.insert(0, VERSION);
            if let Ok(record) = BincodeCodec.decode(&versioned, &Limits::default()) {
                prop_assert_eq!(BincodeCodec.decode(&BincodeCodec.encode(&record).unwrap(), &Limits::default()), Ok(record));
            }
        }

        #[test]
        fn a_flipped_bit_never_panics(at in 0..VERSION_1.len(), bit in 0..8_u32) {
            let mut bytes = VERSION_1.to_vec();
            bytes[at] ^= 1_u8 << bit;
            let _ = BincodeCodec.decode(&bytes, &Limits::default());
        }
    }
}
