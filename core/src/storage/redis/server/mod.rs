//! The way to the servers: which one has a key, over which connection, and what to do when it answers that it cannot.
//!
//! The `redis` crate's own cluster client is not used, because it sends a command again whose answer was lost. Whether that
//! command has been done is not known then, and doing it twice could bring a change back that was overwritten since. Here
//! a command is only repeated if it certainly was not done, or if doing it twice is the same as doing it once.

mod backoff;
mod blocking;
mod failure;
mod link;
mod node;
mod pulse;
mod reason;
mod script;
mod sentinel;
mod settings;
mod slots;
mod target;
mod tcp;
#[cfg(feature = "redis-tls")]
mod tls_reason;
mod topology;
mod worker;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{Cmd, Pipeline, RedisError, Value};

pub(super) use blocking::BlockingDialer;
use failure::Refusal;
pub(super) use failure::{Failure, is_answer};
use link::checked;
pub(super) use link::{Dialer, Link};
pub(super) use node::Node;
pub(super) use script::Script;
pub(super) use settings::{Replicas, Settings};
pub(super) use slots::tag_of;
pub(super) use target::{Address, Target};
use topology::Topology;
pub(super) use worker::AsyncDialer;

/// How long to wait before a server is asked again that cannot do something now.
const PAUSE: Duration = Duration::from_millis(25);

/// The servers of a storage.
pub(super) struct Servers {
    topology: Topology,
    settings: Settings,
}

/// Something to ask of the server that has `key`.
pub(super) struct Call<'a> {
    /// What is being done, for errors.
    pub(super) doing: &'static str,
    /// The key by which the server is chosen.
    pub(super) key: &'a [u8],
    pub(super) what: What<'a>,
    /// Whether doing it twice is the same as doing it once.
    pub(super) repeatable: bool,
    /// Whether it has to be confirmed by replicas, if that is asked for.
    pub(super) writes: bool,
}

