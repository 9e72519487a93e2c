//! Where a page of a scan ends, as text.

use sha2::{Digest as _, Sha256};

use crate::storage::{ScanCursor, StorageError};

/// Where a page ends. What a cursor of `SCAN` means depends on the process that gave it.
pub(super) struct Place {
    /// A part of the hash of the primaries' names.
    pub(super) nodes: String,
    /// How many of them are done, in the order of their names.
    pub(super) done: usize,
    /// Which process the next one was.
    pub(super) process: Option<String>,
    /// Its cursor: digits.
    pub(super) cursor: Vec<u8>,
}

impl Place {
    /// The beginning of a scan of these nodes.
    pub(super) fn first<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut hash = Sha256::new();
        for name in names {
            hash.update(name);
            hash.update([0]);
        }
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        let nodes = format!("{a:02x}{b:02x}{c:02x}{d:02x}");
        Self { nodes, done: 0, process: None, cursor: b"0".to_vec() }
    }

    pub(super) fn parse(cursor: &ScanCursor) -> Result<Self, StorageError> {
        let mut parts = cursor.as_str().split('.');
        let (Some(nodes), Some(done), Some(process), Some(cursor), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ScanCursor::not_mine());
        };
        let process = Some(process.to_owned()).filter(|process| !process.is_empty());
        match (done.parse(), cursor.parse::<u64>()) {
            (Ok(done), Ok(digits)) => {
                Ok(Self { nodes: nodes.to_owned(), done, process, cursor: digits.to_string().into_bytes() })
            }
            _ => Err(ScanCursor::not_mine()),
        }
    }

    pub(super) fn cursor(&self) -> Result<ScanCursor, StorageError> {
        let (process, digits) = (self.process.as_deref().unwrap_or_default(), String::from_utf8_lossy(&self.cursor));
        let text = format!("{}.{}.{process}.{digits}", self.nodes, self.done);
        text.parse().map_err(|_| ScanCursor::not_mine())
    }
}
