//! What the file system says of a file: which one it is, how long it is, and when its session was last seen.

use std::{
    fs::File,
    os::fd::AsFd,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::fs::{FileType, Mode, RawMode};
#[cfg(target_os = "linux")]
use rustix::{
    fs::{AtFlags, Statx, StatxFlags},
    io::Errno,
};

use crate::Timestamp;

/// How long after its birth a file is distinct: a tick of the kernel's clock, at most 10 ms, and as much again, because some
/// file systems store the time in steps of 10 ms.
#[cfg(target_os = "linux")]
const DISTINCT_AFTER: Duration = Duration::from_millis(20);

/// Which file it is. The number of an inode alone does not say that: it is given away again as soon as the file is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage::file) struct FileId {
    device: u64,
    inode: u64,
    born: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Time {
    seconds: i64,
    nanos: u32,
}

/// A user of the system.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage::file) struct User(u32);

impl User {
    /// The one that this process runs as.
    pub(in crate::storage::file) fn current() -> Self {
        Self(rustix::process::geteuid().as_raw())
    }

    pub(super) const fn owns(self, stat: &rustix::fs::Stat) -> bool {
        stat.st_uid == self.0
    }
}

/// What the file system says of a file.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage::file) struct Stat {
    /// `None` where the file system does not say when a file was created.
    pub(in crate::storage::file) id: Option<FileId>,
    pub(in crate::storage::file) length: u64,
    /// Under how many names it is known; 0 if it was removed or replaced.
    pub(in crate::storage::file) links: u64,
    mode: RawMode,
    owner: u32,
    modified: Time,
}

