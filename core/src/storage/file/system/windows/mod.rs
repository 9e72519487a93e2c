//! Windows. Files cannot be opened relative to a folder. But while a folder is open, neither it nor any of its parents can be renamed or
//! removed, so a path into it keeps leading to the same place. Anyone with write access to the parent folders is trusted.
//!
//! - **Privacy** is an access list of the session folder, which everything in it inherits.
//! - **A lock** keeps others from reading too, so session files are never locked. The lock of the sub-folder is taken instead.
//! - **An open file**: not every file system can replace or remove it. So it is closed first, and emptied before it is removed; and
//!   programs that look at every new file, such as virus scanners, are waited for.
//! - **A name** that is given to another file may lead to nothing for a moment, so a reader that finds nothing looks again under the
//!   lock.

mod access_list;
mod dir;
mod file;
mod stat;

pub(in crate::storage::file) use dir::Dir;
pub(in crate::storage::file) use file::{
    create, forbid_appends, is_removed, length, open_or_create, open_own, open_to_append, read_at, remove, rename_over,
    sync_name, try_lock, unlink, unlock, write_all_at,
};
pub(in crate::storage::file) use stat::{FileId, Stat, User};

/// A locked file cannot be read.
pub(in crate::storage::file) const LOCKS_ARE_ADVISORY: bool = false;
/// While a file is replaced, its name may lead to nothing.
pub(in crate::storage::file) const RENAMES_ARE_ATOMIC: bool = false;

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
const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x400;
const ERROR_ACCESS_DENIED: i32 = 5;
/// Others have the file open, have locked a part of it, or have it in their memory.
const IN_USE: [i32; 3] = [32, 33, 1224];
