//! Blocking connections: a stack of idle ones, from which each call takes one.

use std::{sync::Arc, time::Instant};

use parking_lot::Mutex;
use redis::{ConnectionLike as _, RedisResult};

use super::{backoff::Backoff, idle::Probe, node::Node};
use crate::storage::redis::errors::{Failure, checked};

/// Idle connections kept.
const MOST_IDLE: usize = 64;

#[derive(Default)]
pub(crate) struct BlockingPool {
    /// The last used one is on top.
    idle: Mutex<Vec<Idle>>,
    /// Servers to which the last attempt to connect failed.
    backoffs: Mutex<Vec<(Arc<Node>, Backoff)>>,
}

struct Idle {
    node: Arc<Node>,
    connection: Box<BlockingConnection>,
    since: Instant,
}

pub(crate) struct BlockingConnection {
    pub(super) connection: redis::Connection,
    pub(super) is_confirmed: bool,
    pub(super) has_no_replace: bool,
    pub(super) is_reused: bool,
}

impl BlockingPool {
    /// See [`Connections::connect`](super::Connections::connect).
    pub(super) fn connect(&self, node: &Arc<Node>) -> Result<Box<BlockingConnection>, Failure> {
        let mut silent = None;
        if let Some(mut idle) = self.take(node) {
            if idle.since.elapsed() < node.probe_after {
                return Ok(idle.connection);
            }
            match idle.connection.probe(node) {
                Probe::Answered => return Ok(idle.connection),
                Probe::Silent => silent = Some(idle.connection),
                Probe::Broken => self.discard(node),
            }
        }
        let refusal = self.refusal(node);
        let is_refused = refusal.is_some();
        let connected = refusal.map_or_else(|| BlockingConnection::open(node), Err);
        match (connected, silent) {
            // No failure is noted: it would keep others from connecting.
            (Err(failure), Some(mut silent)) if failure.is_timeout() => {
                silent.is_reused = false;
                Ok(silent)
            }
            (connected, silent) => {
                if !is_refused {
                    self.note(node, connected.as_ref().err());
                }
                if silent.is_some() {
                    // The other idle connections were used before this one. Each would have to be waited for.
                    self.discard(node);
                }
                connected
            }
        }
    }

    pub(super) fn put_back(&self, node: &Arc<Node>, mut connection: Box<BlockingConnection>) {
        connection.is_reused = true;
        let mut idle = self.idle.lock();
        if idle.len() < MOST_IDLE {
            idle.push(Idle { node: Arc::clone(node), connection, since: Instant::now() });
        }
    }

    /// Drops the idle connections to a node: what broke one of them has probably broken all.
    pub(super) fn discard(&self, node: &Node) {
        self.idle.lock().retain(|idle| idle.node.name() != node.name());
    }

    fn take(&self, node: &Node) -> Option<Idle> {
        let mut idle = self.idle.lock();
        let at = idle.iter().rposition(|idle| idle.node.name() == node.name())?;
        Some(idle.remove(at))
    }

    /// Why not to connect yet.
    fn refusal(&self, node: &Node) -> Option<Failure> {
        let backoffs = self.backoffs.lock();
        backoffs.iter().find(|(known, _)| known.name() == node.name()).and_then(|(_, backoff)| backoff.refusal())
    }

    /// Records the result of an attempt to connect.
    fn note(&self, node: &Arc<Node>, failure: Option<&Failure>) {
        let mut backoffs = self.backoffs.lock();
        let at = backoffs.iter().position(|(known, _)| known.name() == node.name());
        match (at, failure) {
            (Some(at), Some(failure)) => backoffs[at].1.failed(failure.clone()),
            (Some(at), None) => drop(backoffs.swap_remove(at)),
            (None, Some(failure)) => {
                let mut backoff = Backoff::default();
                backoff.failed(failure.clone());
                backoffs.push((Arc::clone(node), backoff));
            }
            (None, None) => {}
        }
    }
}

impl BlockingConnection {
    fn open(node: &Node) -> Result<Box<Self>, Failure> {
        let open = || {
            let mut connection = node.client().get_connection_with_timeout(node.connect_timeout)?;
            connection.set_read_timeout(Some(node.response_timeout))?;
            connection.set_write_timeout(Some(node.response_timeout))?;
            if let Some(select) = node.select() {
                connection.req_command(&select).and_then(checked)?;
            }
            Ok(Box::new(Self { connection, is_confirmed: false, has_no_replace: false, is_reused: false }))
        };
        open().map_err(|error| node.connect_failure(&error))
    }

    /// A late answer is skipped by the `redis` crate, so that a connection that was silent can still be used.
    fn probe(&mut self, node: &Node) -> Probe {
        let wait_at_most = |connection: &redis::Connection, timeout| -> RedisResult<()> {
            connection.set_read_timeout(Some(timeout))?;
            connection.set_write_timeout(Some(timeout))
        };
        let mut ping = || {
            wait_at_most(&self.connection, node.probe_timeout)?;
            let answer = self.connection.req_command(&redis::cmd("PING"));
            wait_at_most(&self.connection, node.response_timeout)?;
            answer
        };
        Probe::of(ping())
    }
}
