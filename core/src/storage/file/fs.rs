//! Opens, reads and removes files, and sets their times, without following links or waiting for pipes.

use std::{fs::File, io::Read as _, os::fd::AsFd, time::SystemTime};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_OMIT},
    io::Errno,
};

use super::error::{Doing, Result};
use crate::Timestamp;

/// What is found under a name.
#[derive(Debug)]
pub(super) enum Opened {
    File(File),
    Absent,
    /// Something that is not from this storage: a link, a pipe, a folder, another user's file.
    Foreign,
}

/// Opens a file for reading if it is a regular file of this user. Never follows a link or waits for a pipe.
pub(super) fn open_own(folder: impl AsFd, name: &str) -> Result<Opened> {
    const DOING: &str = "opening a session file";
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(Opened::Absent),
        // A link or a socket.
        Err(Errno::LOOP | Errno::NXIO) => return Ok(Opened::Foreign),
        // Another user's file is foreign. One of our own that cannot be read is an error, not absent.
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

/// Reads a file of at most `limit` bytes; `None` if it is larger.
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

/// Removes a file. Returns whether it existed.
pub(super) fn unlink(folder: impl AsFd, name: &str) -> Result<bool> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error).doing("removing a session file"),
    }
}

pub(super) fn modified(file: &File) -> Result<Timestamp> {
    let time: SystemTime =
        file.metadata().and_then(|data| data.modified()).doing("reading the time of a session file")?;
    Ok(time.into())
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
