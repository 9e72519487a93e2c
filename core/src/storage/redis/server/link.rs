//! Connections, as the blocking and the async face of a storage hold them.

use std::{future::Future, sync::Arc, time::Duration};

use redis::{Cmd, Pipeline, RedisResult, Value};

use super::{
    failure::{Failure, is_answer},
    node::Node,
};

/// Where connections come from. The blocking face's futures never wait: they are done when they are first polled.
pub(in crate::storage::redis) trait Dialer: Send + Sync {
    /// A connection.
    type Link: Link;

    /// A sound connection to `node`: one that is there, or a new one.
    fn link(&self, node: &Arc<Node>) -> impl Future<Output = Result<Self::Link, Failure>> + Send;

    /// Takes a connection back that is sound after it was used.
    fn put_back(&self, node: &Arc<Node>, link: Self::Link);

    /// Lets go of a connection that is not sound any more.
    fn discard(&self, node: &Arc<Node>, link: Self::Link);

    /// Waits.
    fn pause(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// One connection.
pub(in crate::storage::redis) trait Link: Send {
    /// Sends a command and waits for its answer.
    fn send(&mut self, command: &Cmd) -> impl Future<Output = RedisResult<Value>> + Send;

    /// Whether it was found to lead to the server that it is taken to lead to.
    fn is_confirmed(&self) -> bool;

    /// It was found to.
    fn confirm(&mut self);

    /// Sends commands in one go and waits for their answers, some of which may be errors.
    fn send_all(&mut self, commands: &Pipeline) -> impl Future<Output = RedisResult<Vec<Value>>> + Send;
}

/// An error answer is an error; what is inside of an array stays there.
pub(super) fn checked(value: Value) -> RedisResult<Value> {
    match value {
        Value::ServerError(error) => Err(error.into()),
        value => Ok(value),
    }
}

/// Asks one node one thing, whatever it is that it has.
pub(super) async fn ask_node<D: Dialer>(dialer: &D, node: &Arc<Node>, command: &Cmd) -> Result<Value, Failure> {
    let mut link = dialer.link(node).await?;
    let answer = link.send(command).await;
    returned(dialer, node, link, answer)
}

/// Asks one node several things in one go; their answers may be errors.
pub(super) async fn ask_node_all<D: Dialer>(
    dialer: &D,
    node: &Arc<Node>,
    commands: &Pipeline,
) -> Result<Vec<Value>, Failure> {
    let link = dialer.link(node).await?;
    ask_over(dialer, node, link, commands).await
}

/// Asks several things in one go over a connection that is there; their answers may be errors.
pub(super) async fn ask_over<D: Dialer>(
    dialer: &D,
    node: &Arc<Node>,
    mut link: D::Link,
    commands: &Pipeline,
) -> Result<Vec<Value>, Failure> {
    let answers = link.send_all(commands).await;
    returned(dialer, node, link, answers)
}

/// Gives a connection back, if it is sound after this answer.
fn returned<D: Dialer, T>(dialer: &D, node: &Arc<Node>, link: D::Link, answer: RedisResult<T>) -> Result<T, Failure> {
    match answer {
        Ok(answer) => {
            dialer.put_back(node, link);
            Ok(answer)
        }
        Err(error) if is_answer(&error) => {
            dialer.put_back(node, link);
            Err(Failure::refused(node.name(), &error))
        }
        Err(error) => {
            dialer.discard(node, link);
            Err(Failure::lost(node.name(), &error))
        }
    }
}
