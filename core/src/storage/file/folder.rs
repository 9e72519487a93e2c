//! The session folder and its 256 sub-folders.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::RwLock;

use super::{
    error::{Doing as _, FileError, Result},
    system::{Dir, User, open_root},
};
use crate::StoreKey;

/// The folder with all sessions.
///
/// Its path may be a link, which is followed when the folder is opened. It is followed again only if that folder is deleted:
/// while the folder exists, switching the link has no effect on this process.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    root: RwLock<Dir>,
    /// Counts the folders that the path has led to.
    number: AtomicU64,
    /// The user that it belongs to: the one that the process ran as when it was opened.
    user: User,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self> {
        // A trailing slash would make the system follow a link.
        let path: PathBuf = path.components().collect();
        let root = RwLock::new(open_root(&path)?);
        Ok(Self { path, root, number: AtomicU64::new(1), user: User::current() })
    }

    pub(super) const fn user(&self) -> User {
        self.user
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Which of the folders that the path has led to is open, counted from 1. What is known of another one does not hold for it.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    fn replace_root(&self, root: Dir) {
        let mut held = self.root.write();
        *held = root;
        self.number.fetch_add(1, Ordering::Release);
    }

    /// Gives access to the open folder.
    pub(super) fn with_root<T>(&self, access: impl FnOnce(&Dir) -> T) -> T {
        access(&self.root.read())
    }

    /// The sub-folder `name`, if it exists and belongs to this user.
    pub(super) fn sub(&self, name: &str) -> Result<Option<Dir>> {
        let gone = {
            let root = self.root.read();
            match root.open_sub(name)? {
                Some(sub) => return Ok(Some(sub)),
                // The whole folder was deleted. Another process may have created it again.
                None => root.is_removed()?,
            }
        };
        // Nothing there, or a link that leads nowhere.
        if !gone || std::fs::metadata(&self.path).is_err() {
            return Ok(None);
        }
        let root = open_root(&self.path)?;
        let sub = root.open_sub(name);
        self.replace_root(root);
        sub
    }

    /// The sub-folder `name`, created if missing. If the whole session folder was removed, it is created again.
    pub(super) fn make_sub(&self, name: &str) -> Result<Dir> {
        if let Some(sub) = self.sub(name)? {
            return Ok(sub);
        }
        let made = self.root.read().make_sub(name);
        match made {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.replace_root(open_root(&self.path)?);
                self.root.read().make_sub(name)
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

/// The keys of the sessions in a sub-folder.
pub(super) fn keys_in(sub: &Dir) -> Result<Vec<StoreKey>> {
    Ok(sub.names()?.iter().filter_map(|name| StoreKey::parse(name)).collect())
}
