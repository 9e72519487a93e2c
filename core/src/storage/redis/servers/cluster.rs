//! A cluster as it was last seen.

use std::{fmt, sync::Arc};

use parking_lot::RwLock;
use redis::Pipeline;

use super::slots::{SlotMap, announced, slot_of};
use crate::storage::redis::{
    connection::{Address, Connections, Node, Settings},
    errors::{Failure, checked},
};

pub(crate) struct Cluster {
    seeds: Vec<(Address, Arc<Node>)>,
    settings: Settings,
    seen: RwLock<Seen>,
}

#[derive(Default)]
struct Seen {
    map: Option<Arc<SlotMap>>,
    /// Whether a node has contradicted the map.
    is_stale: bool,
    /// All nodes that were ever part of it, so that their connections are reused.
    nodes: Vec<Arc<Node>>,
}

impl Cluster {
    pub(super) fn new(seeds: Vec<(Address, Arc<Node>)>, settings: Settings) -> Self {
        Self { seeds, settings, seen: RwLock::default() }
    }

    /// The node that has `key`, if that is known without asking.
    pub(super) fn known_node_of(&self, key: &[u8]) -> Option<Arc<Node>> {
        let seen = self.seen.read();
        let map = seen.map.as_ref().filter(|_| !seen.is_stale)?;
        map.node_of(slot_of(key)).cloned()
    }

    pub(super) async fn node_of(&self, connections: &Connections, key: &[u8]) -> Result<Arc<Node>, Failure> {
        match self.known_node_of(key) {
            Some(node) => Ok(node),
            None => {
                let map = self.update(connections).await?;
                let node = map.node_of(slot_of(key)).cloned();
                node.ok_or(Failure::Nowhere("no node of the cluster serves the slot of this key"))
            }
        }
    }

    /// The node at `address` ("host:port"), which `asked` has named.
    pub(super) fn node_at(&self, address: &str, asked: &Node) -> Option<Arc<Node>> {
        let (host, port) = address.rsplit_once(':')?;
        self.node(announced(host).or(host_of(asked))?, port.parse().ok()?)
    }

    pub(super) fn mark_stale(&self) {
        self.seen.write().is_stale = true;
    }

    pub(super) async fn primaries(&self, connections: &Connections) -> Result<Vec<Arc<Node>>, Failure> {
        Ok(self.update(connections).await?.nodes())
    }

    /// The known node at an address, or a new one.
    fn node(&self, host: &str, port: u16) -> Option<Arc<Node>> {
        let (like, _) = self.seeds.first()?;
        let address = like.beside(host, port);
        let name = address.at.to_string();
        let mut seen = self.seen.write();
        let seeds = self.seeds.iter().map(|(_, node)| node);
        if let Some(node) = seen.nodes.iter().chain(seeds).find(|node| node.name() == name) {
            return Some(Arc::clone(node));
        }
        let node = Node::new(&address.at, &address.login, &self.settings).ok()?;
        seen.nodes.push(Arc::clone(&node));
        Some(node)
    }

    /// Asks the nodes, last known primaries first, until one returns the map of slots.
    async fn update(&self, connections: &Connections) -> Result<Arc<SlotMap>, Failure> {
        let candidates = {
            let seen = self.seen.read();
            let mut nodes = seen.map.as_ref().map(|map| map.nodes()).unwrap_or_default();
            nodes.extend(self.seeds.iter().map(|(_, node)| node).chain(&seen.nodes).cloned());
            nodes
        };
        let mut asked: Vec<&str> = Vec::new();
        let mut failure = Failure::Nowhere("no node of the cluster is known");
        for node in &candidates {
            if asked.contains(&node.name()) {
                continue;
            }
            asked.push(node.name());
            match self.ask(connections, node).await {
                Ok(map) => {
                    let map = Arc::new(map);
                    let mut seen = self.seen.write();
                    (seen.map, seen.is_stale) = (Some(Arc::clone(&map)), false);
                    return Ok(map);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn ask(&self, connections: &Connections, node: &Arc<Node>) -> Result<SlotMap, Failure> {
        let mut question = Pipeline::with_capacity(1);
        question.ignore_errors();
        question.cmd("CLUSTER").arg("SLOTS");
        let answer = connections.ask_node(node, &question).await?.pop().unwrap_or_default();
        let answer = checked(answer).map_err(|error| Failure::refused(node.name(), &error))?;
        SlotMap::read(&answer, |host, port| self.node(announced(host).or(host_of(node))?, port))
            .ok_or(Failure::Nowhere("the cluster serves no slots, or the server is not part of a cluster"))
    }
}

fn host_of(node: &Node) -> Option<&str> {
    node.name().rsplit_once(':').map(|(host, _)| host)
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.seeds.iter().map(|(_, node)| node)).finish()
    }
}
