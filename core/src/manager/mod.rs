//! Managers tie a storage, an id generator and the lifetimes together, and give out sessions.

mod asynchronous;
mod blocking;
mod builder;
mod methods;

pub use asynchronous::AsyncManager;
pub(crate) use asynchronous::remove_through;
pub use blocking::Manager;
pub(crate) use blocking::remove_through as remove_through_blocking;
pub use builder::ManagerBuilder;

/// Renewals through which a session is followed to its end. Keys never repeat, so only a broken storage gets this far.
const MAX_HOPS: usize = 1_000_000;

/// Further ids that one request may present. A browser has several cookies of one name when paths or domains differ.
const MAX_OTHERS: usize = 3;

fn lost_track() -> crate::StorageError {
    crate::StorageError::new(crate::StorageErrorKind::Other, "following a session through its renewals")
}
