//! The settings that the operations on files need.

use std::sync::Arc;

use super::{error::Result, format};
use crate::{Codec, LimitExceeded, Limits, Record};

/// Bytes that a file may have beyond the texts of its record and what each entry adds: header, times, principal.
const OVERHEAD: u64 = 64 * 1024;
/// Bytes that the lengths of one entry take at most.
const OVERHEAD_OF_ENTRY: u64 = 10;

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// For the operating system to have it: survives the end of the process, not a power failure. The default, as for most
    /// session storages: what a power failure loses is the last seconds of activity.
    #[default]
    None,
    /// For the disk to have it (`fsync` of the file and of its folder), before the commit is answered.
    Commit,
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) durability: Durability,
    pub(super) limits: Limits,
    pub(super) codec: Arc<dyn Codec>,
}

impl Settings {
    /// The largest file that is read, and so the largest that is written.
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
