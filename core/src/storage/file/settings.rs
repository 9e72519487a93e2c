//! The settings that the operations on files need.

use std::{sync::Arc, time::Duration};

use super::{error::Result, format};
use crate::{Codec, LimitExceeded, Limits, Record, StoreKey};

/// Bytes of a file beyond its entries: header, times, principal.
const OVERHEAD: u64 = 64 * 1024;
/// The most bytes that the lengths of one entry take.
const OVERHEAD_OF_ENTRY: u64 = 10;
/// A file takes whole blocks of the disk.
const BLOCK: usize = 4096;
/// The least room for a log.
const SHORTEST: usize = 1024;

/// What a write waits for before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Until the operating system has the data. It survives the end of the process, but not a power failure, which loses the
    /// last seconds of activity. The default, as in most session storages.
    #[default]
    None,
    /// Until the disk has the data: `fdatasync` for a commit that appends to the session's file; `fsync` of the file and of its
    /// folder for one that replaces it. If that fails, the commit is an error, and whether the session has the changes is open.
    Commit,
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) durability: Durability,
    pub(super) limits: Limits,
    pub(super) codec: Arc<dyn Codec>,
    /// Whether changes may be appended as they are. A codec of the application, which may encrypt, has to see all that is stored.
    pub(super) appends: bool,
}

/// How long a file may become whose log begins at this offset. Usually that is the block that it takes anyway; the log of a larger
/// file may be a quarter of the rest, so that rewriting it costs little for each commit.
const fn room(log_begins: usize) -> usize {
    let quarter = log_begins / 4;
    let log = if quarter > SHORTEST { quarter } else { SHORTEST };
    (log_begins + log).next_multiple_of(BLOCK)
}

/// How long the file of this session may become before it is rewritten. The log is shorter by up to a quarter, so that sessions
/// that are written alike are not rewritten at the same time.
fn room_of(key: &StoreKey, log_begins: usize) -> usize {
    let room = room(log_begins);
    room - (room - log_begins) * usize::from(key.as_bytes()[30]) / 1024
}

/// How long the log of a busy session may become. Where many files are created and removed, ext4 takes ever longer to do so.
const BUSY_LOG: usize = 4 * BLOCK;
/// A file that is full at this age is that of a busy session.
const BUSY: Duration = Duration::from_secs(10);
/// A change of up to this many bytes is short.
const SHORT: usize = 512;

/// How long the file may become by a change of so many bytes, if its age is known.
pub(super) fn room_for(key: &StoreKey, log_begins: usize, age: Option<Duration>, change: usize) -> usize {
    let room = room_of(key, log_begins);
    let is_busy = change <= SHORT && age.is_some_and(|age| age < BUSY);
    if is_busy { room.max(log_begins + BUSY_LOG) } else { room }
}

impl Settings {
    /// The largest file without a log.
    fn max_rewritten_bytes(&self) -> u64 {
        let entries = self.limits.max_entries as u64;
        self.limits.max_record_bytes as u64 + OVERHEAD + entries.saturating_mul(OVERHEAD_OF_ENTRY)
    }

    /// The largest file that is read, and therefore the largest that is written.
    pub(super) fn max_file_bytes(&self) -> u64 {
        room(usize::try_from(self.max_rewritten_bytes()).unwrap_or(usize::MAX / 4)) as u64
    }

    /// The file of a session.
    pub(super) fn encode(&self, record: &Record) -> Result<Vec<u8>> {
        self.limits.check_record(record)?;
        let bytes = format::encode_session(record, &*self.codec)?;
        let most = self.max_rewritten_bytes();
        if bytes.len() as u64 > most {
            let limit = usize::try_from(most).unwrap_or(usize::MAX);
            return Err(LimitExceeded::Record { limit, actual: bytes.len() }.into());
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_a_small_session_fills_its_block_and_that_of_a_large_one_is_a_quarter() {
        assert_eq!([room(56), room(3072)], [4096, 4096]);
        assert_eq!([room(3073), room(4096), room(7168)], [8192, 8192, 12288]);
        assert_eq!(room(100_000), 126_976);
    }

    #[test]
    fn a_busy_session_has_a_longer_log_of_short_changes() {
        let room =
            |age: u64, change| room_for(&StoreKey::from_bytes([0; 32]), 100, Some(Duration::from_secs(age)), change);
        assert_eq!([room(9, 512), room(10, 512), room(9, 513)], [100 + 16_384, 4_096, 4_096]);
        assert_eq!(room_for(&StoreKey::from_bytes([0; 32]), 100, None, 1), 4_096);
    }

    #[test]
    fn the_room_is_less_by_up_to_a_quarter_of_the_log() {
        let rooms = |last| [1_000, 100_000].map(|begins| room_of(&StoreKey::from_bytes([last; 32]), begins));
        assert_eq!(rooms(0), [room(1_000), room(100_000)]);
        assert_eq!(rooms(255), [4_096 - 3_096 * 255 / 1024, 126_976 - 26_976 * 255 / 1024]);
    }
}
