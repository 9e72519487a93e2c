//! The storage that the command line asks for.

use gsession::{AnyStorage, FileStorage, MemoryStorage, StorageError};

use crate::cli::{Cli, Kind};

/// Where the sessions are, for the profile page.
#[derive(Debug, Clone)]
pub struct Place {
    /// In words.
    pub name: String,
    /// Whether they are still there when the server has been restarted.
    pub survives_restart: bool,
}

/// Opens the storage, and says where it is.
///
/// # Errors
///
/// When the folder for the sessions cannot be used.
pub fn open(cli: &Cli) -> Result<(AnyStorage, Place), StorageError> {
    Ok(match cli.storage {
        Kind::File => {
            let storage = FileStorage::open(&cli.session_dir)?;
            let name = format!("a file in {}", cli.session_dir.display());
            (AnyStorage::new(storage), Place { name, survives_restart: true })
        }
        Kind::Memory => {
            let name = "the memory of this process".to_owned();
            (AnyStorage::new(MemoryStorage::new()), Place { name, survives_restart: false })
        }
    })
}
