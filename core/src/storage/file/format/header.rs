//! The header of a session file, in both versions.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Unreadable;
use crate::{Record, Timestamp};

pub(in super::super) const MAGIC: &[u8; 4] = b"GSES";
/// The longest header: that of version 2. That of version 1 ends at byte 32.
pub(in super::super) const HEADER: usize = 56;

const HEADER_1: usize = 32;
/// The number of random bytes in a header.
pub(super) const SALT: usize = 16;
const CHECKSUM: usize = HEADER - 8;

pub(super) const SESSION: u8 = 1;
pub(super) const TOMBSTONE: u8 = 2;

/// A checksum: the first 8 bytes of a SHA-256.
pub(in super::super) type Sum = [u8; 8];

/// The absolute deadline of a session without one.
pub(super) const NO_DEADLINE: u64 = 0;

/// The part of the header that says when a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Deadlines {
    idle_timeout: Duration,
    /// As [`Record::stored_deadline`].
    absolute: Option<u64>,
}

impl Deadlines {
    /// Whether a session last used at `last_seen` is over at `now`. `idle_timeout` replaces the stored one, unless the session is
    /// remembered.
    pub(in super::super) fn are_over(
        &self,
        idle_timeout: Option<Duration>,
        last_seen: Timestamp,
        now: Timestamp,
    ) -> bool {
        let mut record = Record::new(last_seen, self.idle_timeout, None);
        self.put_into(&mut record);
        if let Some(idle_timeout) = idle_timeout
            && !record.is_remembered
        {
            record.idle_timeout = idle_timeout;
        }
        record.is_expired(now)
    }

    /// Gives a record these deadlines.
    pub(super) fn put_into(&self, record: &mut Record) {
        record.idle_timeout = self.idle_timeout;
        record.set_stored_deadline(self.absolute);
    }
}

/// A header whose checksum is right, and what follows it.
pub(super) struct Head<'a> {
    pub(super) kind: u8,
    pub(super) deadlines: Deadlines,
    pub(super) content: &'a [u8],
    /// The checksum, and the bytes behind the content. Version 1 has none.
    pub(super) log: Option<(Sum, &'a [u8])>,
}

pub(super) fn checksum(parts: &[&[u8]]) -> Sum {
    let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize();
    std::array::from_fn(|i| hash[i])
}

pub(super) fn number(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// Reads the deadlines from the beginning of a file, unchecked.
pub(in super::super) fn decode_deadlines(header: &[u8]) -> Result<Deadlines, Unreadable> {
    if header.get(..MAGIC.len()) != Some(MAGIC.as_slice()) {
        return Err(Unreadable::NotOurs);
    }
    let kind = header.get(5).copied().unwrap_or_default();
    if !matches!(version(header), Some(1 | 2)) || !(SESSION..=TOMBSTONE).contains(&kind) {
        return Err(Unreadable::Unknown);
    }
    let (Some(idle), Some(absolute)) = (number(header, 8), number(header, 16)) else { return Err(Unreadable::Damaged) };
    Ok(Deadlines { idle_timeout: Duration::from_millis(idle), absolute: (absolute != NO_DEADLINE).then_some(absolute) })
}

/// The version of a file that begins with [`MAGIC`].
pub(super) fn version(header: &[u8]) -> Option<u8> {
    header.get(4).copied()
}

/// Whether a file of any version is a tombstone, unchecked.
pub(in super::super) fn is_tombstone(header: &[u8]) -> bool {
    decode_deadlines(header).is_ok() && header.get(5) == Some(&TOMBSTONE)
}

/// Reads the header and checks it and the content.
pub(super) fn decode(bytes: &[u8]) -> Result<Head<'_>, Unreadable> {
    let deadlines = decode_deadlines(bytes)?;
    let kind = bytes.get(5).copied().unwrap_or_default();
    let head = if version(bytes) == Some(1) { decode_1(bytes) } else { decode_2(bytes) };
    let (content, log) = head.ok_or(Unreadable::Damaged)?;
    Ok(Head { kind, deadlines, content, log })
}

type Checked<'a> = (&'a [u8], Option<(Sum, &'a [u8])>);

fn decode_1(bytes: &[u8]) -> Option<Checked<'_>> {
    let (head, sum, content) = (bytes.get(..24)?, bytes.get(24..HEADER_1)?, bytes.get(HEADER_1..)?);
    (checksum(&[head, content]) == sum).then_some((content, None))
}

fn decode_2(bytes: &[u8]) -> Option<Checked<'_>> {
    let (head, rest) = (bytes.get(..CHECKSUM)?, bytes.get(HEADER..)?);
    let sum: Sum = *bytes.get(CHECKSUM..)?.first_chunk()?;
    let length = u32::from_le_bytes(*bytes.get(24..)?.first_chunk()?);
    let (content, log) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    (checksum(&[head, content]) == sum).then_some((content, Some((sum, log))))
}

/// A file of version 2 without frames; `None` if the content is 4 GiB or more.
pub(in super::super) fn encode(
    kind: u8,
    idle_timeout: u64,
    absolute: u64,
    content: &[u8],
    salt: &[u8; SALT],
) -> Option<Vec<u8>> {
    let length = u32::try_from(content.len()).ok()?;
    let mut bytes = Vec::with_capacity(HEADER + content.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[2, kind, 0, 0]);
    bytes.extend_from_slice(&idle_timeout.to_le_bytes());
    bytes.extend_from_slice(&absolute.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(salt);
    let sum = checksum(&[&bytes, content]);
    bytes.extend_from_slice(&sum);
    bytes.extend_from_slice(content);
    Some(bytes)
}

/// A file of version 1, as earlier builds wrote it.
#[cfg(any(test, feature = "fuzzing"))]
pub(in super::super) fn encode_1(kind: u8, idle_timeout: u64, absolute: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = [MAGIC.as_slice(), &[1, kind, 0, 0]].concat();
    bytes.extend_from_slice(&idle_timeout.to_le_bytes());
    bytes.extend_from_slice(&absolute.to_le_bytes());
    let sum = checksum(&[&bytes, content]);
    bytes.extend_from_slice(&sum);
    bytes.extend_from_slice(content);
    bytes
}
