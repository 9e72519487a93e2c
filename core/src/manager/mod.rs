//! Managers combine a storage, an id generator and the lifetimes, and provide sessions.

mod asynchronous;
mod blocking;
mod builder;
mod condition;

pub use asynchronous::AsyncManager;
pub use blocking::Manager;
pub use builder::ManagerBuilder;
