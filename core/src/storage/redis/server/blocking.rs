//! Connections of the blocking face: a stack of idle ones, from which each call takes one for itself.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use redis::{Cmd, Connection, ConnectionLike as _, Pipeline, RedisResult, Value};

use super::{
    backoff::Backoff,
    failure::Failure,
    link::{Dialer, Link, Probed, checked},
    node::Node,
};

/// Idle connections kept.
const MOST_IDLE: usize = 64;

/// The idle connections, the last used on top.
#[derive(Default)]
pub(in crate::storage::redis) struct BlockingDialer {
    idle: Mutex<Vec<Idle>>,
    /// Servers that could not be connected to the last time.
    backoffs: Mutex<Vec<(Arc<Node>, Backoff)>>,
}

struct Idle {
    node: Arc<Node>,
    link: BlockingLink,
    since: Instant,
}

pub(in crate::storage::redis) struct BlockingLink {
    connection: Connection,
    is_confirmed: bool,
    is_reused: bool,
}

impl BlockingDialer {
    fn take(&self, node: &Arc<Node>) -> Option<Idle> {
        let mut idle = self.idle.lock();
        let at = idle.iter().rposition(|idle| idle.node.name() == node.name())?;
        Some(idle.remove(at))
    }

    /// Connects, unless that has failed a moment ago.
    fn dial(&self, node: &Arc<Node>) -> Result<BlockingLink, Failure> {
        if let Some(failure) = self.refusal(node) {
            return Err(failure);
        }
        let dialled = Self::connect(node);
        self.note(node, &dialled);
        dialled
    }

    /// A new connection in the place of a silent one, or that one, if the server is slow.
    fn replace(&self, node: &Arc<Node>, silent: BlockingLink) -> Result<BlockingLink, Failure> {
        let refusal = self.refusal(node);
        let is_refused = refusal.is_some();
        let dialled = refusal.map_or_else(|| Self::connect(node), Err);
        if dialled.as_ref().is_err_and(Failure::is_timeout) {
            // Nothing is noted: that would stand in the way of those who have no connection yet.
            return Ok(BlockingLink { is_reused: false, ..silent });
        }
        if !is_refused {
            self.note(node, &dialled);
        }
        // The other idle ones were used before this one; each would be waited for.
        self.discard(node, silent);
        dialled
    }

    /// Why not to connect yet.
    fn refusal(&self, node: &Node) -> Option<Failure> {
        let backoffs = self.backoffs.lock();
        backoffs.iter().find(|(held, _)| held.name() == node.name()).and_then(|(_, backoff)| backoff.refusal())
    }

    /// Keeps in mind whether a server could be connected to.
    fn note(&self, node: &Arc<Node>, dialled: &Result<BlockingLink, Failure>) {
        let is_this = |(held, _): &(Arc<Node>, Backoff)| held.name() == node.name();
        let mut backoffs = self.backoffs.lock();
        match dialled {
            Ok(_) => backoffs.retain(|held| !is_this(held)),
            Err(failure) => {
                let at = backoffs.iter().position(is_this).unwrap_or_else(|| {
                    backoffs.push((Arc::clone(node), Backoff::default()));
                    backoffs.len() - 1
                });
                backoffs[at].1.failed(failure.clone());
            }
        }
    }

    fn connect(node: &Node) -> Result<BlockingLink, Failure> {
        let connect = || {
            let connection = node.client().get_connection_with_timeout(node.connect_timeout)?;
            let mut link = BlockingLink { connection, is_confirmed: false, is_reused: false };
            link.wait_at_most(node.response_timeout)?;
            if let Some(select) = node.select() {
                link.connection.req_command(&select).and_then(checked)?;
            }
            Ok(link)
        };
        connect().map_err(|error| Failure::connect(node, &error))
    }
}

impl BlockingLink {
    fn wait_at_most(&self, timeout: Duration) -> RedisResult<()> {
        self.connection.set_read_timeout(Some(timeout))?;
        self.connection.set_write_timeout(Some(timeout))
    }

    /// A late answer is left out by the `redis` crate, so that a connection that was silent can still be used.
    fn try_out(&mut self, node: &Node) -> Probed {
        let mut ask = || {
            self.wait_at_most(node.probe_timeout)?;
            let answer = self.connection.req_command(&redis::cmd("PING"));
            self.wait_at_most(node.response_timeout)?;
            answer
        };
        Probed::of(ask())
    }
}

impl Dialer for BlockingDialer {
    type Link = BlockingLink;

    fn link(&self, node: &Arc<Node>) -> impl Future<Output = Result<BlockingLink, Failure>> + Send {
        let link = || {
            let Some(mut idle) = self.take(node) else { return self.dial(node) };
            if idle.since.elapsed() < node.probe_after {
                return Ok(idle.link);
            }
            match idle.link.try_out(node) {
                Probed::Answers => Ok(idle.link),
                Probed::Silent => self.replace(node, idle.link),
                Probed::Broken => {
                    self.discard(node, idle.link);
                    self.dial(node)
                }
            }
        };
        std::future::ready(link())
    }

    fn put_back(&self, node: &Arc<Node>, mut link: BlockingLink) {
        link.is_reused = true;
        let mut idle = self.idle.lock();
        if idle.len() < MOST_IDLE {
            idle.push(Idle { node: Arc::clone(node), link, since: Instant::now() });
        }
    }

    fn discard(&self, node: &Arc<Node>, link: BlockingLink) {
        drop(link);
        // What broke this one has most likely broken the others as well.
        self.idle.lock().retain(|idle| idle.node.name() != node.name());
    }

    fn pause(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        std::thread::sleep(duration);
        std::future::ready(())
    }
}

impl Link for BlockingLink {
    fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }

    fn confirm(&mut self) {
        self.is_confirmed = true;
    }

    fn is_reused(&self) -> bool {
        self.is_reused
    }

    fn send(&mut self, command: &Cmd) -> impl Future<Output = RedisResult<Value>> + Send {
        std::future::ready(self.connection.req_command(command).and_then(checked))
    }

    fn send_all(&mut self, commands: &Pipeline) -> impl Future<Output = RedisResult<Vec<Value>>> + Send {
        let replies = self.connection.req_packed_commands(&commands.get_packed_pipeline(), 0, commands.len());
        std::future::ready(replies)
    }
}
