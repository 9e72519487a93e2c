//! Sessions in files.

use std::{ffi::OsStr, fs, path::Path, time::Duration};

use gsession::{AnyStorage, FileStorage, storage::file::Durability};

use super::{options::LIMITS, path::path_of};
use crate::failure::Failure;

/// Opens a folder as its service does. A storage would make a missing folder, and an empty one private, but here it is more likely
/// that the path is wrong.
pub(super) fn open(url: &str, lock_timeout: Duration) -> Result<AnyStorage, Failure> {
    let path = path_of(url)?;
    match fs::metadata(&path) {
        Ok(data) if data.is_dir() => {
            refuse_others(&path, &data)?;
            refuse_other_things(&path)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Failure::NoFolder(path)),
        // Opening it says what is wrong.
        Ok(_) | Err(_) => {}
    }
    let builder = FileStorage::builder(&path).sweep_interval(Duration::MAX).touch_interval(Duration::MAX);
    // A session that an operator has ended stays ended after a power failure.
    let storage = builder.limits(LIMITS()).durability(Durability::Commit).lock_timeout(lock_timeout).build()?;
    Ok(AnyStorage::new(storage))
}

#[cfg(unix)]
fn refuse_others(path: &Path, data: &fs::Metadata) -> Result<(), Failure> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    if data.uid() != rustix::process::geteuid().as_raw() {
        return Err(Failure::ForeignFolder(path.to_owned()));
    }
    let is_open = data.permissions().mode() & 0o077 != 0;
    let is_empty = || fs::read_dir(path).is_ok_and(|mut names| names.next().is_none());
    if is_open && is_empty() { Err(Failure::NoSessions(path.to_owned())) } else { Ok(()) }
}

#[cfg(not(unix))]
fn refuse_others(_: &Path, _: &fs::Metadata) -> Result<(), Failure> {
    Ok(())
}

/// Refuses a folder with things in it of which none is a session folder's. Sessions are in sub-folders with two digits.
fn refuse_other_things(path: &Path) -> Result<(), Failure> {
    // Opening the storage says why a folder cannot be listed.
    let Ok(names) = fs::read_dir(path) else { return Ok(()) };
    let is_sub = |name: &OsStr| {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        name.len() == 2 && name.as_encoded_bytes().iter().all(is_digit)
    };
    let mut is_empty = true;
    for name in names {
        let name = name.map_err(|error| Failure::File(path.to_owned(), error))?.file_name();
        if is_sub(&name) {
            return Ok(());
        }
        // A disk of its own has this from the beginning.
        is_empty &= name == "lost+found";
    }
    if is_empty { Ok(()) } else { Err(Failure::OtherThings(path.to_owned())) }
}
