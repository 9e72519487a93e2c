//! What was measured: a number for each handler on each server.

use std::collections::BTreeMap;

use crate::servers::{Handler, Peer};

/// One handler on one server.
pub(crate) type Case = (Peer, Handler);
/// A number for each.
pub(crate) type Numbers = BTreeMap<Case, f64>;

/// Everything measured; what was left out is empty.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) throughput: Numbers,
    pub(crate) p99_micros: Numbers,
    pub(crate) cpu: Numbers,
    pub(crate) cpu_above: Numbers,
    /// Of the database server.
    pub(crate) database_cpu: Numbers,
    pub(crate) instructions: Numbers,
    pub(crate) allocations: Numbers,
    /// What a database server was sent: commands or statements.
    pub(crate) commands: Numbers,
    /// How often it was waited for.
    pub(crate) round_trips: Numbers,
    /// What the scripts of a Redis server ran.
    pub(crate) inside_scripts: Numbers,
}

/// How much more than the bare server, if both were measured.
pub(crate) fn above_bare(numbers: &Numbers, (peer, handler): Case) -> Option<f64> {
    Some(numbers.get(&(peer, handler))? - numbers.get(&(peer.bare(), handler))?)
}
