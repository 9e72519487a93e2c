//! A key under which there is nothing, for checks.

use rand::{TryRng as _, rngs::SysRng};

use super::{StorageError, StorageErrorKind};
use crate::{KeyScheme, StoreKey};

/// A random key, as a storage with this scheme has them.
pub(super) fn unused_key(scheme: KeyScheme) -> Result<StoreKey, StorageError> {
    let mut random = [0; 32];
    SysRng.try_fill_bytes(&mut random).map_err(|error| {
        StorageError::new(StorageErrorKind::Setup, "reading the system's random numbers").with_source(error)
    })?;
    Ok(scheme.key_of_random(random))
}
