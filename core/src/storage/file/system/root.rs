//! The session folder itself.

use std::{
    io::{Error, ErrorKind},
    path::Path,
};

use super::{
    super::error::{FileError, Result},
    Dir,
};

/// Opens or creates the session folder, and makes sure that it is private.
pub(in crate::storage::file) fn open_root(path: &Path) -> Result<Dir> {
    match Dir::create(path) {
        Ok(()) => open_existing(path, true).inspect_err(|_| {
            // A folder that is not private would never be usable.
            let _ = std::fs::remove_dir(path);
        }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => open_existing(path, false),
        Err(_) if path.as_os_str().is_empty() => refuse(path, "the path is empty"),
        Err(error) if error.kind() == ErrorKind::NotFound && !has_parent(path) => {
            refuse(path, "its parent folder does not exist; create it first")
        }
        Err(error) => refuse(path, &format!("it cannot be created: {error}")),
    }
}

fn open_existing(path: &Path, created: bool) -> Result<Dir> {
    // A folder that was just created is not a link: a link here now comes from somebody else.
    let root = match Dir::open(path, !created) {
        Ok(root) => root,
        Err(error) => return refuse(path, &why_not(path, &error)),
    };
    if !root.is_own()? {
        return refuse(path, "it belongs to another user; sessions need a folder of the user the service runs as");
    }
    let is_open = root.is_open_to_others()?;
    if created || (is_open && root.is_ours_alone()?) {
        root.make_private()?;
    } else if is_open {
        return refuse(
            path,
            "others may look into it, and it holds other things than sessions; give an empty or a private folder",
        );
    }
    Ok(root)
}

fn refuse<T>(path: &Path, why: &str) -> Result<T> {
    Err(FileError::Setup(format!("{}: {why}", path.display())))
}

fn has_parent(path: &Path) -> bool {
    path.parent().is_some_and(|parent| parent.as_os_str().is_empty() || parent.exists())
}

fn why_not(path: &Path, error: &Error) -> String {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink());
    match error.kind() {
        ErrorKind::NotFound if is_link => {
            "it is a symbolic link that leads nowhere; create the folder it leads to first".to_owned()
        }
        ErrorKind::NotADirectory => "it is not a folder".to_owned(),
        _ if is_link => format!("it is a symbolic link that cannot be followed: {error}"),
        _ => format!("it cannot be opened: {error}"),
    }
}
