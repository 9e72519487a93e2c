//! Finding the primary through Sentinels.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use parking_lot::RwLock;
use redis::Value;

use super::{
    Unlinked,
    failure::{Failure, is_answer},
    link::{Dialer, Link as _, ask_node, checked},
    node::Node,
    settings::Settings,
    target::Address,
};

/// How long the Sentinels are believed before they are asked again: a primary whose place another one took while it lived, because
/// it was cut off, frozen or slow, goes on answering over the connections that stand, until the Sentinels get to it.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// When a connection to a Sentinel counts as idle. By default that would be after as long as the Sentinels are believed, so that
/// nearly every look at them cost a `PING` more. What they are asked changes nothing, and is asked again over a new connection if
/// the old one has died. Who has connections tried out sooner than the Sentinels are asked wants it here as well.
pub(super) fn probe_after(asked_for: Duration) -> Duration {
    if asked_for < BELIEVED_FOR { asked_for } else { asked_for.max(BELIEVED_FOR * 10) }
}

pub(super) struct Sentinels {
    sentinels: Vec<Arc<Node>>,
    service: Box<str>,
    like: Address,
    settings: Settings,
    primary: RwLock<Primary>,
}

#[derive(Default)]
struct Primary {
    node: Option<Arc<Node>>,
    /// The number of the failover that made it the primary.
    epoch: u64,
    is_doubtful: bool,
    /// When the Sentinels were asked last.
    asked: Option<Instant>,
    /// When they answered last.
    heard: Option<Instant>,
}

impl Primary {
    fn is_believed(&self) -> bool {
        !self.is_doubtful && self.asked.is_some_and(|asked| asked.elapsed() < BELIEVED_FOR)
    }
}

/// What a Sentinel answers.
struct Named {
    node: Arc<Node>,
    /// The number of the failover that made this one the primary.
    epoch: u64,
}

impl Sentinels {
    pub(super) fn new(sentinels: Vec<Arc<Node>>, service: Box<str>, like: Address, settings: Settings) -> Self {
        Self { sentinels, service, like, settings, primary: RwLock::default() }
    }

    pub(super) fn known(&self) -> Option<Arc<Node>> {
        let primary = self.primary.read();
        primary.node.clone().filter(|_| primary.is_believed())
    }

    pub(super) fn forget(&self, node: &Node) {
        let mut primary = self.primary.write();
        if primary.node.as_ref().is_some_and(|known| known.name() == node.name()) {
            primary.is_doubtful = true;
        }
    }

    /// The primary: the one that is known, or the one that the Sentinels name. If they don't answer, connections to the last one
    /// that stand may go on; a new one needs them anyway.
    pub(super) async fn primary<D: Dialer>(&self, dialer: &D) -> Result<Arc<Node>, Failure> {
        if let Some(node) = self.known() {
            return Ok(node);
        }
        // Others go on with the last one meanwhile.
        self.primary.write().asked = Some(Instant::now());
        self.look(dialer).await.or_else(|failure| {
            let mut primary = self.primary.write();
            primary.asked = Some(Instant::now());
            primary.node.clone().ok_or(failure)
        })
    }

    /// Whether the server at the other end of a new connection is the primary: the Sentinels name it now, and it says so itself,
    /// as the guidelines for Sentinel clients ask for. An old primary that is started again takes itself for one until the
    /// Sentinels get to it, and forgets then what it was told meanwhile. When they make a server a replica, they break the
    /// connections that it has.
    pub(super) async fn confirm<D: Dialer>(&self, dialer: &D, node: &Node, link: &mut D::Link) -> Result<(), Unlinked> {
        let elsewhere = |why| Err(Unlinked::Elsewhere(why));
        if self.look(dialer).await.map_err(Unlinked::Unconfirmed)?.name() != node.name() {
            return elsewhere(Failure::Nowhere("the Sentinels name another primary now"));
        }
        match link.send(&redis::cmd("ROLE")).await {
            Ok(Value::Array(role)) if matches!(role.first(), Some(Value::BulkString(name)) if name == b"master") => {
                Ok(())
            }
            Ok(_) => elsewhere(Failure::Nowhere("the server that the Sentinels name is no primary")),
            Err(error) if is_answer(&error) => Err(Unlinked::Unconfirmed(Failure::refused(node.name(), &error))),
            Err(error) => elsewhere(Failure::lost(node.name(), &error)),
        }
    }

