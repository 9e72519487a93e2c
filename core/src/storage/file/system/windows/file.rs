//! Opens, creates, names and removes files, without following links.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind},
    os::windows::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    time::{Duration, Instant},
};

use super::{
    super::{
        super::error::{Doing as _, Result},
        Opened,
    },
    Dir, ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, FILE_FLAG_OPEN_REPARSE_POINT, FILE_SHARE_DELETE,
    FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_WRITE_ATTRIBUTES, GENERIC_READ, GENERIC_WRITE, Stat, User,
};

/// How long a file may be in somebody else's way.
const PATIENCE: Duration = Duration::from_secs(1);

/// Everybody else may read, write, rename and remove the file meanwhile.
fn shared(access: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .access_mode(access)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    options
}

/// Repeats what is refused because somebody has the file open: a reader, a virus scanner, a backup. It is soon closed.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        let result = attempt();
        let is_in_use =
            |error: &io::Error| matches!(error.raw_os_error(), Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION));
        if !result.as_ref().is_err_and(is_in_use) || Instant::now() >= until {
            return result;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Opens a regular file for reading its content and setting its time.
pub(in crate::storage::file) fn open_own(folder: &Dir, name: &str) -> Result<Opened> {
    const DOING: &str = "opening a session file";
    let path = folder.file(name);
    let open = || match shared(GENERIC_READ | FILE_WRITE_ATTRIBUTES).open(&path) {
        Err(error) if error.raw_os_error() == Some(ERROR_ACCESS_DENIED) && is_something_else(&path) => Ok(None),
        opened => opened.map(Some),
    };
    let file = match patiently(open) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(Opened::Foreign),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Opened::Absent),
        Err(error) => return Err(error).doing(DOING),
    };
    let stat = Stat::of(&file).doing(DOING)?;
    Ok(if stat.is_own(User::current()) { Opened::File(file, stat) } else { Opened::Foreign })
}

/// Whether there is a folder, which cannot be opened like a file, or a link.
fn is_something_else(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|data| !data.is_file())
}

/// Opens what is under a name for reading and appending.
pub(in crate::storage::file) fn open_to_append(folder: &Dir, name: &str) -> io::Result<File> {
    shared(GENERIC_READ | GENERIC_WRITE).open(folder.file(name))
}

/// Creates a file, which inherits the access list of the folder. The name must not be taken.
pub(in crate::storage::file) fn create(folder: &Dir, name: &str) -> io::Result<File> {
    shared(GENERIC_WRITE).create_new(true).write(true).open(folder.file(name))
}

/// Gives a file another name, in place of the file that was open `before`, which is closed first. The caller holds the lock of the
/// folder, so nobody else has it open for long.
pub(in crate::storage::file) fn rename_over(
    folder: &Dir,
    from: &str,
    to: &str,
    before: Opened,
) -> Result<Option<File>> {
    if let Opened::File(file, stat) = before {
        make_writable(&file, &stat)?;
    }
    patiently(|| std::fs::rename(folder.file(from), folder.file(to))).doing("writing a session file")?;
    Ok(None)
}

/// Makes sure that a file has the name it was given after a power failure, too: the name is a part of what Windows keeps with it.
pub(in crate::storage::file) fn sync_name(_folder: &Dir, file: &File) -> Result<()> {
    file.sync_all().doing("syncing a session file")
}

/// Removes a session's file, which the caller has opened. Returns whether it existed.
///
/// As long as somebody reads it, it may keep its name, so it is emptied first: then it is a session to nobody. That also makes the
/// removal survive a power failure, as Windows cannot sync a folder.
pub(in crate::storage::file) fn remove(
    folder: &Dir,
    name: &str,
    (file, stat): (&File, &Stat),
    is_durable: bool,
) -> Result<bool> {
    const DOING: &str = "removing a session file";
    make_writable(file, stat)?;
    match patiently(|| shared(GENERIC_WRITE).open(folder.file(name))) {
        Ok(file) => {
            file.set_len(0).doing(DOING)?;
            if is_durable {
                file.sync_all().doing(DOING)?;
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).doing(DOING),
    }
    unlink(folder, name)
}

/// Removes a file. Returns whether it existed.
pub(in crate::storage::file) fn unlink(folder: &Dir, name: &str) -> Result<bool> {
    match patiently(|| std::fs::remove_file(folder.file(name))) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).doing("removing a session file"),
    }
}

/// Makes sure that nobody appends to this file any more, as far as that can be done: the next commit replaces it.
pub(in crate::storage::file) fn forbid_appends(file: &File) {
    // The caller reports the error that led here.
    let _ = set_read_only(file, true);
}

/// A read-only file can be neither replaced nor removed.
fn make_writable(file: &File, stat: &Stat) -> Result<()> {
    if stat.is_writable() {
        return Ok(());
    }
    set_read_only(file, false).doing("making a session file writable")
}

fn set_read_only(file: &File, is_read_only: bool) -> io::Result<()> {
    let mut permissions = file.metadata()?.permissions();
    permissions.set_readonly(is_read_only);
    file.set_permissions(permissions)
}

pub(in crate::storage::file) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(bytes, offset)
}

pub(in crate::storage::file) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_write(bytes, offset) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or_default();
                offset += written as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens the lock file of a sub-folder, which is created if it is missing. As long as it is open, nobody can remove it.
pub(in crate::storage::file) fn open_lock(sub: &Dir, name: &str) -> io::Result<File> {
    let mut options = shared(GENERIC_READ | GENERIC_WRITE);
    let options = options.share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE).create(true).write(true);
    patiently(|| options.open(sub.file(name)))
}

/// Never: it cannot be removed while it is open.
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
pub(in crate::storage::file) const fn is_removed(_file: &File) -> io::Result<bool> {
    Ok(false)
}
