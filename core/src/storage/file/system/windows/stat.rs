//! What the file system says of a file.

use std::{
    fs::File,
    io::{self, ErrorKind},
    time::Duration,
};

use super::{Dir, FILE_ATTRIBUTE_READONLY};
use crate::Timestamp;

/// A time of Windows is a number of 100 ns since 1601; 1970 is this many milliseconds later.
const UNIX_EPOCH: u64 = 11_644_473_600_000;
const PER_MILLI: u64 = 10_000;

/// Which file it is, as far as Windows says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage::file) struct FileId {
    volume: u64,
    index: u64,
}

/// All users of the session folder are one: its access list keeps others out.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage::file) struct User;

impl User {
    pub(in crate::storage::file) const fn current() -> Self {
        Self
    }
}

/// What the file system says of a file.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage::file) struct Stat {
    pub(in crate::storage::file) id: Option<FileId>,
    pub(in crate::storage::file) length: u64,
    /// Under how many names it is known.
    pub(in crate::storage::file) links: u64,
    is_file: bool,
    is_writable: bool,
    /// 100 ns since 1601.
    modified: u64,
}

impl Stat {
    /// Of an open file.
    pub(in crate::storage::file) fn of(file: &File) -> io::Result<Self> {
        let told = winapi_util::file::information(file)?;
        Ok(Self {
            id: Some(FileId { volume: told.volume_serial_number(), index: told.file_index() }),
            length: told.file_size(),
            links: told.number_of_links(),
            is_file: file.metadata()?.is_file(),
            is_writable: told.file_attributes() & FILE_ATTRIBUTE_READONLY == 0,
            modified: told.last_write_time().unwrap_or_default(),
        })
    }

    /// Of the file under a name. Nobody asks: no file is distinct, so no session is kept in memory to be compared with its file.
    pub(in crate::storage::file) fn at(_folder: &Dir, _path: &[u8]) -> io::Result<Self> {
        Err(ErrorKind::Unsupported.into())
    }

    /// Whether it is a regular file.
    pub(in crate::storage::file) const fn is_own(&self, _user: User) -> bool {
        self.is_file
    }

    /// Whether it may be written to. A file that must not be appended to is made read-only.
    pub(in crate::storage::file) const fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Whether the session was removed, and only the file's name is still there.
    pub(in crate::storage::file) const fn is_emptied(&self) -> bool {
        self.length == 0
    }

    /// The modification time, set by a storage or by the system.
    pub(in crate::storage::file) const fn modified(&self) -> Timestamp {
        Timestamp::from_millis((self.modified / PER_MILLI).saturating_sub(UNIX_EPOCH))
    }

    /// The modification time that a storage has set: whole milliseconds. While a frame is being appended the file may have the
    /// system's time, which has more digits.
    pub(in crate::storage::file) fn set_time(&self) -> Option<Timestamp> {
        self.modified.is_multiple_of(PER_MILLI).then(|| self.modified())
    }

    /// Not known: Windows gives a new file the time of birth of the one that had its name before.
    pub(in crate::storage::file) const fn age(&self) -> Option<Duration> {
        None
    }

    /// Whether every file created from now on has another id. ReFS has longer numbers than Windows tells programs in this way.
    pub(in crate::storage::file) const fn is_distinct(&self) -> bool {
        false
    }
}
