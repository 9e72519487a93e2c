//! Managers tie a storage, an id generator and the lifetimes together, and give out sessions.

mod asynchronous;
mod blocking;
mod builder;

pub use asynchronous::AsyncManager;
pub use blocking::Manager;
pub use builder::ManagerBuilder;
