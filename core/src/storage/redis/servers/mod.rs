//! The servers of a storage: which one has a key, and what to do when it answers that it cannot do something.
//!
//! Routing in a cluster is our own. The cluster client of the `redis` crate repeats a command whose answer was lost, and a change
//! that is made twice can undo what others have changed in between; with `retries(0)` it does not follow `MOVED` and `ASK` either.
//! `fred` counts redirections as attempts. Here a command is repeated only if it certainly was not carried out, or if carrying it
//! out twice has the same effect as once.

mod batch;
mod cluster;
mod request;
mod routing;
mod scan;
mod scan_place;
mod script;
mod sentinel;
mod slots;
mod topology;

pub(crate) use request::{Answer, Effect, Replace, Request, malformed};
pub(crate) use routing::Servers;
pub(crate) use scan::Scan;
pub(crate) use script::Script;
pub(crate) use slots::tag_of;
pub(crate) use topology::Topology;
