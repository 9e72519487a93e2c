//! The log of a session file: frames with the changes of one commit each.
//!
//! A checksum covers the one before, and the first covers that of the header, which covers 16 random bytes. So bytes that
//! another write left behind are never a frame, not even if a user chose them.

use super::header::{Sum, checksum, number};
use crate::{Changes, CodecError, Limits, Record, Timestamp, record::replay};

/// The bytes at the beginning of every frame: its length, and its checksum.
pub(super) const FRAME: usize = 12;
/// In the length: the time at which the session was last seen comes first.
const HAS_TIME: u32 = 1 << 31;

/// Where the log of a file begins, where its last whole frame ends, and the checksum of that frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Log {
    pub(in super::super) begins: usize,
    pub(in super::super) ends: usize,
    pub(super) sum: Sum,
}

/// A frame, without its checksum.
struct Frame<'a> {
    last_seen: Option<Timestamp>,
    payload: &'a [u8],
    bytes: usize,
}

impl Log {
    /// The frame of a commit at the end of this log, and the log with it. `last_seen` is the time of the commit, if that is later
    /// than what the log knows.
    pub(in super::super) fn frame(
        &self,
        changes: &Changes,
        last_seen: Option<Timestamp>,
    ) -> Result<(Vec<u8>, Self), CodecError> {
        let mut frame = vec![0; FRAME];
        if let Some(time) = last_seen {
            frame.extend_from_slice(&time.as_millis().to_le_bytes());
        }
        encode_payload(changes, &mut frame)?;
        self.seal(frame, last_seen.is_some())
    }

    /// Fills in the first bytes of a frame.
    fn seal(&self, mut frame: Vec<u8>, has_time: bool) -> Result<(Vec<u8>, Self), CodecError> {
        let length = u32::try_from(frame.len() - FRAME).ok().filter(|length| *length < HAS_TIME);
        let length = length.ok_or(CodecError::TooLarge { reason: "changes" })?;
        let length = if has_time { length | HAS_TIME } else { length };
        frame[..4].copy_from_slice(&length.to_le_bytes());
        let sum = checksum(&[&self.sum, &frame[..4], &frame[FRAME..]]);
        frame[4..FRAME].copy_from_slice(&sum);
        let log = Self { begins: self.begins, ends: self.ends + frame.len(), sum };
        Ok((frame, log))
    }

    /// Applies the frames at the beginning of `bytes`, which follow this log, to the record as of this log. Frames end where
    /// the first one is damaged or cut short.
    pub(in super::super) fn replay(
        mut self,
        bytes: &[u8],
        mut record: Record,
        limits: &Limits,
    ) -> Result<(Record, Self), CodecError> {
        let (mut rest, mut changes) = (bytes, Vec::new());
        while let Some((frame, sum)) = next_frame(&self.sum, rest) {
            record.last_seen = record.last_seen.max(frame.last_seen.unwrap_or_default());
            decode_payload(frame.payload, &mut changes);
            rest = rest.get(frame.bytes..).unwrap_or_default();
            self = Self { begins: self.begins, ends: self.ends + frame.bytes, sum };
        }
        let (entries, principal) = replay(&changes, &record.entries, record.principal.take(), limits)?;
        Ok((Record { entries, principal, ..record }, self))
    }
}

/// Adds a frame with any payload to a file that has none yet.
#[cfg(any(test, feature = "fuzzing"))]
pub(in super::super) fn with_payload(file: &mut Vec<u8>, payload: &[u8]) {
    let sum = *file[super::HEADER - 8..].first_chunk().unwrap_or(&[0; 8]);
    let log = Log { begins: file.len(), ends: file.len(), sum };
    if let Ok((frame, _)) = log.seal([&[0; FRAME], payload].concat(), false) {
        file.extend_from_slice(&frame);
    }
}

/// The first frame, if it is intact and follows the one with the checksum `after`; and its checksum.
fn next_frame<'a>(after: &Sum, bytes: &'a [u8]) -> Option<(Frame<'a>, Sum)> {
    let (head, rest) = bytes.split_at_checked(FRAME)?;
    let length = u32::from_le_bytes(*head.first_chunk()?);
    let payload = rest.get(..usize::try_from(length & !HAS_TIME).ok()?)?;
    let sum = checksum(&[after, &head[..4], payload]);
    if sum != head[4..] {
        return None;
    }
    let bytes = FRAME + payload.len();
    if length & HAS_TIME == 0 {
        return Some((Frame { last_seen: None, payload, bytes }, sum));
    }
    let last_seen = Some(Timestamp::from_millis(number(payload, 0)?));
    Some((Frame { last_seen, payload: payload.get(8..)?, bytes }, sum))
}

/// Appends the changes of a commit to a frame. This and [`decode_payload`] are all that knows what a payload is.
fn encode_payload(changes: &Changes, frame: &mut Vec<u8>) -> Result<(), CodecError> {
    if changes.is_empty() { Ok(()) } else { changes.encode(frame) }
}

/// Appends the changes in a payload to a log of changes.
fn decode_payload(payload: &[u8], changes: &mut Vec<u8>) {
    changes.extend_from_slice(payload);
}