impl Stat {
    /// Of an open file.
    #[cfg(target_os = "linux")]
    pub(in crate::storage::file) fn of(file: &File) -> rustix::io::Result<Self> {
        match rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS | StatxFlags::BTIME) {
            Ok(stat) => Ok(Self::from_statx(&stat)),
            // An old kernel, or a sandbox that does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => Self::without_birth(file),
            Err(error) => Err(error),
        }
    }

    /// Of an open file.
    #[cfg(not(target_os = "linux"))]
    pub(in crate::storage::file) fn of(file: &File) -> rustix::io::Result<Self> {
        Self::without_birth(file)
    }

    /// Of the file under a name; of a link, not of what it leads to.
    #[cfg(target_os = "linux")]
    pub(in crate::storage::file) fn at(folder: impl AsFd, path: &[u8]) -> rustix::io::Result<Self> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match rustix::fs::statx(&folder, path, flags, StatxFlags::BASIC_STATS | StatxFlags::BTIME) {
            Ok(stat) => Ok(Self::from_statx(&stat)),
            Err(Errno::NOSYS | Errno::PERM) => Ok(Self::from_stat(&rustix::fs::statat(folder, path, flags)?)),
            Err(error) => Err(error),
        }
    }

    /// Of the file under a name; of a link, not of what it leads to.
    #[cfg(not(target_os = "linux"))]
    pub(in crate::storage::file) fn at(folder: impl AsFd, path: &[u8]) -> rustix::io::Result<Self> {
        let stat = rustix::fs::statat(folder, path, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Self::from_stat(&stat))
    }

    #[cfg(target_os = "linux")]
    fn from_statx(stat: &Statx) -> Self {
        let time = |time: rustix::fs::StatxTimestamp| Time { seconds: time.tv_sec, nanos: time.tv_nsec };
        let has_birth = stat.stx_mask & StatxFlags::BTIME.bits() != 0;
        let device = u64::from(stat.stx_dev_major) << 32 | u64::from(stat.stx_dev_minor);
        Self {
            id: has_birth.then(|| FileId { device, inode: stat.stx_ino, born: time(stat.stx_btime) }),
            length: stat.stx_size,
            links: stat.stx_nlink.into(),
            mode: stat.stx_mode.into(),
            owner: stat.stx_uid,
            modified: time(stat.stx_mtime),
        }
    }

    fn without_birth(file: impl AsFd) -> rustix::io::Result<Self> {
        rustix::fs::fstat(file).map(|stat| Self::from_stat(&stat))
    }

    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_fallible_conversions,
        reason = "the types of the fields differ from system to system"
    )]
    fn from_stat(stat: &rustix::fs::Stat) -> Self {
        let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or_default();
        Self {
            id: None,
            length: u64::try_from(stat.st_size).unwrap_or_default(),
            links: stat.st_nlink.into(),
            mode: stat.st_mode.into(),
            owner: stat.st_uid,
            modified: Time { seconds: stat.st_mtime.into(), nanos },
        }
    }

    /// Whether it is a regular file of this user.
    pub(in crate::storage::file) fn is_own(&self, user: User) -> bool {
        FileType::from_raw_mode(self.mode) == FileType::RegularFile && self.owner == user.0
    }

    /// Whether its owner may write to it. A file that must not be appended to is made read-only.
    pub(in crate::storage::file) fn is_writable(&self) -> bool {
        Mode::from_raw_mode(self.mode).contains(Mode::WUSR)
    }

    /// Never: a file that is removed has no name.
    #[expect(clippy::unused_self, reason = "as on Windows")]
    pub(in crate::storage::file) const fn is_emptied(&self) -> bool {
        false
    }

    /// The modification time, set by a storage or by the kernel.
    pub(in crate::storage::file) fn modified(&self) -> Timestamp {
        let Time { seconds, nanos } = self.modified;
        let since = u64::try_from(seconds).map(|seconds| Duration::new(seconds, nanos)).unwrap_or_default();
        UNIX_EPOCH.checked_add(since).map_or_else(Timestamp::default, |time: SystemTime| time.into())
    }

    /// The modification time that a storage has set: whole milliseconds. Between the two system calls of an append the file has
    /// the kernel's time, which has more digits.
    pub(in crate::storage::file) fn set_time(&self) -> Option<Timestamp> {
        self.modified.nanos.is_multiple_of(1_000_000).then(|| self.modified())
    }

    /// Whether every file created from now on has another id. That is so if the kernel's clock, which says when a file was
    /// created, has ticked since this one was: within a tick an inode may be given away and its file created again.
    #[cfg(target_os = "linux")]
    pub(in crate::storage::file) fn is_distinct(&self) -> bool {
        self.age().is_some_and(|age| age > DISTINCT_AFTER)
    }

    /// How long ago the file was created; zero if that is in the future.
    #[cfg(target_os = "linux")]
    pub(in crate::storage::file) fn age(&self) -> Option<Duration> {
        let Time { seconds, nanos } = self.id?.born;
        let born = Duration::new(u64::try_from(seconds).ok()?, nanos);
        // Not through rustix, which reads the vDSO by itself and so ends a program under valgrind.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(now.saturating_sub(born))
    }

    #[cfg(not(target_os = "linux"))]
    pub(in crate::storage::file) fn age(&self) -> Option<Duration> {
        None
    }

    /// Without a time of birth, files cannot be told apart.
    #[cfg(not(target_os = "linux"))]
    pub(in crate::storage::file) fn is_distinct(&self) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_distinct_once_the_clock_has_ticked() {
        let is_distinct = |seconds_ago: i64| {
            let file = tempfile::tempfile().unwrap();
            let mut stat = Stat::of(&file).unwrap();
            stat.id.as_mut().unwrap().born.seconds -= seconds_ago;
            stat.is_distinct()
        };
        // This thread may be held up longer than a tick, but not always.
        assert!((0..100).any(|_| !is_distinct(0)));
        assert!(is_distinct(1));
    }

    #[test]
    fn a_time_that_was_set_is_told_from_that_of_the_kernel() {
        let file = tempfile::tempfile().unwrap();
        let at = Timestamp::from_millis(1_750_000_000_001);
        file.set_modified(at.to_system_time().unwrap()).unwrap();
        let mut stat = Stat::of(&file).unwrap();
        assert_eq!((stat.set_time(), stat.modified()), (Some(at), at));
        stat.modified.nanos += 1;
        assert_eq!((stat.set_time(), stat.modified()), (None, at));
    }

    #[test]
    fn a_file_has_the_same_id_whichever_way_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "text").unwrap();
        let (open, folder) = (std::fs::File::open(&path).unwrap(), std::fs::File::open(folder.path()).unwrap());
        let (of, at) = (Stat::of(&open).unwrap(), Stat::at(&folder, b"file").unwrap());
        assert_eq!((of.id, of.length, of.links), (at.id, 4, 1));
        assert!(of.id.is_some() && of.is_own(User::current()) && of.is_writable());
        assert_eq!(Stat::without_birth(&open).unwrap().modified(), of.modified());
    }
}
