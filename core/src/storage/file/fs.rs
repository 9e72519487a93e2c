//! Reads, appends to and dates open files.

use std::{fs::File, io::ErrorKind};

use super::{
    error::{Doing as _, Result},
    system::{read_at, write_all_at},
};
use crate::Timestamp;

/// Reads `length` bytes from `offset`, or fewer if the file ends before.
pub(super) fn read(file: &File, offset: u64, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match read_at(file, rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).doing("reading a session file"),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Appends a frame to a file of `length` bytes, of which the caller holds the lock. If only a part of it fits, that is taken back:
/// half a frame is no frame to any reader.
pub(super) fn append(file: &File, length: u64, bytes: &[u8]) -> Result<()> {
    write_all_at(file, bytes, length)
        .inspect_err(|_| {
            // Otherwise the next writer finds a damaged end and replaces the file.
            let _ = file.set_len(length);
        })
        .doing("appending to a session file")
}

/// Sets the time of a file. A time that the system has no number for is not set: the session's record has it too.
pub(super) fn set_modified(file: &File, at: Timestamp) -> Result<()> {
    match at.to_system_time() {
        Some(time) => file.set_modified(time).doing("writing the time of a session file"),
        None => Ok(()),
    }
}
