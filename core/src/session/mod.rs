//! Sessions: one state machine without I/O, and two thin drivers around it.

mod alteration;
mod asynchronous;
mod blocking;
mod config;
mod delivery;
mod lifetime;
mod machine;
mod methods;
mod overtaken;
mod presented;
mod reading;
mod steps;
#[cfg(test)]
mod table;
mod values;
mod writing;

pub use asynchronous::AsyncSession;
pub use blocking::Session;
pub(crate) use config::Config;
pub use delivery::{Closed, Delivery, ListedSession, Saved, SessionInfo};
pub(crate) use lifetime::Lifetime;
pub(crate) use machine::Machine;
