//! The settings that the operations on files need.

use std::sync::Arc;

use super::{error::Result, format};
use crate::{Codec, LimitExceeded, Limits, Record};

/// Bytes of a file beyond its entries: header, times, principal.
const OVERHEAD: u64 = 64 * 1024;
/// The most bytes that the lengths of one entry take.
const OVERHEAD_OF_ENTRY: u64 = 10;

/// What a write waits for before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Until the operating system has the data. It survives the end of the process, but not a power failure, which loses the
    /// last seconds of activity. The default, as in most session storages.
    #[default]
    None,
    /// Until the disk has the data (`fsync` of the file and of its folder).
    Commit,
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) durability: Durability,
    pub(super) limits: Limits,
    pub(super) codec: Arc<dyn Codec>,
}

impl Settings {
    /// The largest file that is read, and therefore the largest that is written.
    pub(super) fn max_file_bytes(&self) -> u64 {
        let entries = self.limits.max_entries as u64;
        self.limits.max_record_bytes as u64 + OVERHEAD + entries.saturating_mul(OVERHEAD_OF_ENTRY)
    }

    /// The file of a session.
    pub(super) fn encode(&self, record: &Record) -> Result<Vec<u8>> {
        self.limits.check_record(record)?;
        let bytes = format::encode_session(record, &*self.codec)?;
        let most = self.max_file_bytes();
        if bytes.len() as u64 > most {
            let limit = usize::try_from(most).unwrap_or(usize::MAX);
            return Err(LimitExceeded::Record { limit, actual: bytes.len() }.into());
        }
        Ok(bytes)
    }
}
