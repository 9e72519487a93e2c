//! An open folder.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind},
    os::windows::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::{
    super::super::error::{Doing as _, FileError, Result},
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_SHARE_READ, FILE_SHARE_WRITE, GENERIC_READ,
    WRITE_DAC, access_list,
};

const DOING: &str = "opening a session folder";

/// An open folder. Nobody can rename or remove it, or a folder that it is in, so its path leads to it.
#[derive(Debug)]
pub(in crate::storage::file) struct Dir {
    path: PathBuf,
    handle: File,
}

impl Dir {
    /// Creates a folder; [`make_private`](Self::make_private) makes it private.
    pub(in crate::storage::file) fn create(path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    pub(in crate::storage::file) fn open(path: &Path, follows_link: bool) -> io::Result<Self> {
        // Nothing else takes its place meanwhile. The metadata of a link says that it is no folder.
        let found = open(path, GENERIC_READ)?;
        if !follows_link && !found.metadata()?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        // Without links, and without the limit of 260 characters.
        Self::open_at(path.canonicalize()?)
    }

    fn open_at(path: PathBuf) -> io::Result<Self> {
        let handle = open(&path, GENERIC_READ)?;
        if !handle.metadata()?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(Self { path, handle })
    }

    /// Whether it belongs to this user, to the system or to the administrators.
    pub(in crate::storage::file) fn is_own(&self) -> Result<bool> {
        access_list::is_own(&self.handle).doing(DOING)
    }

    /// Whether it, or a folder in it, grants others anything. A folder in it may have been moved there with a list of its own.
    pub(in crate::storage::file) fn is_open_to_others(&self) -> Result<bool> {
        if access_list::is_open_to_others(&self.handle).doing(DOING)? {
            return Ok(true);
        }
        for name in self.names()? {
            if let Ok(sub) = open(&self.file(&name), GENERIC_READ)
                && sub.metadata().doing(DOING)?.is_dir()
                && (!access_list::is_own(&sub).doing(DOING)? || access_list::is_open_to_others(&sub).doing(DOING)?)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether it is empty, so that making it private harms nobody. What others have put into it would keep its owner and its list.
    pub(in crate::storage::file) fn is_ours_alone(&self) -> Result<bool> {
        Ok(self.names()?.is_empty())
    }

    pub(in crate::storage::file) fn make_private(&self) -> Result<()> {
        let private =
            open(&self.path, GENERIC_READ | WRITE_DAC).and_then(|mut handle| access_list::make_private(&mut handle));
        let fix = "give the user of the service, and nobody else, full control of it: icacls FOLDER /inheritance:r /grant:r \
                   USER:(OI)(CI)F";
        if let Err(error) = private {
            return Err(FileError::Setup(format!(
                "{}: it cannot be made private: {error}; {fix}",
                self.path.display()
            )));
        }
        // Others may have put something into it before.
        if self.is_open_to_others()? {
            return Err(FileError::Setup(format!("{}: others may still look into it; {fix}", self.path.display())));
        }
        Ok(())
    }

    /// The sub-folder `name`, if it exists.
    pub(in crate::storage::file) fn open_sub(&self, name: &str) -> Result<Option<Self>> {
        match Self::open_at(self.file(name)) {
            Ok(sub) => Ok(Some(sub)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                Err(FileError::Setup(format!("the sub-folder {name} is a link or a file; remove it")))
            }
            Err(error) => Err(error).doing(DOING),
        }
    }

    /// Creates a sub-folder, which inherits the access list. It may exist already.
    pub(in crate::storage::file) fn make_sub(&self, name: &str) -> io::Result<()> {
        match std::fs::create_dir(self.file(name)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    /// Never: it cannot be removed while it is open.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(in crate::storage::file) const fn is_removed(&self) -> Result<bool> {
        Ok(false)
    }

    /// The names in the folder. One that is not valid UTF-16 is converted with losses, so it never matches a session's name.
    pub(in crate::storage::file) fn names(&self) -> Result<Vec<String>> {
        const DOING: &str = "listing a session folder";
        let entries = std::fs::read_dir(&self.path).doing(DOING)?;
        entries.map(|entry| Ok(entry.doing(DOING)?.file_name().to_string_lossy().into_owned())).collect()
    }

    pub(in crate::storage::file) fn try_clone(&self) -> Result<Self> {
        Ok(Self { path: self.path.clone(), handle: self.handle.try_clone().doing(DOING)? })
    }

    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Opens a folder, or whatever else is there. As long as it is open, it keeps its name.
fn open(path: &Path, access: u32) -> io::Result<File> {
    OpenOptions::new()
        .access_mode(access)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)
}
