//! The bytes of a session file, as described in the module's documentation.

mod header;
mod log;
#[cfg(test)]
mod tests;

use std::time::Duration;

use rand::{TryRng as _, rngs::SysRng};

pub(super) use self::{
    header::{HEADER, MAGIC, decode_deadlines, is_tombstone},
    log::Log,
};
#[cfg(feature = "fuzzing")]
pub(super) use self::{
    header::{encode as frame, encode_1 as frame_1},
    log::with_payload,
};
use super::error::{FileError, Result};
use crate::{
    Codec, CodecError, Limits, Record, StoreKey, Timestamp,
    id::SealedId,
    storage::{TOMBSTONE_LIFETIME, Tombstone},
};
use header::{NO_DEADLINE, SALT, SESSION, TOMBSTONE, number};

/// The offset of the sealed id in the content of a tombstone.
const SEALED: usize = 40;

/// The content of a session file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Session(Record),
    /// The tombstone of a renewal: the session has moved to another key.
    Tombstone(Tombstone),
}

/// The content of a session file, and its log. A file of version 1 has none, and nothing is appended to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) content: Content,
    pub(super) log: Option<Log>,
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
    Record(#[from] CodecError),
}

/// Files store durations in milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The file of a session.
pub(super) fn encode_session(record: &Record, codec: &dyn Codec) -> Result<Vec<u8>> {
    let absolute = record.stored_deadline().unwrap_or(NO_DEADLINE);
    encode(SESSION, record.idle_timeout, absolute, &codec.encode(record)?)
}

/// The file that a renewal leaves under the old key.
pub(super) fn encode_tombstone(tombstone: &Tombstone) -> Result<Vec<u8>> {
    let Tombstone { to, at, sealed } = tombstone;
    let content = [to.as_bytes().as_slice(), &at.as_millis().to_le_bytes(), sealed.as_bytes()].concat();
    encode(TOMBSTONE, TOMBSTONE_LIFETIME, NO_DEADLINE, &content)
}

fn encode(kind: u8, idle_timeout: Duration, absolute: u64, content: &[u8]) -> Result<Vec<u8>> {
    let mut salt = [0; SALT];
    SysRng.try_fill_bytes(&mut salt).map_err(|_| FileError::Random)?;
    header::encode(kind, millis(idle_timeout), absolute, content, &salt)
        .ok_or_else(|| CodecError::TooLarge { reason: "bytes" }.into())
}

/// Reads a whole file. The time at which the session was last seen may be later than the record's: the file's own time says it.
pub(super) fn decode(bytes: &[u8], codec: &dyn Codec, limits: &Limits) -> std::result::Result<Decoded, Unreadable> {
    let head = header::decode(bytes)?;
    let content = head.content;
    if head.kind == TOMBSTONE {
        let to = content.first_chunk().copied().map(StoreKey::from_bytes);
        let at = number(content, 32).map(Timestamp::from_millis);
        let sealed = content.get(SEALED..).map(SealedId::from_bytes).unwrap_or_default();
        let (to, at) = to.zip(at).ok_or(Unreadable::Damaged)?;
        return Ok(Decoded { content: Content::Tombstone(Tombstone::new(to, at, sealed)), log: None });
    }
    let mut record = codec.decode(content, limits)?;
    head.deadlines.put_into(&mut record);
    let Some((sum, frames)) = head.log else { return Ok(Decoded { content: Content::Session(record), log: None }) };
    let begins = bytes.len() - frames.len();
    let (record, log) = Log { begins, ends: begins, sum }.replay(frames, record, limits)?;
    Ok(Decoded { content: Content::Session(record), log: Some(log) })
}
