//! Connections to servers. [`Connections`] hands them out, blocking or async, and tests idle ones before they are used.

mod address;
mod asynchronous;
mod backoff;
mod blocking;
mod connections;
mod idle;
mod news;
mod node;
mod settings;
mod tcp;

pub(crate) use address::{Address, Target};
pub(crate) use connections::{Connection, Connections};
pub(crate) use news::{Listener, News};
pub(crate) use node::Node;
pub(crate) use settings::{Replicas, Settings};
