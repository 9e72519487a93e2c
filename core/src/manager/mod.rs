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

/// A session that is renewed again and again while it is being ended would be followed for ever.
const MAX_HOPS: usize = 64;
