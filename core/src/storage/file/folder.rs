//! The session folder and its 256 sub-folders.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use parking_lot::RwLock;
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat},
    io::Errno,
};

use super::error::{Doing, FileError, Result};
use crate::StoreKey;

const PRIVATE: Mode = Mode::RWXU;
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// The path of the session folder itself may be a link: the administrator made it.
const ROOT: OFlags = FOLDER.difference(OFlags::NOFOLLOW);
const DOING: &str = "opening a session folder";

/// The folder with all sessions. Everything inside is opened relative to it, so nobody can redirect the storage with a link.
///
/// Its path may be a link, which is followed when the folder is opened. It is followed again only if that folder is deleted:
/// while the folder exists, switching the link has no effect on this process.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    root: RwLock<OwnedFd>,
    /// The user that it belongs to: the one that the process ran as when it was opened.
    user: u32,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self> {
        // A trailing slash would make the system follow a link.
        let path: PathBuf = path.components().collect();
        let root = RwLock::new(open_root(&path)?);
        Ok(Self { path, root, user: rustix::process::geteuid().as_raw() })
    }

    pub(super) const fn user(&self) -> u32 {
        self.user
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives access to the open folder.
    pub(super) fn with_root<T>(&self, access: impl FnOnce(&OwnedFd) -> T) -> T {
        access(&self.root.read())
    }

    /// The sub-folder `name`, if it exists and belongs to this user.
    pub(super) fn sub(&self, name: &str) -> Result<Option<OwnedFd>> {
        let gone = {
            let root = self.root.read();
            match open_sub(&*root, name)? {
                Some(sub) => return Ok(Some(sub)),
                // The whole folder was deleted. Another process may have created it again.
                None => rustix::fs::fstat(&*root).doing(DOING)?.st_nlink == 0,
            }
        };
        // Nothing there, or a link that leads nowhere.
        if !gone || std::fs::metadata(&self.path).is_err() {
            return Ok(None);
        }
        let root = open_root(&self.path)?;
        let sub = open_sub(&root, name);
        *self.root.write() = root;
        sub
    }

    /// The sub-folder `name`, created if missing. If the whole session folder was removed, it is created again.
    pub(super) fn make_sub(&self, name: &str) -> Result<OwnedFd> {
        if let Some(sub) = self.sub(name)? {
            return Ok(sub);
        }
        let made = make_private(&*self.root.read(), name);
        match made {
            Err(Errno::NOENT) => {
                *self.root.write() = open_root(&self.path)?;
                make_private(&*self.root.read(), name)
            }
            made => made,
        }
        .doing("making a session folder")?;
        self.sub(name)?.ok_or_else(|| FileError::Setup(format!("the sub-folder {name} is not a folder of this user")))
    }
}

/// The path of a session's file in the session folder: its sub-folder, a slash, and the 64 digits of the key.
pub(super) fn path_of(key: &StoreKey) -> [u8; 67] {
    let mut path = [b'/'; 67];
    path[..2].copy_from_slice(sub_name(key).as_bytes());
    path[3..].copy_from_slice(&key.hex());
    path
}

/// The name of the sub-folder of a key.
pub(super) fn sub_name(key: &StoreKey) -> String {
    format!("{:02x}", key.as_bytes()[0])
}

/// Creates a folder that only this user can access, whatever the umask. It may exist already.
fn make_private(root: impl AsFd, name: &str) -> rustix::io::Result<()> {
    match rustix::fs::mkdirat(&root, name, PRIVATE) {
        Ok(()) => {
            let sub = rustix::fs::openat(&root, name, FOLDER, Mode::empty());
            sub.and_then(|sub| rustix::fs::fchmod(sub, PRIVATE)).inspect_err(|_| {
                // A folder with the wrong mode would never be usable.
                let _ = rustix::fs::unlinkat(&root, name, AtFlags::REMOVEDIR);
            })
        }
        Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error),
    }
}

fn open_sub(root: impl AsFd, name: &str) -> Result<Option<OwnedFd>> {
    match rustix::fs::openat(root, name, FOLDER, Mode::empty()) {
        Ok(sub) => {
            let stat = rustix::fs::fstat(&sub).doing(DOING)?;
            if !is_mine(&stat) {
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

fn is_mine(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

fn refuse<T>(path: &Path, why: &str) -> Result<T> {
    Err(FileError::Setup(format!("{}: {why}", path.display())))
}

/// Opens or creates the session folder, and makes sure that it is private.
fn open_root(path: &Path) -> Result<OwnedFd> {
    match rustix::fs::mkdir(path, PRIVATE) {
        Ok(()) => open_existing_root(path, true).inspect_err(|_| {
            // A folder with the wrong mode would never be usable.
            let _ = rustix::fs::rmdir(path);
        }),
        Err(Errno::EXIST) => open_existing_root(path, false),
        Err(Errno::NOENT) if path.as_os_str().is_empty() => refuse(path, "the path is empty"),
        Err(Errno::NOENT) if !has_parent(path) => refuse(path, "its parent folder does not exist; create it first"),
        Err(error) => refuse(path, &format!("it cannot be created: {error}")),
    }
}

fn has_parent(path: &Path) -> bool {
    path.parent().is_some_and(|parent| parent.as_os_str().is_empty() || parent.exists())
}

fn open_existing_root(path: &Path, created: bool) -> Result<OwnedFd> {
    let is_link = || std::fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink());
    // A folder that was just created is not a link: a link here now comes from somebody else.
    let root = match rustix::fs::open(path, if created { FOLDER } else { ROOT }, Mode::empty()) {
        Ok(root) => root,
        Err(Errno::NOENT) if is_link() => {
            return refuse(path, "it is a symbolic link that leads nowhere; create the folder it leads to first");
        }
        Err(Errno::LOOP) => return refuse(path, "it is a symbolic link that leads to itself"),
        Err(Errno::NOTDIR) => return refuse(path, "it is not a folder"),
        Err(error) => return refuse(path, &format!("it cannot be opened: {error}")),
    };
    let stat = rustix::fs::fstat(&root).doing(DOING)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory || !is_mine(&stat) {
        return refuse(path, "it belongs to another user; sessions need a folder of the user the service runs as");
    }
    let open_to_others = stat.st_mode & 0o077 != 0;
    if created || (open_to_others && is_only_ours(&root)?) {
        rustix::fs::fchmod(&root, PRIVATE).doing(DOING)?;
    } else if open_to_others {
        return refuse(
            path,
            "others may look into it, and it holds other things than sessions; give an empty or a private folder",
        );
    }
    Ok(root)
}

/// Whether a folder holds nothing but session sub-folders, so that making it private harms nobody.
fn is_only_ours(root: &OwnedFd) -> Result<bool> {
    for entry in rustix::fs::Dir::read_from(root).doing(DOING)? {
        let entry = entry.doing(DOING)?;
        let name = entry.file_name().to_bytes();
        let is_sub = name.len() == 2 && name.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_sub && name != b"." && name != b".." {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The names in a sub-folder. A name that is not UTF-8 is converted with losses, so it never matches a session's name.
pub(super) fn names_in(sub: &OwnedFd) -> Result<Vec<String>> {
    const DOING: &str = "listing a session folder";
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(sub).doing(DOING)? {
        let name = entry.doing(DOING)?.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}

/// The keys of the sessions in a sub-folder.
pub(super) fn keys_in(sub: &OwnedFd) -> Result<Vec<StoreKey>> {
    Ok(names_in(sub)?.iter().filter_map(|name| StoreKey::parse(name)).collect())
}
