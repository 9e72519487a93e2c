//! Unix. Everything in the session folder is opened relative to its descriptor, so nobody can redirect the storage with a link.

mod dir;
mod file;
mod lock;
mod stat;

pub(in crate::storage::file) use dir::Dir;
pub(in crate::storage::file) use file::{
    create, forbid_appends, length, open_own, open_to_append, read_at, remove, rename_over, sync_name, unlink,
    write_all_at,
};
pub(in crate::storage::file) use lock::{is_removed, open_or_create, try_lock, unlock};
pub(in crate::storage::file) use stat::{FileId, Stat, User};

use rustix::fs::{Mode, OFlags};

/// A locked file can still be read.
pub(in crate::storage::file) const LOCKS_ARE_ADVISORY: bool = true;
/// A name that is given to another file always leads to one of the two.
pub(in crate::storage::file) const RENAMES_ARE_ATOMIC: bool = true;

/// The modes of folders and of files that only this user can access.
const PRIVATE: Mode = Mode::RWXU;
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// A folder; a link is not followed.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A file; a link is not followed, and a pipe not waited for.
pub(super) const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);
