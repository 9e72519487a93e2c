//! Opens, creates, names and removes files, without following links or waiting for pipes.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use rustix::{
    fs::{AtFlags, Mode, OFlags},
    io::Errno,
};

use super::{
    super::{
        super::error::{Doing as _, Result},
        Opened, Purpose,
    },
    Dir, FILE, PRIVATE_FILE, Stat, User, is_removed,
};

/// Opens a file for reading if it is a regular file of this user. The owner may set its time as well.
pub(in crate::storage::file) fn open_own(folder: &Dir, name: &str, _purpose: Purpose) -> Result<Opened> {
    const DOING: &str = "opening a session file";
    let user = User::current();
    let file = match rustix::fs::openat(folder, name, FILE | OFlags::RDONLY, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(Opened::Absent),
        // A link or a socket.
        Err(Errno::LOOP | Errno::NXIO) => return Ok(Opened::Foreign),
        // Another user's file is foreign. One of our own that cannot be read is an error, not absent.
        Err(error @ (Errno::ACCESS | Errno::PERM)) => {
            let stat = Stat::at(folder, name.as_bytes()).doing(DOING)?;
            return if stat.is_own(user) { Err(error).doing(DOING) } else { Ok(Opened::Foreign) };
        }
        Err(error) => return Err(error).doing(DOING),
    };
    let stat = Stat::of(&file).doing(DOING)?;
    Ok(if stat.is_own(user) { Opened::File(file, stat) } else { Opened::Foreign })
}

/// How long a file is, without opening it; 0 if there is none.
pub(in crate::storage::file) fn length(folder: &Dir, name: &str) -> io::Result<u64> {
    match Stat::at(folder, name.as_bytes()) {
        Ok(stat) => Ok(stat.length),
        Err(Errno::NOENT) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Opens what is under a name for reading and appending.
pub(in crate::storage::file) fn open_to_append(folder: &Dir, name: &str) -> io::Result<File> {
    Ok(rustix::fs::openat(folder, name, FILE | OFlags::RDWR, Mode::empty())?.into())
}

/// Creates a file that only this user can access, whatever the umask. The name must not be taken.
pub(in crate::storage::file) fn create(folder: &Dir, name: &str) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(folder, name, flags, PRIVATE_FILE)?);
    rustix::fs::fchmod(&file, PRIVATE_FILE).inspect_err(|_| {
        // The caller reports the error that led here.
        let _ = unlink(folder, name);
    })?;
    Ok(file)
}

/// Gives a file another name, in place of the file that was open `before`, of which the caller holds the lock. Returns that file, so
/// that it can be closed later.
pub(in crate::storage::file) fn rename_over(
    folder: &Dir,
    from: &str,
    to: &str,
    before: Opened,
) -> Result<Option<File>> {
    const DOING: &str = "writing a session file";
    if let Opened::File(file, stat) = &before
        && stat.links > 1
    {
        retire(file)?;
    }
    rustix::fs::renameat(folder, from, folder, to).doing(DOING)?;
    let Opened::File(file, _) = before else { return Ok(None) };
    retire_if_linked(&file);
    Ok(Some(file))
}

/// Makes sure that a file has the name it was given after a power failure, too.
pub(in crate::storage::file) fn sync_name(folder: &Dir, _file: &File) -> Result<()> {
    folder.sync()
}

/// Removes a session's file, which the caller has opened and locked. Returns whether it still had its name.
pub(in crate::storage::file) fn remove(
    folder: &Dir,
    name: &str,
    (file, stat): (&File, &Stat),
    is_durable: bool,
) -> Result<bool> {
    if stat.links > 1 {
        retire(file)?;
    }
    let removed = unlink(folder, name)?;
    retire_if_linked(file);
    if is_durable {
        folder.sync()?;
    }
    Ok(removed)
}

/// Removes a file. Returns whether it existed.
pub(in crate::storage::file) fn unlink(folder: &Dir, name: &str) -> Result<bool> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error).doing("removing a session file"),
    }
}

/// Makes sure that nobody appends to this file any more, as far as that can be done: the next commit replaces it.
pub(in crate::storage::file) fn forbid_appends(file: &File) {
    // The caller reports the error that led here.
    let _ = rustix::fs::fchmod(file, Mode::RUSR);
}

/// Makes sure that nobody appends to a file that loses its name and has others. Usually it has no others, and who waits for its lock
/// can see that. But a backup may have linked it (`cp -l`), and then the mode shows it.
fn retire(file: &File) -> Result<()> {
    rustix::fs::fchmod(file, Mode::RUSR).doing("making a linked session file read-only")
}

/// The same for a file that has just lost its name: it may have been linked a moment before.
fn retire_if_linked(file: &File) {
    let retired = match is_removed(file) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => retire(file),
    };
    if let Err(error) = retired {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a backup was made of a session file at the moment it was replaced"
        );
    }
}

pub(in crate::storage::file) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(bytes, offset)
}

pub(in crate::storage::file) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}
