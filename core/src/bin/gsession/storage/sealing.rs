//! The keys of a service that seals its sessions.

use std::path::PathBuf;

use clap::Args;
use gsession::{
    AnyStorage,
    storage::sealed::{KeyRing, Sealed, SealingKey},
};

use crate::failure::Failure;

#[derive(Debug, Args)]
#[command(next_help_heading = "Sealed sessions")]
pub(crate) struct SealingOptions {
    /// The service seals its sessions: the file with its first key.
    #[arg(long, global = true, value_name = "PATH", env = "GSESSION_SEAL_WITH")]
    pub(crate) seal_with: Option<PathBuf>,

    /// A file with an older key of the service. May be given several times.
    #[arg(long, global = true, value_name = "PATH", requires = "seal_with")]
    older_key: Vec<PathBuf>,

    /// The service also opens sessions that are not sealed.
    #[arg(long, global = true, requires = "seal_with")]
    admit_unsealed: bool,
}

impl SealingOptions {
    /// The storage as the service has sealed it; `None` if it has not.
    pub(crate) fn seal(&self, storage: &AnyStorage) -> Result<Option<Sealed<AnyStorage>>, Failure> {
        let Some(first) = &self.seal_with else { return Ok(None) };
        let mut keys = KeyRing::new(SealingKey::from_file(first)?);
        for path in &self.older_key {
            keys = keys.with_older(SealingKey::from_file(path)?);
        }
        let sealed = Sealed::new(storage.clone(), keys);
        Ok(Some(if self.admit_unsealed { sealed.admitting_unsealed() } else { sealed }))
    }
}
