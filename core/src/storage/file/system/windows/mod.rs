//! Windows. There is no way to open a file relative to a folder, but a folder that is open cannot be renamed or removed, nor can
//! those that it is in. So paths into it lead to the same place as long as it is open.
//!
//! - **Privacy** is an access list of the session folder, which everything in it inherits.
//! - **A lock** keeps others from reading too, so session files are never locked. The lock of the sub-folder is taken instead.
//! - **An open file** cannot be replaced or removed on every file system. So it is closed first, and emptied before it is removed; and
//!   programs that look at every new file, such as virus scanners, are waited for.

mod access_list;
mod dir;
mod file;
mod stat;

pub(in crate::storage::file) use dir::Dir;
pub(in crate::storage::file) use file::{
    create, forbid_appends, is_removed, open_lock, open_own, open_to_append, read_at, remove, rename_over, sync_name,
    unlink, write_all_at,
};
pub(in crate::storage::file) use stat::{FileId, Stat, User};

/// A locked file cannot be read.
pub(in crate::storage::file) const LOCKS_ARE_ADVISORY: bool = false;

// From the Windows SDK's winnt.h and winbase.h.
const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
const WRITE_DAC: u32 = 0x0004_0000;
const FILE_WRITE_ATTRIBUTES: u32 = 0x0100;
const FILE_SHARE_READ: u32 = 0x1;
const FILE_SHARE_WRITE: u32 = 0x2;
const FILE_SHARE_DELETE: u32 = 0x4;
const FILE_ATTRIBUTE_READONLY: u64 = 0x1;
/// The link itself is opened, not what it leads to.
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
/// Also opens folders.
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
const ERROR_ACCESS_DENIED: i32 = 5;
const ERROR_SHARING_VIOLATION: i32 = 32;
