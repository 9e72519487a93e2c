//! The connections of a storage, blocking or async, behind one interface. In the blocking variant every future completes when it
//! is first polled.

use std::{sync::Arc, time::Duration};

use redis::{Cmd, ConnectionLike as _, Pipeline, RedisResult, Value};

use super::{
    asynchronous::{AsyncConnection, AsyncPool},
    blocking::{BlockingConnection, BlockingPool},
    news::Listener,
    node::Node,
};
use crate::storage::redis::{
    errors::{Failure, checked, is_answer},
    near_cache::{Cache, NearCache, OwnWrites},
};

/// Where connections come from.
#[allow(clippy::large_enum_variant, reason = "a storage has one of each")]
pub(crate) enum Connections {
    /// A stack of idle connections, from which each call takes one.
    Blocking(BlockingPool),
    /// One connection for each thread and node, shared by the requests of the thread.
    Async(AsyncPool),
}

/// A connection to a node.
pub(crate) enum Connection {
    Blocking(Box<BlockingConnection>),
    Async(AsyncConnection),
}

impl Connections {
    pub(crate) fn blocking() -> Self {
        Self::Blocking(BlockingPool::default())
    }

    pub(crate) fn asynchronous(near_cache: Option<(NearCache, Arc<OwnWrites>)>) -> Self {
        Self::Async(AsyncPool::new(near_cache, None))
    }

    /// Async connections over which the servers report to `listener` which keys have changed.
    pub(crate) fn listening(listener: Listener) -> Self {
        Self::Async(AsyncPool::new(None, Some(listener)))
    }

    /// A connection to `node`: an existing one, or a new one.
    ///
    /// A connection that was idle is tested first, because a load balancer may have dropped it without notice. If it gives no
    /// answer, and a new connection cannot be made in time either, the server is slow or gone. Then the old connection is as
    /// good as any, and is used as if it were new.
    pub(crate) async fn connect(&self, node: &Arc<Node>) -> Result<Connection, Failure> {
        match self {
            Self::Blocking(pool) => pool.connect(node).map(Connection::Blocking),
            Self::Async(pool) => pool.connect(node).await.map(Connection::Async),
        }
    }

    /// Returns a sound connection after use.
    pub(crate) fn put_back(&self, node: &Arc<Node>, connection: Connection) {
        // An async connection stays where it is; the caller had a share of it.
        if let (Self::Blocking(pool), Connection::Blocking(connection)) = (self, connection) {
            pool.put_back(node, connection);
        }
    }

    /// Drops a connection that is no longer sound.
    pub(crate) fn discard(&self, node: &Arc<Node>, connection: Connection) {
        match (self, connection) {
            (Self::Blocking(pool), _) => pool.discard(node),
            (Self::Async(pool), Connection::Async(connection)) => pool.discard(node, &connection),
            (Self::Async(_), Connection::Blocking(_)) => {}
        }
    }

    pub(crate) async fn pause(&self, duration: Duration) {
        match self {
            Self::Blocking(_) => std::thread::sleep(duration),
            Self::Async(_) => tokio::time::sleep(duration).await,
        }
    }

    /// This thread's near cache of `node`, if there is a sound connection.
    pub(crate) fn near_cache(&self, node: &Arc<Node>) -> Option<Arc<Cache>> {
        match self {
            Self::Blocking(_) => None,
            Self::Async(pool) => pool.near_cache(node),
        }
    }

    /// Sends read-only commands to one node in one go. Their answers may be errors.
    pub(crate) async fn ask_node(&self, node: &Arc<Node>, questions: &Pipeline) -> Result<Vec<Value>, Failure> {
        let connection = self.connect(node).await?;
        let is_reused = connection.is_reused();
        match self.ask_over(node, connection, questions).await {
            Err(Failure::Lost { .. }) if is_reused => {
                let connection = self.connect(node).await?;
                self.ask_over(node, connection, questions).await
            }
            done => done,
        }
    }

    /// Sends commands over a connection in one go, and puts the connection back. The answers may be errors.
    pub(crate) async fn ask_over(
        &self,
        node: &Arc<Node>,
        mut connection: Connection,
        commands: &Pipeline,
    ) -> Result<Vec<Value>, Failure> {
        let answers = connection.send_all(commands).await;
        match answers {
            Err(error) if !is_answer(&error) => {
                self.discard(node, connection);
                Err(Failure::lost(node.name(), &error))
            }
            answers => {
                self.put_back(node, connection);
                answers.map_err(|error| Failure::refused(node.name(), &error))
            }
        }
    }
}

impl Connection {
    /// Sends a command and returns its answer.
    pub(crate) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let answer = match self {
            Self::Blocking(link) => link.connection.req_command(command),
            Self::Async(link) => {
                let _waiting = link.activity.wait();
                let sent_at = link.time();
                let answer = link.connection.send_packed_command(command).await;
                link.note(sent_at, answer.is_ok());
                answer
            }
        };
        answer.and_then(checked)
    }

    /// Sends commands in one go and returns their answers, some of which may be errors.
    pub(crate) async fn send_all(&mut self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        match self {
            Self::Blocking(link) => {
                link.connection.req_packed_commands(&commands.get_packed_pipeline(), 0, commands.len())
            }
            Self::Async(link) => {
                let _waiting = link.activity.wait();
                let sent_at = link.time();
                let answers = link.connection.send_packed_commands(commands, 0, commands.len()).await;
                link.note(sent_at, answers.is_ok());
                answers
            }
        }
    }

    /// Whether the connection existed before this call, so that it may have died unnoticed. If a new connection is silent, the
    /// server is; and so it is if no new connection could be made in place of an old one.
    pub(crate) const fn is_reused(&self) -> bool {
        match self {
            Self::Blocking(link) => link.is_reused,
            Self::Async(link) => link.is_reused,
        }
    }

    /// Whether the server at the other end was confirmed to be the primary (under Sentinel).
    pub(crate) fn is_confirmed(&self) -> bool {
        match self {
            Self::Blocking(link) => link.is_confirmed,
            Self::Async(link) => link.is_confirmed(),
        }
    }

    pub(crate) fn confirm(&mut self) {
        match self {
            Self::Blocking(link) => link.is_confirmed = true,
            Self::Async(link) => link.confirm(),
        }
    }

    /// Whether the server may know `SET … IFEQ`: until it has refused that option.
    pub(crate) fn knows_replace(&self) -> bool {
        match self {
            Self::Blocking(link) => !link.has_no_replace,
            Self::Async(link) => link.knows_replace(),
        }
    }

    /// Records that the server does not know `SET … IFEQ`.
    pub(crate) fn note_no_replace(&mut self) {
        match self {
            Self::Blocking(link) => link.has_no_replace = true,
            Self::Async(link) => link.note_no_replace(),
        }
    }

    /// The near cache that this connection keeps up to date.
    pub(crate) fn near_cache(&self) -> Option<Arc<Cache>> {
        match self {
            Self::Blocking(_) => None,
            Self::Async(link) => link.near_cache.clone(),
        }
    }
}
