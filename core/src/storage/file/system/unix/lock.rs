//! Locks of files, and the files of a sub-folder that are only made once.

use std::fs::File;

use rustix::{
    fs::{AtFlags, FlockOperation, Mode, OFlags},
    io::Errno,
};

use super::{Dir, FILE, PRIVATE_FILE};

/// Opens a file of a sub-folder for reading and writing, and says whether it was missing and had to be created.
pub(in crate::storage::file) fn open_or_create(sub: &Dir, name: &str) -> std::io::Result<(File, bool)> {
    let flags = FILE | OFlags::RDWR;
    match rustix::fs::openat(sub, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => {}
        opened => return Ok((opened?.into(), false)),
    }
    match rustix::fs::openat(sub, name, flags | OFlags::CREATE | OFlags::EXCL, PRIVATE_FILE) {
        Ok(file) => {
            let file = File::from(file);
            // The umask may have removed bits that other processes need to open it.
            rustix::fs::fchmod(&file, PRIVATE_FILE).inspect_err(|_| discard(sub, name, &file))?;
            Ok((file, true))
        }
        // Another process was faster.
        Err(Errno::EXIST) => Ok((rustix::fs::openat(sub, name, flags, Mode::empty())?.into(), false)),
        Err(error) => Err(error.into()),
    }
}

/// Removes a lock file that others may be unable to open. Only while locked, because a process with the lock relies on the file.
fn discard(sub: &Dir, name: &str, file: &File) {
    if try_lock(file).unwrap_or(false) {
        // The caller reports the error that led here.
        let _ = rustix::fs::unlinkat(sub, name, AtFlags::empty());
    }
}

/// Locks a file until it is closed, unless somebody else has. Not by std, which has no locks on some systems that have these.
pub(in crate::storage::file) fn try_lock(file: &File) -> std::io::Result<bool> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub(in crate::storage::file) fn unlock(file: &File) -> std::io::Result<()> {
    Ok(rustix::fs::flock(file, FlockOperation::Unlock)?)
}

/// Whether a file has lost its name, so that locking it locks nobody out.
pub(in crate::storage::file) fn is_removed(file: &File) -> std::io::Result<bool> {
    Ok(rustix::fs::fstat(file)?.st_nlink == 0)
}
