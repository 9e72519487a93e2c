//! Finding the primary through Sentinels.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use parking_lot::RwLock;
use redis::Value;

use crate::storage::redis::{
    connection::{Address, Connection, Connections, Node, Settings},
    errors::{Failure, checked, is_answer},
};

/// How long the Sentinels' answer is used before they are asked again. A primary that was replaced because it was cut off, frozen
/// or slow keeps answering over its open connections, until the Sentinels reach it.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// When a connection to a Sentinel counts as idle. The default setting equals the interval in which Sentinels are asked, so that
/// nearly every question would cost a `PING` more. The questions are read-only, and are repeated over a new connection if the old
/// one is dead. A setting shorter than the interval applies here as well.
pub(super) fn probe_after(setting: Duration) -> Duration {
    if setting < TRUSTED_FOR { setting } else { setting.max(TRUSTED_FOR * 10) }
}

/// Why a connection cannot be used. Nothing was sent yet.
pub(crate) enum Unusable {
    /// The server cannot be connected to, or is not the primary (any more).
    Elsewhere(Failure),
    /// Whether the server is the primary could not be determined.
    Unconfirmed(Failure),
}

impl From<Unusable> for Failure {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Elsewhere(failure) | Unusable::Unconfirmed(failure) => failure,
        }
    }
}

pub(crate) struct Sentinels {
    sentinels: Vec<Arc<Node>>,
    service: Box<str>,
    like: Address,
    settings: Settings,
    primary: RwLock<Primary>,
}

#[derive(Default)]
struct Primary {
    node: Option<Arc<Node>>,
    /// The number of the failover that promoted it.
    epoch: u64,
    is_doubtful: bool,
    /// When the Sentinels were last asked.
    asked: Option<Instant>,
    /// When they last answered.
    answered: Option<Instant>,
}

impl Primary {
    fn is_trusted(&self) -> bool {
        !self.is_doubtful && self.asked.is_some_and(|asked| asked.elapsed() < TRUSTED_FOR)
    }
}

/// What a Sentinel answers.
struct Named {
    node: Arc<Node>,
    /// The number of the failover that promoted it.
    epoch: u64,
}

impl Sentinels {
    pub(super) fn new(sentinels: Vec<Arc<Node>>, service: Box<str>, like: Address, settings: Settings) -> Self {
        Self { sentinels, service, like, settings, primary: RwLock::default() }
    }

    pub(super) fn known(&self) -> Option<Arc<Node>> {
        let primary = self.primary.read();
        primary.node.clone().filter(|_| primary.is_trusted())
    }

    pub(super) fn forget(&self, node: &Node) {
        let mut primary = self.primary.write();
        if primary.node.as_ref().is_some_and(|known| known.name() == node.name()) {
            primary.is_doubtful = true;
        }
    }

    /// The primary: the known one, or the one that the Sentinels name. If they don't answer, open connections to the last one stay
    /// in use; a new connection needs the Sentinels anyway.
    pub(super) async fn primary(&self, connections: &Connections) -> Result<Arc<Node>, Failure> {
        if let Some(node) = self.known() {
            return Ok(node);
        }
        // Meanwhile other requests use the last one.
        self.primary.write().asked = Some(Instant::now());
        self.update(connections).await.or_else(|failure| {
            let mut primary = self.primary.write();
            primary.asked = Some(Instant::now());
            primary.node.clone().ok_or(failure)
        })
    }

    /// Checks that the server at the other end of a new connection is the primary: the Sentinels name it now, and it says so
    /// itself, as the guidelines for Sentinel clients require. An old primary that is restarted considers itself the primary until
    /// the Sentinels reach it, and then discards what was written to it. When Sentinels demote a server, they close its
    /// connections.
    pub(super) async fn confirm(
        &self,
        connections: &Connections,
        node: &Node,
        connection: &mut Connection,
    ) -> Result<(), Unusable> {
        let elsewhere = |why| Err(Unusable::Elsewhere(why));
        if self.update(connections).await.map_err(Unusable::Unconfirmed)?.name() != node.name() {
            return elsewhere(Failure::Nowhere("the Sentinels name another primary now"));
        }
        match connection.send(&redis::cmd("ROLE")).await {
            Ok(Value::Array(role)) if matches!(role.first(), Some(Value::BulkString(name)) if name == b"master") => {
                Ok(())
            }
            Ok(_) => elsewhere(Failure::Nowhere("the server that the Sentinels name is no primary")),
            Err(error) if is_answer(&error) => Err(Unusable::Unconfirmed(Failure::refused(node.name(), &error))),
            Err(error) => elsewhere(Failure::lost(node.name(), &error)),
        }
    }

    /// The primary that the Sentinels name.
    ///
    /// This waits for the answers of more than half of the Sentinels, if as many answer, and uses the one with the latest failover:
    /// a Sentinel that was cut off or frozen may keep naming an old primary, which considers itself the primary when it is
    /// restarted. A failover that is already known is not undone by a minority, nor by an older answer.
    async fn update(&self, connections: &Connections) -> Result<Arc<Node>, Failure> {
        let began = Instant::now();
        let mut failure = Failure::Nowhere("no Sentinel is known");
        let mut named: Vec<Named> = Vec::new();
        let mut asked: FuturesUnordered<_> =
            self.sentinels.iter().map(|sentinel| self.ask(connections, sentinel)).collect();
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(answer) => named.push(answer),
                Err(error) => failure = error,
            }
            if named.len() > self.sentinels.len() / 2 {
                break;
            }
        }
        let are_most = named.len() > self.sentinels.len() / 2;
        let Some(named) = named.into_iter().max_by_key(|named| named.epoch) else { return Err(failure) };
        let mut primary = self.primary.write();
        let is_newer = primary.answered.is_none_or(|answered| answered <= began);
        if named.epoch < primary.epoch && !(are_most && is_newer) {
            // The later one stays trusted for as long as before.
            return primary.node.clone().ok_or(failure);
        }
        let now = Some(Instant::now());
        // Connections belong to a `Node`: a known one is kept.
        let node = primary.node.take().filter(|node| node.name() == named.node.name()).unwrap_or(named.node);
        *primary = Primary {
            node: Some(Arc::clone(&node)),
            epoch: named.epoch,
            is_doubtful: false,
            asked: now,
            answered: now,
        };
        Ok(node)
    }

    async fn ask(&self, connections: &Connections, sentinel: &Arc<Node>) -> Result<Named, Failure> {
        let mut questions = redis::pipe();
        questions.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&*self.service);
        questions.cmd("SENTINEL").arg("MASTER").arg(&*self.service);
        let answers = connections.ask_node(sentinel, &questions).await?;
        let shape = || Failure::Shape { node: sentinel.name().into() };
        let [address, about] = <[Value; 2]>::try_from(answers).map_err(|_| shape())?;
        let address = checked(address).map_err(|error| Failure::refused(sentinel.name(), &error))?;
        let Value::Array(parts) = address else {
            return Err(Failure::Nowhere("the Sentinels know no service of this name"));
        };
        let [Value::BulkString(host), Value::BulkString(port)] = parts.as_slice() else { return Err(shape()) };
        let (host, port) = (std::str::from_utf8(host), std::str::from_utf8(port));
        let (Ok(host), Ok(Ok(port))) = (host, port.map(str::parse)) else { return Err(shape()) };
        // A Sentinel that refuses the second question has the lowest epoch.
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

/// The `config-epoch` in a Sentinel's answer about a primary, in either version of the protocol.
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
