//! Errors of the file storage, and opening files without being led astray.

use std::{fs::File, io::Read as _, os::fd::AsFd};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat},
    io::Errno,
};

use crate::{
    CodecError,
    record::LimitExceeded,
    storage::{StorageError, StorageErrorKind},
};

/// What can go wrong with files.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("{doing}: {source}")]
    Io { doing: &'static str, source: Errno },
    #[error("{doing}: {source}")]
    Std { doing: &'static str, source: std::io::Error },
    #[error("{0}")]
    Setup(String),
    #[error("another process holds the lock of the folder")]
    Locked,
    #[error("writing a record: {0}")]
    Codec(#[from] CodecError),
    #[error("{0}")]
    Limit(#[from] LimitExceeded),
}

pub(super) type Result<T> = std::result::Result<T, FileError>;

impl From<FileError> for StorageError {
    fn from(error: FileError) -> Self {
        let (kind, doing) = match &error {
            FileError::Io { doing, source } => (kind_of(source.raw_os_error()), *doing),
            FileError::Std { doing, source } => {
                (source.raw_os_error().map_or(StorageErrorKind::Unavailable, kind_of), *doing)
            }
            FileError::Setup(_) => (StorageErrorKind::Setup, "opening the session folder"),
            FileError::Locked => (StorageErrorKind::Timeout, "waiting for the lock of a session folder"),
            FileError::Codec(_) => (StorageErrorKind::Other, "writing a session file"),
            FileError::Limit(limit) => return Self::limit(*limit, "writing a session file"),
        };
        Self::new(kind, doing).with_source(error)
    }
}

fn kind_of(errno: i32) -> StorageErrorKind {
    match Errno::from_raw_os_error(errno) {
        // A file over the process's size limit is a small disk, seen from here.
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => StorageErrorKind::Full,
        _ => StorageErrorKind::Unavailable,
    }
}

pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T>;
}

impl<T> Doing<T> for rustix::io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|source| FileError::Io { doing, source })
    }
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|source| FileError::Std { doing, source })
    }
}

/// What stands under a name.
#[derive(Debug)]
pub(super) enum Opened {
    File(File),
    Absent,
    /// Something that this storage did not put there: a link, a pipe, a folder, another user's file.
    Foreign,
}

/// Opens a file for reading, if it is a plain file of this user. Follows no link and waits for no pipe.
pub(super) fn open_own(folder: impl AsFd, name: &str) -> Result<Opened> {
    const DOING: &str = "opening a session file";
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(Opened::Absent),
        // A link; a socket.
        Err(Errno::LOOP | Errno::NXIO) => return Ok(Opened::Foreign),
        // Another user's file; one of our own that cannot be read is broken, not absent.
        Err(error @ (Errno::ACCESS | Errno::PERM)) => {
            let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).doing(DOING)?;
            return if is_own(&stat) { Err(error).doing(DOING) } else { Ok(Opened::Foreign) };
        }
        Err(error) => return Err(error).doing(DOING),
    };
    let stat = rustix::fs::fstat(&file).doing(DOING)?;
    Ok(if is_own(&stat) { Opened::File(file.into()) } else { Opened::Foreign })
}

fn is_own(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_uid == rustix::process::geteuid().as_raw()
}

/// Reads a file, but no more than `limit` bytes of it; `None` if there is more.
pub(super) fn read_bounded(file: &mut File, limit: u64) -> Result<Option<Vec<u8>>> {
    const DOING: &str = "reading a session file";
    let len = file.metadata().doing(DOING)?.len();
    if len > limit {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1);
    file.take(limit + 1).read_to_end(&mut bytes).doing(DOING)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Removes a name; whether it was there.
pub(super) fn unlink(folder: impl AsFd, name: &str) -> Result<bool> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error).doing("removing a session file"),
    }
}
