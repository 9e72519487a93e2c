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

/// Further ids that one request may present. A browser has several cookies of one name when paths or domains differ.
const MAX_OTHERS: usize = 3;
