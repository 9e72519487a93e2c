//! The locks of the storage, shared by all threads and processes. An operation that needs several takes them in this order:
//!
//! | lock | taken by |
//! |---|---|
//! | a mutex and `flock` on `principals.lock`, for each sub-folder | logging in, renewing a logged-in session, and compacting the [index](super::index) |
//! | a mutex for each sub-folder | every write; this is where the threads of one process wait for each other |
//! | `flock` on `lock`, for each sub-folder | creating, rewriting, renewing, removing and sweeping files |
//! | `flock` on a session's file | the same operations, if the file exists; and appending, which takes no lock on the sub-folder |
//!
//! Those of several sub-folders are taken in the order of their numbers. Readers take none. On Windows session files are not locked;
//! appending locks the sub-folder instead.

use std::{
    fs::File,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use super::{
    error::{Doing as _, FileError, Result},
    folder::keys_in,
    system::{Dir, LOCKS_ARE_ADVISORY, Opened, Purpose, Stat, is_removed, open_or_create, open_own, try_lock},
};

/// The lock file of the sessions in a sub-folder.
pub(super) const NAME: &str = "lock";
const DOING: &str = "locking a session folder";

/// Whether an operation may wait, for a lock or for the disk.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    None,
    /// For locks until then.
    Until(Instant),
}

/// The locks of the 256 sub-folders, of one kind.
#[derive(Debug)]
pub(super) struct Locks {
    /// The lock file in each of them.
    name: &'static str,
    threads: Box<[Mutex<()>]>,
    timeout: Duration,
}

/// The turn of one thread of this process in a sub-folder.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) until: Instant,
    name: &'static str,
    _thread: MutexGuard<'a, ()>,
}

/// The lock of a sub-folder for other processes.
#[derive(Debug)]
pub(super) struct FolderLock(#[expect(dead_code, reason = "closing it unlocks it")] File);

/// A locked sub-folder. Nobody else changes a name in it until this is dropped.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    // Dropped in this order: unlocks for other processes first, then for the threads of this one.
    _folder: FolderLock,
    turn: Turn<'a>,
}

impl Locks {
    pub(super) fn new(name: &'static str, timeout: Duration) -> Self {
        Self { name, threads: (0..256).map(|_| Mutex::new(())).collect(), timeout }
    }

    /// Waits for the other threads of this process.
    pub(super) fn turn(&self, number: u8) -> Result<Turn<'_>> {
        let until = Instant::now() + self.timeout;
        let thread = self.threads[usize::from(number)].try_lock_until(until).ok_or(FileError::Locked)?;
        Ok(Turn { until, name: self.name, _thread: thread })
    }

    /// The same, if there is nobody to wait for.
    pub(super) fn turn_at_once(&self, number: u8) -> Option<Turn<'_>> {
        let thread = self.threads[usize::from(number)].try_lock()?;
        Some(Turn { until: Instant::now(), name: self.name, _thread: thread })
    }

    /// Locks a sub-folder, or gives up after the timeout: another process may be suspended while it has the lock.
    pub(super) fn lock(&self, number: u8, sub: &Dir) -> Result<Locked<'_>> {
        self.turn(number)?.lock(sub)
    }
}

impl<'a> Turn<'a> {
    /// Locks the sub-folder for other processes as well.
    pub(super) fn lock(self, sub: &Dir) -> Result<Locked<'a>> {
        Ok(Locked { _folder: self.lock_folder(sub)?, turn: self })
    }

    /// The same until the lock is dropped; the turn goes on.
    pub(super) fn lock_folder(&self, sub: &Dir) -> Result<FolderLock> {
        let mut pause = Pause::until(self.until);
        loop {
            let (file, is_new) = open_or_create(sub, self.name).doing(DOING)?;
            // A lock file that was removed in the meantime locks nobody out: the next one is tried.
            if try_lock(&file).doing(DOING)? && !is_removed(&file).doing(DOING)? {
                // A backup may have been restored without it, and then there are sessions already.
                if is_new && self.name == NAME && keys_in(sub)?.is_empty() {
                    // If this fails, a sweep does it.
                    let _ = set_indexed(&file);
                }
                return Ok(FolderLock(file));
            }
            pause.wait()?;
        }
    }
}

impl Locked<'_> {
    /// Opens a session's file and waits until nobody appends to it. As the sub-folder is locked, it keeps its name.
    pub(super) fn open_own(&self, sub: &Dir, name: &str) -> Result<Opened> {
        let opened = open_own(sub, name, Purpose::Writing)?;
        if !LOCKS_ARE_ADVISORY {
            return Ok(opened);
        }
        let Opened::File(file, _) = opened else { return Ok(opened) };
        lock_file(&file, Patience::Until(self.turn.until))?;
        // The time and the length are those under the lock.
        let stat = Stat::of(&file).doing("opening a session file")?;
        Ok(Opened::File(file, stat))
    }
}

/// Says in the lock file of a sub-folder that all sessions there are in the [index of principals](super::index): its length is 1.
/// It takes no room on the disk.
pub(super) fn set_indexed(lock: &File) -> Result<()> {
    lock.set_len(1).doing("writing the index of principals")
}

/// Locks a session's file until it is closed. Returns whether it did; `false` only if it must not wait.
pub(super) fn lock_file(file: &File, patience: Patience) -> Result<bool> {
    let Patience::Until(until) = patience else { return try_lock(file).doing(DOING) };
    let mut pause = Pause::until(until);
    while !try_lock(file).doing(DOING)? {
        pause.wait()?;
    }
    Ok(true)
}

/// The pauses between attempts to get a lock: a lock with a timeout has no way to wait for its turn.
struct Pause {
    until: Instant,
    next: Duration,
}

impl Pause {
    const fn until(until: Instant) -> Self {
        Self { until, next: Duration::from_micros(20) }
    }

    fn wait(&mut self) -> Result<()> {
        if Instant::now() >= self.until {
            return Err(FileError::Locked);
        }
        std::thread::sleep(self.next);
        self.next = (self.next * 2).min(Duration::from_millis(5));
        Ok(())
    }
}
