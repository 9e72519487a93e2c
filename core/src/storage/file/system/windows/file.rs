//! Opens, creates, names and removes files, without following links.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::windows::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    time::{Duration, Instant},
};

use super::{
    super::{
        super::error::{Doing as _, Result},
        Opened, Purpose,
    },
    Dir, ERROR_ACCESS_DENIED, FILE_ATTRIBUTE_REPARSE_POINT, FILE_FLAG_OPEN_REPARSE_POINT, FILE_SHARE_DELETE,
    FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_WRITE_ATTRIBUTES, GENERIC_READ, GENERIC_WRITE, IN_USE, Stat, User,
};

/// How long a file may be in somebody else's way.
const PATIENCE: Duration = Duration::from_secs(1);

/// Everybody else may read, write, rename and remove the file meanwhile. A link is not followed.
fn shared(access: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .access_mode(access)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    options
}

fn open(path: &Path, access: u32) -> io::Result<File> {
    let file = shared(access).open(path)?;
    let data = file.metadata()?;
    if data.is_file() && data.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        // No link, but a file whose content a service of the system keeps elsewhere (deduplication, clouds), and brings back.
        return shared(access).custom_flags(0).open(path);
    }
    Ok(file)
}

/// Repeats what is refused because somebody has the file open: a reader, a virus scanner, a backup. It is soon closed.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        let result = attempt();
        // A file that is removed but open is refused with the first one.
        let code = result.as_ref().err().and_then(io::Error::raw_os_error);
        let is_in_use = code.is_some_and(|code| code == ERROR_ACCESS_DENIED || IN_USE.contains(&code));
        if !is_in_use || Instant::now() >= until {
            return result;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Opens a regular file for reading its content, and for setting its time if it is to be written.
pub(in crate::storage::file) fn open_own(folder: &Dir, name: &str, purpose: Purpose) -> Result<Opened> {
    const DOING: &str = "opening a session file";
    let path = folder.file(name);
    let access = match purpose {
        Purpose::Reading => GENERIC_READ,
        Purpose::Writing => GENERIC_READ | FILE_WRITE_ATTRIBUTES,
    };
    let attempt = || match open(&path, access) {
        Err(error) if error.raw_os_error() == Some(ERROR_ACCESS_DENIED) && is_something_else(&path) => Ok(None),
        opened => opened.map(Some),
    };
    let file = match patiently(attempt) {
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

/// How long a file is, without opening it; 0 if there is none.
pub(in crate::storage::file) fn length(folder: &Dir, name: &str) -> io::Result<u64> {
    match folder.file(name).symlink_metadata() {
        Ok(data) => Ok(data.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Opens what is under a name for reading and appending.
pub(in crate::storage::file) fn open_to_append(folder: &Dir, name: &str) -> io::Result<File> {
    open(&folder.file(name), GENERIC_READ | GENERIC_WRITE)
}

/// Creates a file, which inherits the access list of the folder. The name must not be taken.
pub(in crate::storage::file) fn create(folder: &Dir, name: &str) -> io::Result<File> {
    patiently(|| shared(GENERIC_WRITE).create_new(true).write(true).open(folder.file(name)))
}

/// Gives a file another name, in place of the file that was open `before`, which is closed first. The caller holds the lock of the
/// folder, so nobody else keeps that one open for long.
pub(in crate::storage::file) fn rename_over(
    folder: &Dir,
    from: &str,
    to: &str,
    before: Opened,
) -> Result<Option<File>> {
    let target = folder.file(to);
    let is_read_only = match before {
        Opened::File(file, stat) => {
            drop(file);
            !stat.is_writable()
        }
        Opened::Absent | Opened::Foreign => false,
    };
    if is_read_only {
        make_writable(&target)?;
    }
    let renamed = patiently(|| std::fs::rename(folder.file(from), &target));
    if renamed.is_err() && is_read_only {
        // Nobody may append to it now either. The error says what happened.
        let _ = set_read_only(&target, true);
    }
    renamed.doing("writing a session file")?;
    Ok(None)
}

/// Makes sure that a file has the name it was given after a power failure, too: the name is a part of what Windows keeps with it.
pub(in crate::storage::file) fn sync_name(_folder: &Dir, file: &File) -> Result<()> {
    file.sync_all().doing("syncing a session file")
}

/// Removes a session's file, which the caller has opened. Returns whether it existed.
///
/// As long as somebody has it open, it may keep its name, so it is emptied first: then it is a session to nobody. That also makes the
/// removal survive a power failure, as Windows cannot sync a folder. A backup that has linked it keeps its content.
pub(in crate::storage::file) fn remove(
    folder: &Dir,
    name: &str,
    (_, stat): (&File, &Stat),
    is_durable: bool,
) -> Result<bool> {
    const DOING: &str = "removing a session file";
    let path = folder.file(name);
    if !stat.is_writable() {
        make_writable(&path)?;
    }
    if stat.links > 1 {
        return unlink(folder, name);
    }
    let emptied = patiently(|| {
        let file = open(&path, GENERIC_WRITE)?;
        file.set_len(0)?;
        if is_durable { file.sync_all() } else { Ok(()) }
    });
    match emptied {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).doing(DOING),
    }
    if let Err(error) = unlink(folder, name) {
        // It is no session any more, and the next sweep removes it.
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "the emptied file of a session that has ended is still there"
        );
    }
    Ok(true)
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
    if let Ok(data) = file.metadata() {
        let mut permissions = data.permissions();
        permissions.set_readonly(true);
        // The caller reports the error that led here.
        let _ = file.set_permissions(permissions);
    }
}

/// A read-only file can be neither replaced nor removed.
fn make_writable(path: &Path) -> Result<()> {
    set_read_only(path, false).doing("making a session file writable")
}

/// By the path: through a handle, the attribute cannot be taken away if it is the only one.
fn set_read_only(path: &Path, is_read_only: bool) -> io::Result<()> {
    let mut permissions = path.metadata()?.permissions();
    permissions.set_readonly(is_read_only);
    std::fs::set_permissions(path, permissions)
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

/// Opens a file of a sub-folder for reading and writing, and says whether it was missing and had to be created. As long as it is open,
/// nobody can remove it.
pub(in crate::storage::file) fn open_or_create(sub: &Dir, name: &str) -> io::Result<(File, bool)> {
    let path = sub.file(name);
    let mut options = shared(GENERIC_READ | GENERIC_WRITE);
    options.share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE);
    match patiently(|| options.open(&path)) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        opened => return Ok((opened?, false)),
    }
    match patiently(|| options.create_new(true).write(true).open(&path)) {
        Ok(file) => Ok((file, true)),
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok((patiently(|| options.create_new(false).open(&path))?, false))
        }
        Err(error) => Err(error),
    }
}

/// Locks a file until it is closed, unless somebody else has.
pub(in crate::storage::file) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

pub(in crate::storage::file) fn unlock(file: &File) -> io::Result<()> {
    file.unlock()
}

/// Never: it cannot be removed while it is open.
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
pub(in crate::storage::file) const fn is_removed(_file: &File) -> io::Result<bool> {
    Ok(false)
}
