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
/// The session folder itself may be reached by a link, which is the administrator's.
const ROOT: OFlags = FOLDER.difference(OFlags::NOFOLLOW);
const DOING: &str = "opening a session folder";

/// The folder that holds all sessions. Everything below is opened relative to it, so that nobody can put a link in the way.
///
/// Its path may be a link. That is followed when the folder is opened, and again only if this folder is deleted: as long as
/// it exists, a link that is switched changes nothing for this process.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    root: RwLock<OwnedFd>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self> {
        // A slash at the end would have the system follow a link.
        let path: PathBuf = path.components().collect();
        let root = RwLock::new(open_root(&path)?);
        Ok(Self { path, root })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks for something below the folder as it was when it was last opened.
    #[cfg(target_os = "linux")]
    pub(super) fn with_root<T>(&self, look: impl FnOnce(&OwnedFd) -> T) -> T {
        look(&self.root.read())
    }

    /// The sub-folder `name`, if it is there and ours.
    pub(super) fn sub(&self, name: &str) -> Result<Option<OwnedFd>> {
        let gone = {
            let root = self.root.read();
            match open_sub(&*root, name)? {
                Some(sub) => return Ok(Some(sub)),
                // Deleted as a whole: perhaps another process has made it anew.
                None => rustix::fs::fstat(&*root).doing(DOING)?.st_nlink == 0,
            }
        };
        // A link that leads nowhere is no folder either.
        if !gone || std::fs::metadata(&self.path).is_err() {
            return Ok(None);
        }
        let root = open_root(&self.path)?;
        let sub = open_sub(&root, name);
        *self.root.write() = root;
        sub
    }

    /// The sub-folder `name`, made if it is not there. If the whole session folder was removed meanwhile, it is made anew.
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

/// The name of the sub-folder of a key.
pub(super) fn sub_name(key: &StoreKey) -> String {
    format!("{:02x}", key.as_bytes()[0])
}

/// Makes a folder that nobody else can look into, whatever the umask. One that is there already is fine.
fn make_private(root: impl AsFd, name: &str) -> rustix::io::Result<()> {
    match rustix::fs::mkdirat(&root, name, PRIVATE) {
        Ok(()) => {
            let sub = rustix::fs::openat(&root, name, FOLDER, Mode::empty());
            sub.and_then(|sub| rustix::fs::fchmod(sub, PRIVATE)).inspect_err(|_| {
                // One with the wrong mode would be in the way for good.
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

/// Opens the session folder, or makes it, and sees to it that it is private.
fn open_root(path: &Path) -> Result<OwnedFd> {
    match rustix::fs::mkdir(path, PRIVATE) {
        Ok(()) => open_existing_root(path, true).inspect_err(|_| {
            // One with the wrong mode would be in the way for good.
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
    // What was just made is no link, so one that stands there now was put there by somebody else.
    let root = match rustix::fs::open(path, if created { FOLDER } else { ROOT }, Mode::empty()) {
        Ok(root) => root,
        Err(Errno::NOENT) if is_link() => {
            return refuse(path, "it is a symbolic link that leads nowhere; create the folder it leads to first");
        }
        Err(Errno::LOOP) => return refuse(path, "it is a symbolic link that leads in a circle"),
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

/// Whether a folder holds nothing but sub-folders of ours, so that it may be made private without harm.
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

/// The names in a sub-folder. A name that is not UTF-8 is nothing of ours, and shows as such.
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
