//! Where sessions are stored: the contract of every storage, and the storages that come with gsession.
//!
//! A storage knows records and keys, but neither ids nor requests. It creates nothing unless asked to: there is no
//! "save the whole session", only changes to a session that still exists.

mod any_storage;
mod asynchronous;
mod blocking;
mod error;
#[cfg(feature = "file")]
pub mod file;
pub mod memory;
pub mod moving;
mod observed;
mod outcome;
mod pointer;
#[cfg(feature = "tokio")]
mod pool;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(feature = "redis", feature = "postgres", feature = "sqlite"))]
mod revisions;
mod scanned;
#[cfg(feature = "encryption")]
pub mod sealed;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod sql;
mod sweeper;
mod trail;
mod unused_key;
mod watch;

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
#[cfg(any(feature = "redis", feature = "postgres", feature = "sqlite"))]
pub(crate) use revisions::Revisions;
pub use scanned::{InvalidCursor, ScanCursor, Scanned};
pub(crate) use trail::{Leads, Trail};
#[cfg(any(feature = "file", feature = "redis", feature = "postgres", feature = "sqlite"))]
pub(crate) use watch::Source;
pub use watch::{WATCH_INTERVAL, Watch, Watched};

use std::time::Duration;

/// How long a storage remembers that a session was renewed, and to which key: 1 hour.
///
/// A logout that begins before a renewal and ends after it must end the renewed session ([S5](crate::design#s5)). This
/// is how long it may take.
pub const TOMBSTONE_LIFETIME: Duration = Duration::from_secs(60 * 60);
