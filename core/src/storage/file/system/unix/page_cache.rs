//! Opens and reads session files in memory, without ever waiting for the disk.
//!
//! Nearly every file that was used before is in memory. `openat2` with `RESOLVE_CACHED` (Linux 5.12) fails if finding the file
//! would need the disk, and `preadv2` with `RWF_NOWAIT` (Linux 4.14) fails if reading it would. In every unusual case the caller
//! falls back to ordinary system calls, on a thread that may wait.

use std::{
    fs::File,
    io::IoSliceMut,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{Mode, OFlags, ResolveFlags},
    io::{Errno, ReadWriteFlags},
};

use super::{Dir, Purpose, unix::FILE};

/// The largest file that is read on the thread of a request. Reading and decoding a larger one takes too long even without
/// waiting.
pub(in crate::storage::file) const MAX: usize = 64 * 1024;
const RESOLVE: ResolveFlags =
    ResolveFlags::CACHED.union(ResolveFlags::BENEATH).union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_XDEV);

/// The page cache, as far as the kernel and the file system give access to it.
#[derive(Debug, Default)]
pub(in crate::storage::file) struct PageCache {
    /// Each is set when the first attempt shows that the kernel, the file system or a sandbox does not support it.
    cannot_open: AtomicBool,
    cannot_read: AtomicBool,
}

impl PageCache {
    /// Opens the file at a path below `root`, if it is in memory and nothing on the way to it is a link.
    pub(in crate::storage::file) fn open(&self, root: &Dir, path: &[u8], purpose: Purpose) -> Option<File> {
        let flags = FILE | if matches!(purpose, Purpose::Writing) { OFlags::RDWR } else { OFlags::RDONLY };
        let open = || rustix::fs::openat2(root, path, flags, Mode::empty(), RESOLVE);
        // A file that must not be written to may be refused with the error of a sandbox.
        let may_be_sandbox = matches!(purpose, Purpose::Reading);
        unless_unsupported(&self.cannot_open, may_be_sandbox, open).map(File::from)
    }

    /// The bytes of a file from `offset`, if they are in memory.
    pub(in crate::storage::file) fn read(&self, file: &File, offset: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        let read = || rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut bytes)], offset, ReadWriteFlags::NOWAIT);
        let read = unless_unsupported(&self.cannot_read, true, read)?;
        (read == length).then_some(bytes)
    }
}

fn unless_unsupported<T>(
    unsupported: &AtomicBool,
    may_be_sandbox: bool,
    call: impl FnOnce() -> rustix::io::Result<T>,
) -> Option<T> {
    if unsupported.load(Ordering::Relaxed) {
        return None;
    }
    call()
        .inspect_err(|error| {
            if matches!(*error, Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP)
                || (may_be_sandbox && *error == Errno::PERM)
            {
                unsupported.store(true, Ordering::Relaxed);
            }
        })
        .ok()
}
