//! Checks that sessions can be stored and read.

use std::io::{ErrorKind, Write as _};

use rand::{TryRng as _, rngs::SysRng};

use super::{
    error::{Doing as _, FileError, Result},
    fs::read,
    store::Store,
    system::{Dir, Opened, Purpose, create, open_own, unlink},
};
use crate::StoreKey;

const CHECKING: &str = "checking the session folder";
/// As much as a session takes on most disks. Some keep less in places that they still have when they are full.
const BLOCK: [u8; 4096] = [0x5e; 4096];

impl Store {
    /// Makes, reads and removes a file as a new session would. It may be any sub-folder, so that frequent checks reach them all. A
    /// sub-folder that was missing stays, with its lock file: another process may be using it by now.
    pub(super) fn check(&self) -> Result<()> {
        let mut random = [0; 32];
        SysRng.try_fill_bytes(&mut random).map_err(|_| FileError::Random)?;
        let key = StoreKey::from_bytes(random);
        let held = self.make_and_hold(&key)?;
        if !self.folder.with_root(Dir::is_own)? {
            let path = self.path().display();
            return Err(FileError::Setup(format!("{path}: it belongs to another user since it was opened")));
        }
        // A name that a sweep removes if the process dies here.
        let name = format!("{key}.tmp-{}-0", std::process::id());
        let tried = self.try_file(&held.sub, &name);
        let removed = unlink(&held.sub, &name);
        tried?;
        removed.map(drop)
    }

    fn try_file(&self, sub: &Dir, name: &str) -> Result<()> {
        let mut file = create(sub, name).doing(CHECKING)?;
        file.write_all(&BLOCK).doing(CHECKING)?;
        if self.is_durable() {
            file.sync_all().doing(CHECKING)?;
        }
        drop(file);
        let Opened::File(file, _) = open_own(sub, name, Purpose::Reading)? else {
            return Err(ErrorKind::NotFound).doing(CHECKING);
        };
        if read(&file, 0, BLOCK.len())? == BLOCK { Ok(()) } else { Err(ErrorKind::InvalidData).doing(CHECKING) }
    }
}
