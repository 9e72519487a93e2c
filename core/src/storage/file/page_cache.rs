//! Reads session files straight from the page cache, without ever waiting for the disk.
//!
//! Nearly every file that was read before is in the page cache. `openat2` with `RESOLVE_CACHED` (Linux 5.12) fails if finding
//! the file would need the disk, and `preadv2` with `RWF_NOWAIT` (Linux 4.14) fails if reading it would. In every unusual case
//! the caller falls back to an ordinary, blocking read.

use std::{
    fs::File,
    io::{IoSliceMut, Write as _},
    os::{fd::AsFd, unix::fs::MetadataExt as _},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{Mode, OFlags, ResolveFlags},
    io::{Errno, ReadWriteFlags},
};

use crate::{StoreKey, Timestamp};

/// The largest file that is read on the thread of a request. Reading and decoding a larger one takes too long even without
/// waiting.
const MAX: usize = 64 * 1024;
const FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);
const RESOLVE: ResolveFlags =
    ResolveFlags::CACHED.union(ResolveFlags::BENEATH).union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_XDEV);

/// The page cache, as far as the kernel and the file system give access to it.
#[derive(Debug, Default)]
pub(super) struct PageCache {
    /// Set when the first attempt shows that they do not.
    is_unsupported: AtomicBool,
}

impl PageCache {
    /// The content of a session file and its modification time, if both are in memory and it is a regular file of this user.
    pub(super) fn read(&self, root: impl AsFd, key: &StoreKey) -> Option<(Vec<u8>, Timestamp)> {
        if self.is_unsupported.load(Ordering::Relaxed) {
            return None;
        }
        match read(root, key) {
            Ok(read) => read,
            Err(error) => {
                // An old kernel, a file system without support, or a sandbox that blocks the calls.
                if matches!(error, Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::PERM) {
                    self.is_unsupported.store(true, Ordering::Relaxed);
                }
                None
            }
        }
    }
}

fn read(root: impl AsFd, key: &StoreKey) -> rustix::io::Result<Option<(Vec<u8>, Timestamp)>> {
    // Two digits, a slash, and the 64 digits of the key.
    let mut path = [0; 67];
    if write!(path.as_mut_slice(), "{:02x}/{key}", key.as_bytes()[0]).is_err() {
        return Ok(None);
    }
    let file = File::from(rustix::fs::openat2(root, path.as_slice(), FLAGS, Mode::empty(), RESOLVE)?);
    let Ok(data) = file.metadata() else { return Ok(None) };
    let is_own = data.is_file() && data.uid() == rustix::process::geteuid().as_raw();
    let Some(length) = usize::try_from(data.len()).ok().filter(|&length| is_own && length <= MAX) else {
        return Ok(None);
    };
    let Ok(modified) = data.modified() else { return Ok(None) };
    let mut bytes = vec![0; length];
    let read = rustix::io::preadv2(&file, &mut [IoSliceMut::new(&mut bytes)], 0, ReadWriteFlags::NOWAIT)?;
    Ok((read == length).then(|| (bytes, modified.into())))
}
