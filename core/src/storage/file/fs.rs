//! Opens, reads, writes and removes files, and sets their times, without following links or waiting for pipes.

use std::{
    fs::File,
    os::{fd::AsFd, unix::fs::FileExt as _},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT},
    io::Errno,
};

use super::{
    error::{Doing, Result},
    stat::Stat,
};
use crate::Timestamp;

/// What is found under a name.
#[derive(Debug)]
pub(super) enum Opened {
    File(File, Stat),
    Absent,
    /// Something that is not from this storage: a link, a pipe, a folder, another user's file.
    Foreign,
}

/// Opens a file for reading if it is a regular file of this user. Never follows a link or waits for a pipe.
pub(super) fn open_own(folder: impl AsFd, name: &str) -> Result<Opened> {
    const DOING: &str = "opening a session file";
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let user = rustix::process::geteuid().as_raw();
    let file = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(Opened::Absent),
        // A link or a socket.
        Err(Errno::LOOP | Errno::NXIO) => return Ok(Opened::Foreign),
        // Another user's file is foreign. One of our own that cannot be read is an error, not absent.
        Err(error @ (Errno::ACCESS | Errno::PERM)) => {
            let stat = Stat::at(&folder, name.as_bytes()).doing(DOING)?;
            return if stat.is_own(user) { Err(error).doing(DOING) } else { Ok(Opened::Foreign) };
        }
        Err(error) => return Err(error).doing(DOING),
    };
    let stat = Stat::of(&file).doing(DOING)?;
    Ok(if stat.is_own(user) { Opened::File(file, stat) } else { Opened::Foreign })
}

/// Reads `length` bytes from `offset`, or fewer if the file ends before.
pub(super) fn read_at(file: &File, offset: u64, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).doing("reading a session file"),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Appends a frame to a file of `length` bytes, of which the caller holds the lock. If only a part of it fits, that is taken back:
/// half a frame is no frame to any reader.
pub(super) fn append(file: &File, length: u64, bytes: &[u8]) -> Result<()> {
    file.write_all_at(bytes, length)
        .inspect_err(|_| {
            // Otherwise the next writer finds a damaged end and replaces the file.
            let _ = file.set_len(length);
        })
        .doing("appending to a session file")
}

/// Removes a file. Returns whether it existed.
pub(super) fn unlink(folder: impl AsFd, name: &str) -> Result<bool> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error).doing("removing a session file"),
    }
}

/// Makes sure that nobody appends to this file any more, as far as that can be done: the next commit replaces it.
pub(super) fn forbid_appends(file: &File) {
    // The caller reports the error that led here.
    let _ = rustix::fs::fchmod(file, Mode::RUSR);
}

/// Makes sure that nobody appends to a file that is about to lose its name. Usually the file then has no name at all, and who
/// waits for its lock can see that. But a backup may have given it another one (`cp -l`), and then the mode shows it.
pub(super) fn retire(file: &File, stat: &Stat) -> Result<()> {
    if stat.links > 1 {
        rustix::fs::fchmod(file, Mode::RUSR).doing("making a linked session file read-only")?;
    }
    Ok(())
}

pub(super) fn set_modified(file: &File, at: Timestamp) -> Result<()> {
    let millis = at.as_millis();
    let time = Timespec {
        tv_sec: i64::try_from(millis / 1000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(millis % 1000 * 1_000_000).unwrap_or(0),
    };
    let times = Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification: time };
    rustix::fs::futimens(file, &times).doing("writing the time of a session file")
}
