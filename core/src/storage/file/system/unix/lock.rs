//! The lock file of a sub-folder.

use std::fs::File;

use rustix::{
    fs::{AtFlags, Mode, OFlags},
    io::Errno,
};

use super::{Dir, FILE, PRIVATE_FILE};

/// Opens the lock file of a sub-folder, which is created if it is missing.
pub(in crate::storage::file) fn open_lock(sub: &Dir, name: &str) -> std::io::Result<File> {
    let flags = FILE | OFlags::RDWR;
    match rustix::fs::openat(sub, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => {}
        opened => return Ok(opened?.into()),
    }
    match rustix::fs::openat(sub, name, flags | OFlags::CREATE | OFlags::EXCL, PRIVATE_FILE) {
        Ok(file) => {
            let file = File::from(file);
            // The umask may have removed bits that other processes need to open it.
            rustix::fs::fchmod(&file, PRIVATE_FILE).inspect_err(|_| discard(sub, name, &file))?;
            Ok(file)
        }
        // Another process was faster.
        Err(Errno::EXIST) => Ok(rustix::fs::openat(sub, name, flags, Mode::empty())?.into()),
        Err(error) => Err(error.into()),
    }
}

/// Removes a lock file that others may be unable to open. Only while locked, because a process with the lock relies on the file.
fn discard(sub: &Dir, name: &str, file: &File) {
    if file.try_lock().is_ok() {
        // The caller reports the error that led here.
        let _ = rustix::fs::unlinkat(sub, name, AtFlags::empty());
    }
}

/// Whether a file has lost its name, so that locking it locks nobody out.
pub(in crate::storage::file) fn is_removed(file: &File) -> std::io::Result<bool> {
    Ok(rustix::fs::fstat(file)?.st_nlink == 0)
}
