//! The log of a session file: frames with the changes of one commit each.
//!
//! A checksum covers the one before, and the first covers that of the header, which covers 16 random bytes. So bytes that
//! another write left behind are never a frame, not even if a user chose them.

use super::header::{Sum, checksum, number};
use crate::{Changes, CodecError, Limits, Record, Timestamp, record::replay};

/// The bytes of a frame before its payload: its length, the time of the commit, the checksum.
pub(super) const FRAME: usize = 20;

/// Where the log of a file begins, where its last whole frame ends, and the checksum of that frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Log {
    pub(in super::super) begins: usize,
    pub(in super::super) ends: usize,
    pub(super) sum: Sum,
}

impl Log {
    /// The frame of a commit at the end of this log, and the log with it.
    pub(in super::super) fn frame(
        &self,
        changes: &Changes,
        last_seen: Timestamp,
    ) -> Result<(Vec<u8>, Self), CodecError> {
        let mut frame = vec![0; FRAME];
        encode_payload(changes, &mut frame)?;
        self.seal(frame, last_seen)
    }

    /// Fills in the first bytes of a frame, before its payload.
    fn seal(&self, mut frame: Vec<u8>, last_seen: Timestamp) -> Result<(Vec<u8>, Self), CodecError> {
        let too_large = |_| CodecError::TooLarge { reason: "changes" };
        let length = u32::try_from(frame.len() - FRAME).map_err(too_large)?;
        frame[..4].copy_from_slice(&length.to_le_bytes());
        frame[4..12].copy_from_slice(&last_seen.as_millis().to_le_bytes());
        let sum = checksum(&[&self.sum, &frame[..12], &frame[FRAME..]]);
        frame[12..FRAME].copy_from_slice(&sum);
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
        while let Some((last_seen, payload, sum)) = next_frame(&self.sum, rest) {
            record.last_seen = record.last_seen.max(last_seen);
            decode_payload(payload, &mut changes);
            let length = FRAME + payload.len();
            rest = rest.get(length..).unwrap_or_default();
            self = Self { begins: self.begins, ends: self.ends + length, sum };
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
    if let Ok((frame, _)) = log.seal([&[0; FRAME], payload].concat(), Timestamp::default()) {
        file.extend_from_slice(&frame);
    }
}

/// The first frame, if it is intact and follows the one with the checksum `after`: its time, its payload, its checksum.
fn next_frame<'a>(after: &Sum, bytes: &'a [u8]) -> Option<(Timestamp, &'a [u8], Sum)> {
    let (head, rest) = bytes.split_at_checked(FRAME)?;
    let length = u32::from_le_bytes(*head.first_chunk()?);
    let payload = rest.get(..usize::try_from(length).ok()?)?;
    let sum = checksum(&[after, &head[..12], payload]);
    (sum == head[12..]).then_some((Timestamp::from_millis(number(head, 4)?), payload, sum))
}

/// Appends the changes of a commit to a frame. This and [`decode_payload`] are all that knows what a payload is.
fn encode_payload(changes: &Changes, frame: &mut Vec<u8>) -> Result<(), CodecError> {
    if changes.is_empty() { Ok(()) } else { changes.encode(frame) }
}

/// Appends the changes in a payload to a log of changes.
fn decode_payload(payload: &[u8], changes: &mut Vec<u8>) {
    changes.extend_from_slice(payload);
}
