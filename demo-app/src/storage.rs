//! The storage that the command line asks for.

use gsession::{AnyStorage, FileStorage, MemoryStorage, StorageError};

use crate::cli::{Cli, Kind};

/// Where the sessions are, in words for the profile page.
pub(crate) struct Place(pub(crate) String);

pub(crate) fn open(cli: &Cli) -> Result<(AnyStorage, Place), StorageError> {
    Ok(match cli.storage {
        Kind::File => {
            let storage = FileStorage::open(&cli.session_dir)?;
            (AnyStorage::new(storage), Place(format!("a file in {}", cli.session_dir.display())))
        }
        Kind::Memory => (AnyStorage::new(MemoryStorage::new()), Place("the memory of this process".to_owned())),
    })
}
