//! Finding the primary through Sentinels.

use std::{fmt, sync::Arc};

use parking_lot::RwLock;
use redis::Value;

use super::{
    failure::Failure,
    link::{Dialer, ask_node},
    node::Node,
    settings::Settings,
    target::Address,
};

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
    is_doubtful: bool,
}

impl Sentinels {
    pub(super) fn new(sentinels: Vec<Arc<Node>>, service: Box<str>, like: Address, settings: Settings) -> Self {
        Self { sentinels, service, like, settings, primary: RwLock::default() }
    }

    pub(super) fn known(&self) -> Option<Arc<Node>> {
        let primary = self.primary.read();
        primary.node.clone().filter(|_| !primary.is_doubtful)
    }

    pub(super) fn forget(&self, node: &Node) {
        let mut primary = self.primary.write();
        if primary.node.as_ref().is_some_and(|known| known.name() == node.name()) {
            primary.is_doubtful = true;
        }
    }

    /// The primary: the one that is known, or the first that a Sentinel names and that says so itself, as the guidelines for
    /// Sentinel clients ask for: during a failover a Sentinel may still name the old one.
    pub(super) async fn primary<D: Dialer>(&self, dialer: &D) -> Result<Arc<Node>, Failure> {
        if let Some(node) = self.known() {
            return Ok(node);
        }
        let mut failure = Failure::Nowhere("no Sentinel is known");
        for sentinel in &self.sentinels {
            match self.ask(dialer, sentinel).await {
                Ok(node) => {
                    *self.primary.write() = Primary { node: Some(Arc::clone(&node)), is_doubtful: false };
                    return Ok(node);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn ask<D: Dialer>(&self, dialer: &D, sentinel: &Arc<Node>) -> Result<Arc<Node>, Failure> {
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&*self.service);
        let answer = ask_node(dialer, sentinel, &question).await?;
        let Value::Array(parts) = answer else {
            return Err(Failure::Nowhere("the Sentinels know no service of this name"));
        };
        let shape = || Failure::Shape { node: sentinel.name().into() };
        let [Value::BulkString(host), Value::BulkString(port)] = parts.as_slice() else { return Err(shape()) };
        let (host, port) = (std::str::from_utf8(host), std::str::from_utf8(port));
        let (Ok(host), Ok(Ok(port))) = (host, port.map(str::parse)) else { return Err(shape()) };
        let node = self.node(host, port).ok_or_else(shape)?;
        match ask_node(dialer, &node, &redis::cmd("ROLE")).await? {
            Value::Array(role) if matches!(role.first(), Some(Value::BulkString(name)) if name == b"master") => {
                Ok(node)
            }
            _ => Err(Failure::Nowhere("the server that the Sentinels name is no primary")),
        }
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

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels").field("service", &self.service).field("sentinels", &self.sentinels).finish()
    }
}
