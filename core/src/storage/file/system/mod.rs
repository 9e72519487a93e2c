//! What the storage needs of the operating system: private folders, files that are opened without following links, what the system
//! says of them, and names that change in one step. Everything here blocks, and knows nothing of sessions.

#[cfg_attr(not(target_os = "linux"), path = "no_page_cache.rs")]
#[cfg_attr(target_os = "linux", path = "unix/page_cache.rs")]
pub(super) mod page_cache;
mod root;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(not(any(unix, windows)))]
compile_error!("gsession's default feature `file` needs Unix or Windows: leave it out with `default-features = false`");

use std::fs::File;

pub(super) use root::open_root;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(super) use system::{
    Dir, FileId, LOCKS_ARE_ADVISORY, RENAMES_ARE_ATOMIC, Stat, User, create, forbid_appends, is_removed, length,
    open_or_create, open_own, open_to_append, read_at, remove, rename_over, sync_name, try_lock, unlink, unlock,
    write_all_at,
};

/// What a file is opened for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Reading,
    /// Reading and writing.
    Writing,
}

/// What is found under a name.
#[derive(Debug)]
pub(super) enum Opened {
    File(File, Stat),
    Absent,
    /// Something that is not from this storage: a link, a pipe, a folder, another user's file.
    Foreign,
}
