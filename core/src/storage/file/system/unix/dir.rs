//! An open folder.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, Mode, OFlags},
    io::Errno,
};

use super::{
    super::super::error::{Doing as _, FileError, Result},
    FOLDER, PRIVATE, User,
};

const DOING: &str = "opening a session folder";

/// An open folder. What is in it is found relative to it, wherever its path leads by now.
#[derive(Debug)]
pub(in crate::storage::file) struct Dir(OwnedFd);

impl Dir {
    /// Creates a folder that only this user can access; [`make_private`](Self::make_private) gives it the bits that the umask may
    /// have removed.
    pub(in crate::storage::file) fn create(path: &Path) -> io::Result<()> {
        Ok(rustix::fs::mkdir(path, PRIVATE)?)
    }

    pub(in crate::storage::file) fn open(path: &Path, follows_link: bool) -> io::Result<Self> {
        let flags = if follows_link { FOLDER.difference(OFlags::NOFOLLOW) } else { FOLDER };
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Whether it is a folder of this user.
    pub(in crate::storage::file) fn is_own(&self) -> Result<bool> {
        Ok(User::current().owns(&rustix::fs::fstat(&self.0).doing(DOING)?))
    }

    pub(in crate::storage::file) fn is_open_to_others(&self) -> Result<bool> {
        Ok(rustix::fs::fstat(&self.0).doing(DOING)?.st_mode & 0o077 != 0)
    }

    /// Whether it holds nothing but session sub-folders, so that making it private harms nobody. What is in them may be foreign: each
    /// has its owner.
    pub(in crate::storage::file) fn is_ours_alone(&self) -> Result<bool> {
        let is_sub_name = |name: &str| {
            let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            name.len() == 2 && name.bytes().all(is_digit)
        };
        Ok(self.names()?.iter().all(|name| is_sub_name(name)))
    }

    pub(in crate::storage::file) fn make_private(&self) -> Result<()> {
        rustix::fs::fchmod(&self.0, PRIVATE).doing(DOING)
    }

    /// The sub-folder `name`, if it exists and belongs to this user.
    pub(in crate::storage::file) fn open_sub(&self, name: &str) -> Result<Option<Self>> {
        match rustix::fs::openat(&self.0, name, FOLDER, Mode::empty()) {
            Ok(sub) => {
                let sub = Self(sub);
                if !sub.is_own()? {
                    return Err(FileError::Setup(format!("the sub-folder {name} belongs to another user")));
                }
                Ok(Some(sub))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => {
                Err(FileError::Setup(format!("the sub-folder {name} is a link or a file; remove it")))
            }
            Err(error) => Err(error).doing(DOING),
        }
    }

    /// Creates a sub-folder that only this user can access, whatever the umask. It may exist already.
    pub(in crate::storage::file) fn make_sub(&self, name: &str) -> io::Result<()> {
        match rustix::fs::mkdirat(&self.0, name, PRIVATE) {
            Ok(()) => {
                let sub = rustix::fs::openat(&self.0, name, FOLDER, Mode::empty());
                sub.and_then(|sub| rustix::fs::fchmod(sub, PRIVATE)).inspect_err(|_| {
                    // A folder with the wrong mode would never be usable.
                    let _ = rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR);
                })?;
                Ok(())
            }
            Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the folder was deleted.
    pub(in crate::storage::file) fn is_removed(&self) -> Result<bool> {
        Ok(rustix::fs::fstat(&self.0).doing(DOING)?.st_nlink == 0)
    }

    /// The names in the folder. One that is not UTF-8 is converted with losses, so it never matches a session's name.
    pub(in crate::storage::file) fn names(&self) -> Result<Vec<String>> {
        const DOING: &str = "listing a session folder";
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0).doing(DOING)? {
            let name = entry.doing(DOING)?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    pub(in crate::storage::file) fn try_clone(&self) -> Result<Self> {
        self.0.try_clone().map(Self).doing(DOING)
    }

    /// Makes sure that the names in it survive a power failure.
    pub(super) fn sync(&self) -> Result<()> {
        rustix::fs::fsync(&self.0).doing("syncing a session folder")
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
