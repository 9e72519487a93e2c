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

    /// A sound connection to `node`: one that is there, or a new one. One that was idle for a while is tried out first: a load
    /// balancer in between may have forgotten it without telling anybody. If it is silent, and a new one cannot be made in time
    /// either, then the server is slow, or gone: the old one is as good as any then, and is waited on as if it was not idle.
    fn link(&self, node: &Arc<Node>) -> impl Future<Output = Result<Self::Link, Failure>> + Send;

    /// Takes a connection back that is sound after it was used.
    fn put_back(&self, node: &Arc<Node>, link: Self::Link);

    /// Lets go of a connection that is not sound any more.
    fn discard(&self, node: &Arc<Node>, link: Self::Link);

    /// Waits.
    fn pause(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// What trying out an idle connection has shown.
pub(super) enum Probed {
    /// The server answers at once, with whatever it is.
    Answers,
    /// It leads nowhere any more, or the server is slow.
    Silent,
    Broken,
}

impl Probed {
    pub(super) fn of(answer: RedisResult<Value>) -> Self {
        match answer {
            Ok(_) => Self::Answers,
            Err(error) if is_answer(&error) => Self::Answers,
            Err(error) if error.is_timeout() => Self::Silent,
            Err(_) => Self::Broken,
        }
    }
}

/// One connection.
pub(in crate::storage::redis) trait Link: Send {
    /// Sends a command and waits for its answer.
    fn send(&mut self, command: &Cmd) -> impl Future<Output = RedisResult<Value>> + Send;

    /// Whether it was found to lead to the server that it is taken to lead to.
    fn is_confirmed(&self) -> bool;

    /// It was found to.
    fn confirm(&mut self);

    /// Whether it was there before this call, so that it may have died unnoticed. On a new one, silence is the server's, and so
    /// it is on an old one if no new one could be made.
    fn is_reused(&self) -> bool;

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

/// Asks one node several things in one go, which change nothing; their answers may be errors.
pub(super) async fn ask_node<D: Dialer>(
    dialer: &D,
    node: &Arc<Node>,
    questions: &Pipeline,
) -> Result<Vec<Value>, Failure> {
    let link = dialer.link(node).await?;
    let is_reused = link.is_reused();
    match ask_over(dialer, node, link, questions).await {
        Err(Failure::Lost { .. }) if is_reused => {
            let link = dialer.link(node).await?;
            ask_over(dialer, node, link, questions).await
        }
        done => done,
    }
}

/// Asks several things in one go over a connection that is there; their answers may be errors.
pub(super) async fn ask_over<D: Dialer>(
    dialer: &D,
    node: &Arc<Node>,
    mut link: D::Link,
    commands: &Pipeline,
) -> Result<Vec<Value>, Failure> {
    match link.send_all(commands).await {
        Ok(answers) => {
            dialer.put_back(node, link);
            Ok(answers)
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
