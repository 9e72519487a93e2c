//! Locks the sub-folders, so that each has one writer at a time among all threads and processes.

use std::{
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use rustix::{
    fs::{AtFlags, FlockOperation, Mode, OFlags},
    io::Errno,
};

use super::error::{Doing, FileError, Result};

const NAME: &str = "lock";
const DOING: &str = "locking a session folder";

/// The locks of the 256 sub-folders.
#[derive(Debug)]
pub(super) struct Locks {
    /// A thread first waits here for the other threads of its process, and then for other processes.
    threads: Box<[Mutex<()>]>,
    timeout: Duration,
}

/// A locked sub-folder. Nobody else changes it until this is dropped.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    // Dropped in this order: unlocks for other processes first, then for the threads of this one.
    _file: OwnedFd,
    _thread: MutexGuard<'a, ()>,
}

impl Locks {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { threads: (0..256).map(|_| Mutex::new(())).collect(), timeout }
    }

    /// Locks a sub-folder, or gives up after the timeout: another process may be suspended while it has the lock.
    pub(super) fn lock(&self, number: u8, sub: impl AsFd) -> Result<Locked<'_>> {
        let deadline = Instant::now() + self.timeout;
        let thread = self.threads[usize::from(number)].try_lock_until(deadline).ok_or(FileError::Locked)?;
        let mut pause = Duration::from_micros(20);
        loop {
            let file = open(&sub)?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // This lock file was removed in the meantime, so it locks nobody out: try the next one.
                Ok(()) if rustix::fs::fstat(&file).doing(DOING)?.st_nlink == 0 => {}
                Ok(()) => return Ok(Locked { _file: file, _thread: thread }),
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                Err(error) => return Err(error).doing(DOING),
            }
            if Instant::now() >= deadline {
                return Err(FileError::Locked);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }
}

fn open(sub: impl AsFd) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    match rustix::fs::openat(&sub, NAME, flags, Mode::empty()) {
        Err(Errno::NOENT) => {}
        opened => return opened.doing(DOING),
    }
    match rustix::fs::openat(&sub, NAME, flags | OFlags::CREATE | OFlags::EXCL, mode) {
        Ok(file) => {
            // The umask may have removed bits that other processes need to open it.
            rustix::fs::fchmod(&file, mode).inspect_err(|_| discard(&sub, &file)).doing(DOING)?;
            Ok(file)
        }
        // Another process was faster.
        Err(Errno::EXIST) => rustix::fs::openat(&sub, NAME, flags, Mode::empty()).doing(DOING),
        Err(error) => Err(error).doing(DOING),
    }
}

/// Removes a lock file that others may be unable to open. Only while locked, because a process with the lock relies on the file.
fn discard(sub: impl AsFd, file: &OwnedFd) {
    if rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_ok() {
        // The caller reports the error that led here.
        let _ = rustix::fs::unlinkat(sub, NAME, AtFlags::empty());
    }
}