/// What to ask.
pub(super) enum What<'a> {
    Command(Cmd),
    Script { script: &'static Script, keys: &'a [&'a [u8]], args: &'a [&'a [u8]] },
}

impl What<'_> {
    fn is_script(&self) -> bool {
        matches!(self, Self::Script { .. })
    }
}

/// Why there is no connection to send something over. Nothing was asked yet.
pub(super) enum Unlinked {
    /// Nobody answers there, or another server has its place by now.
    Elsewhere(Failure),
    /// Whether it is the server that has the keys could not be found out.
    Unconfirmed(Failure),
}

impl From<Unlinked> for Failure {
    fn from(unlinked: Unlinked) -> Self {
        match unlinked {
            Unlinked::Elsewhere(failure) | Unlinked::Unconfirmed(failure) => failure,
        }
    }
}

/// How a try ended.
enum Tried {
    Done(Value),
    /// Try again, if there is time left.
    Again,
    /// Try again over a new connection: the one that was there has died unnoticed.
    Reconnect,
}

/// Where a call has come to.
#[derive(Default)]
struct Course {
    /// Send the script's text.
    by_text: bool,
    /// The node to ask instead of the one that the map names, and whether it has to be told so.
    redirect: Option<(Arc<Node>, bool)>,
    /// It was lost once and sent again.
    was_lost: bool,
    failure: Option<Failure>,
}

impl Servers {
    pub(super) fn new(target: Target, settings: Settings) -> Result<Self, RedisError> {
        Ok(Self { topology: Topology::new(target, &settings)?, settings })
    }

    /// Whether keys may live on different nodes.
    pub(super) const fn are_a_cluster(&self) -> bool {
        self.topology.is_cluster()
    }

    /// The node that has `key`, as far as is known without asking.
    pub(super) fn known_node_of(&self, key: &[u8]) -> Option<Arc<Node>> {
        self.topology.known_node_of(key)
    }

    /// Until when another try is begun: for as long as connecting and answering once take at their slowest. `None`: for ever.
    fn deadline(&self) -> Option<Instant> {
        Instant::now().checked_add(self.settings.connect_timeout.saturating_add(self.settings.response_timeout))
    }

    /// Asks the server that has the key.
    pub(super) async fn ask<D: Dialer>(&self, dialer: &D, call: &Call<'_>) -> Result<Value, Failure> {
        let deadline = self.deadline();
        let mut course = Course::default();
        loop {
            match self.attempt(dialer, call, &mut course).await? {
                Tried::Done(value) => return Ok(value),
                Tried::Reconnect => {}
                Tried::Again if deadline.is_none_or(|deadline| Instant::now() < deadline) => {}
                Tried::Again => {
                    return Err(course.failure.unwrap_or(Failure::Nowhere("no server could do it in time")));
                }
            }
        }
    }

    async fn attempt<D: Dialer>(&self, dialer: &D, call: &Call<'_>, course: &mut Course) -> Result<Tried, Failure> {
        let (node, asking) = match course.redirect.take() {
            Some(redirect) => redirect,
            None => (self.topology.node_of(dialer, call.key).await?, false),
        };
        let mut link = match self.connect(dialer, &node).await {
            Ok(link) => link,
            // Nothing was asked yet; another node may have taken this one's place.
            Err(Unlinked::Elsewhere(failure)) if self.topology.may_change() => {
                self.topology.forget(&node);
                course.failure = Some(failure);
                dialer.pause(PAUSE).await;
                return Ok(Tried::Again);
            }
            Err(unlinked) => return Err(unlinked.into()),
        };
        let error = match self.send(&mut link, call, course.by_text, asking, &node).await {
            Ok(value) => {
                dialer.put_back(&node, link);
                return value.map(Tried::Done);
            }
            Err(error) => error,
        };
        if !is_answer(&error) {
            // On a connection that was there before, silence may mean that it leads nowhere any more. On a new one it means that
            // the server does not answer, and will not do so the sooner for being asked again.
            let is_worth_another = link.is_reused() || !error.is_timeout();
            dialer.discard(&node, link);
            self.topology.forget(&node);
            let failure = Failure::lost(node.name(), &error);
            if call.repeatable && is_worth_another && !course.was_lost {
                course.was_lost = true;
                course.failure = Some(failure);
                return Ok(Tried::Reconnect);
            }
            return Err(failure);
        }
        dialer.put_back(&node, link);
        match Refusal::of(&error) {
            Refusal::UnknownScript if call.what.is_script() && !course.by_text => {
                course.by_text = true;
                course.redirect = asking.then_some((node, true));
                Ok(Tried::Again)
            }
            Refusal::Elsewhere { to, only_once } if self.are_a_cluster() => {
                if !only_once {
                    self.topology.forget(&node);
                }
                course.redirect = self.topology.node_at(&to, &node).map(|node| (node, only_once));
                course.failure = Some(Failure::refused(node.name(), &error));
                Ok(Tried::Again)
            }
            Refusal::NotNow if self.topology.may_change() => {
                self.topology.forget(&node);
                course.failure = Some(Failure::refused(node.name(), &error));
                dialer.pause(PAUSE).await;
                Ok(Tried::Again)
            }
            _ => Err(Failure::refused(node.name(), &error)),
        }
    }

    /// A connection to a node that is what it is taken for.
    pub(super) async fn connect<D: Dialer>(&self, dialer: &D, node: &Arc<Node>) -> Result<D::Link, Unlinked> {
        let mut link = dialer.link(node).await.map_err(Unlinked::Elsewhere)?;
        if let Some(sentinels) = self.topology.sentinels()
            && !link.is_confirmed()
        {
            match sentinels.confirm(dialer, node, &mut link).await {
                Ok(()) => link.confirm(),
                Err(unlinked) => {
                    match &unlinked {
                        Unlinked::Elsewhere(_) => dialer.discard(node, link),
                        // It is sound, and may be confirmed later.
                        Unlinked::Unconfirmed(_) => dialer.put_back(node, link),
                    }
                    return Err(unlinked);
                }
            }
        }
        Ok(link)
    }

    /// Sends a call over a connection. The outer error is that of the connection or an answer to act on.
    async fn send<L: Link>(
        &self,
        link: &mut L,
        call: &Call<'_>,
        by_text: bool,
        asking: bool,
        node: &Node,
    ) -> Result<Result<Value, Failure>, RedisError> {
        let made;
        let command = match &call.what {
            What::Command(command) => command,
            What::Script { script, keys, args } => {
                made = script.command(by_text, keys, args);
                &made
            }
        };
        let replicas = self.settings.replicas.filter(|_| call.writes);
        if !asking && replicas.is_none() {
            return link.send(command).await.map(Ok);
        }
        let mut commands = Pipeline::with_capacity(3);
        commands.ignore_errors();
        if asking {
            commands.cmd("ASKING");
        }
        commands.add_command(command.clone());
        if let Some(replicas) = replicas {
            commands
                .cmd("WAIT")
                .arg(replicas.count)
                .arg(u64::try_from(replicas.timeout.as_millis()).unwrap_or(u64::MAX));
        }
        let mut answers = link.send_all(&commands).await?.into_iter().skip(usize::from(asking));
        let answer = checked(answers.next().unwrap_or_default())?;
        if let Some(replicas) = replicas {
            match answers.next() {
                Some(Value::Int(confirmed)) if confirmed >= i64::from(replicas.count) => {}
                Some(Value::Int(confirmed)) => return Ok(Err(Failure::Replicas { confirmed, wanted: replicas.count })),
                Some(other) => {
                    checked(other)?;
                    return Ok(Err(Failure::Shape { node: node.name().into() }));
                }
                None => return Ok(Err(Failure::Shape { node: node.name().into() })),
            }
        }
        Ok(Ok(answer))
    }

    /// The primaries, each of which holds a part of the sessions.
    pub(super) async fn primaries<D: Dialer>(&self, dialer: &D) -> Result<Vec<Arc<Node>>, Failure> {
        self.topology.primaries(dialer).await
    }

    /// Sends questions to one node, which change nothing; their answers may be errors.
    pub(super) async fn ask_node<D: Dialer>(
        &self,
        dialer: &D,
        node: &Arc<Node>,
        questions: &Pipeline,
    ) -> Result<Vec<Value>, Failure> {
        let link = self.connect(dialer, node).await?;
        let is_reused = link.is_reused();
        match link::ask_over(dialer, node, link, questions).await {
            Err(Failure::Lost { .. }) if is_reused => {
                let link = self.connect(dialer, node).await?;
                link::ask_over(dialer, node, link, questions).await
            }
            done => done,
        }
    }
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.topology.fmt(f)
    }
}
