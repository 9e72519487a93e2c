//! The errors of the file storage, and how they become a [`StorageError`].

use std::io::{Error, ErrorKind};

use crate::{
    CodecError,
    record::LimitExceeded,
    storage::{StorageError, StorageErrorKind},
};

/// What can go wrong with files.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("{doing}: {source}")]
    Io { doing: &'static str, source: Error },
    #[error("{0}")]
    Setup(String),
    #[error("another process holds the lock of the folder or of the session's file")]
    Locked,
    #[error("the operating system's random numbers are not available")]
    Random,
    #[error("writing a record: {0}")]
    Codec(#[from] CodecError),
    #[error("{0}")]
    Limit(#[from] LimitExceeded),
}

pub(super) type Result<T> = std::result::Result<T, FileError>;

impl From<FileError> for StorageError {
    fn from(error: FileError) -> Self {
        let (kind, doing) = match &error {
            FileError::Io { doing, source } => (kind_of(source.kind()), *doing),
            FileError::Setup(_) => (StorageErrorKind::Setup, "opening the session folder"),
            FileError::Locked => (StorageErrorKind::Timeout, "waiting for the lock of a session folder"),
            FileError::Random => (StorageErrorKind::Unavailable, "writing a session file"),
            FileError::Codec(_) => (StorageErrorKind::Other, "writing a session file"),
            FileError::Limit(limit) => return Self::limit(*limit, "writing a session file"),
        };
        Self::new(kind, doing).with_source(error)
    }
}

const fn kind_of(kind: ErrorKind) -> StorageErrorKind {
    match kind {
        // A file over the process's size limit is like a full disk.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StorageErrorKind::Full,
        _ => StorageErrorKind::Unavailable,
    }
}

pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T>;
}

impl<T, E: Into<Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|source| FileError::Io { doing, source: source.into() })
    }
}