    /// The primary that the Sentinels name.
    ///
    /// More than half of the Sentinels are heard, if as many answer, and the one that knows of the latest failover is believed:
    /// one that was cut off or frozen may go on naming an old primary, which takes itself for one when it is started again. Whoever
    /// knows of a later failover than is named is not taken back by a minority, nor by an answer that is older.
    async fn look<D: Dialer>(&self, dialer: &D) -> Result<Arc<Node>, Failure> {
        let began = Instant::now();
        let mut failure = Failure::Nowhere("no Sentinel is known");
        let mut heard: Vec<Named> = Vec::new();
        let mut asked: FuturesUnordered<_> = self.sentinels.iter().map(|sentinel| self.ask(dialer, sentinel)).collect();
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(named) => heard.push(named),
                Err(error) => failure = error,
            }
            if heard.len() > self.sentinels.len() / 2 {
                break;
            }
        }
        let are_most = heard.len() > self.sentinels.len() / 2;
        let Some(named) = heard.into_iter().max_by_key(|named| named.epoch) else { return Err(failure) };
        let mut primary = self.primary.write();
        let is_newer = primary.heard.is_none_or(|heard| heard <= began);
        if named.epoch < primary.epoch && !(are_most && is_newer) {
            // The later one is believed as long as before.
            return primary.node.clone().ok_or(failure);
        }
        let now = Some(Instant::now());
        // Connections belong to the node they were made for.
        let node = primary.node.take().filter(|node| node.name() == named.node.name()).unwrap_or(named.node);
        *primary =
            Primary { node: Some(Arc::clone(&node)), epoch: named.epoch, is_doubtful: false, asked: now, heard: now };
        Ok(node)
    }

    async fn ask<D: Dialer>(&self, dialer: &D, sentinel: &Arc<Node>) -> Result<Named, Failure> {
        let mut questions = redis::pipe();
        questions.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&*self.service);
        questions.cmd("SENTINEL").arg("MASTER").arg(&*self.service);
        let answers = ask_node(dialer, sentinel, &questions).await?;
        let shape = || Failure::Shape { node: sentinel.name().into() };
        let [address, about] = <[Value; 2]>::try_from(answers).map_err(|_| shape())?;
        let address = checked(address).map_err(|error| Failure::refused(sentinel.name(), &error))?;
        let Value::Array(parts) = address else {
            return Err(Failure::Nowhere("the Sentinels know no service of this name"));
        };
        let [Value::BulkString(host), Value::BulkString(port)] = parts.as_slice() else { return Err(shape()) };
        let (host, port) = (std::str::from_utf8(host), std::str::from_utf8(port));
        let (Ok(host), Ok(Ok(port))) = (host, port.map(str::parse)) else { return Err(shape()) };
        // A Sentinel that may not be asked this counts for less than one that answers.
        Ok(Named { node: self.node(host, port).ok_or_else(shape)?, epoch: epoch_in(&about).unwrap_or_default() })
    }

    fn node(&self, host: &str, port: u16) -> Option<Arc<Node>> {
        let address = self.like.beside(host, port);
        let name = address.at.to_string();
        if let Some(node) = self.primary.read().node.as_ref().filter(|node| node.name() == name) {
            return Some(Arc::clone(node));
        }
        Node::new(&address.at, &address.login, &self.settings).ok()
    }
}

/// The `config-epoch` in what a Sentinel tells about a primary, in either version of the protocol.
fn epoch_in(about: &Value) -> Option<u64> {
    let is_epoch = |name: &Value| matches!(name, Value::BulkString(name) if name == b"config-epoch");
    let value = match about {
        Value::Array(parts) => parts.chunks_exact(2).find(|pair| is_epoch(&pair[0])).map(|pair| &pair[1]),
        Value::Map(pairs) => pairs.iter().find(|(name, _)| is_epoch(name)).map(|(_, value)| value),
        _ => None,
    };
    let Some(Value::BulkString(value)) = value else { return None };
    std::str::from_utf8(value).ok()?.parse().ok()
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels").field("service", &self.service).field("sentinels", &self.sentinels).finish()
    }
}
