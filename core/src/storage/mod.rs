//! Where sessions are kept: the contract every storage meets, and the storages that come with gsession.
//!
//! A storage knows records and keys. It knows neither ids nor requests, and it never creates what was not asked to be
//! created: there is no "save the whole session", only changes to one that still exists.

mod any_storage;
mod asynchronous;
mod blocking;
mod error;
#[cfg(all(feature = "file", unix))]
pub mod file;
pub mod memory;
mod outcome;
mod pointer;
#[cfg(feature = "tokio")]
mod pool;
#[cfg(feature = "redis")]
pub mod redis;
mod sweeper;
mod trail;

pub use crate::{
    id::SealedId,
    record::{Access, Bounds, Extend, Snapshot},
};
pub use any_storage::{AnyStorage, IntoStorage};
pub use asynchronous::{AsyncStorage, StorageFuture};
pub use blocking::Storage;
pub use error::{StorageError, StorageErrorKind};
pub use outcome::{Committed, Created, Found, Lookup, Moved, Removed, Swept, Tombstone, Touched};
use pointer::Pointer;
pub(crate) use trail::{Leads, Trail};

use std::time::Duration;

/// How long a storage remembers that a session was renewed, and under which key it lives on: 1 hour.
///
/// A logout that began before a renewal and ends after it must end the renewed session ([S5](crate::design#s5)); this is how long
/// it may take.
pub const TOMBSTONE_LIFETIME: Duration = Duration::from_secs(60 * 60);
