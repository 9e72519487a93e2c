//! Which server has which key, and how that is found out again when it has changed.

use std::{fmt, sync::Arc};

use parking_lot::RwLock;
use redis::{Pipeline, RedisError};

use super::{
    failure::Failure,
    link::{Dialer, ask_node, checked},
    node::Node,
    sentinel::{self, Sentinels},
    settings::Settings,
    slots::{SlotMap, announced, slot_of},
    target::{Address, Target},
};

pub(super) enum Topology {
    Single(Arc<Node>),
    Sentinel(Sentinels),
    Cluster(Cluster),
}

/// A cluster as it was last seen.
pub(super) struct Cluster {
    seeds: Vec<(Address, Arc<Node>)>,
    settings: Settings,
    seen: RwLock<Seen>,
}

#[derive(Default)]
struct Seen {
    map: Option<Arc<SlotMap>>,
    /// Whether the map was found to be wrong somewhere.
    is_stale: bool,
    /// Every node there ever was, so that its connections are found again.
    nodes: Vec<Arc<Node>>,
}

impl Topology {
    pub(super) fn new(target: Target, settings: &Settings) -> Result<Self, RedisError> {
        let nodes = |addresses: Vec<Address>| {
            let node = |address: Address| {
                let node = Node::new(&address.at, &address.login, settings)?;
                Ok((address, node))
            };
            addresses.into_iter().map(node).collect::<Result<Vec<_>, RedisError>>()
        };
        Ok(match target {
            Target::Single(address) => Self::Single(Node::new(&address.at, &address.login, settings)?),
            Target::Sentinel {
                sentinels,
                service,
                like,
                #[cfg(feature = "redis-tls")]
                sentinel_tls,
            } => {
                // Sentinels tell about themselves, not about keys.
                let plain = Settings {
                    probe_after: sentinel::probe_after(settings.probe_after),
                    near_cache: None,
                    replicas: None,
                    #[cfg(feature = "redis-tls")]
                    tls: sentinel_tls,
                    ..settings.clone()
                };
                let sentinel = |address: &Address| Node::new(&address.at, &address.login, &plain);
                let sentinels = sentinels.iter().map(sentinel).collect::<Result<_, _>>()?;
                Self::Sentinel(Sentinels::new(sentinels, service, like, settings.clone()))
            }
            Target::Cluster(addresses) => {
                Self::Cluster(Cluster { seeds: nodes(addresses)?, settings: settings.clone(), seen: RwLock::default() })
            }
        })
    }

    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Whether another server may take a server's place.
    pub(super) const fn may_change(&self) -> bool {
        !matches!(self, Self::Single(_))
    }

    /// The server that has `key`, as far as is known without asking.
    pub(super) fn known_node_of(&self, key: &[u8]) -> Option<Arc<Node>> {
        match self {
            Self::Single(node) => Some(Arc::clone(node)),
            Self::Sentinel(sentinels) => sentinels.known(),
            Self::Cluster(cluster) => cluster.known(slot_of(key)),
        }
    }

    /// The server that has `key`.
    pub(super) async fn node_of<D: Dialer>(&self, dialer: &D, key: &[u8]) -> Result<Arc<Node>, Failure> {
        match self {
            Self::Single(node) => Ok(Arc::clone(node)),
            Self::Sentinel(sentinels) => sentinels.primary(dialer).await,
            Self::Cluster(cluster) => {
                let slot = slot_of(key);
                match cluster.known(slot) {
                    Some(node) => Ok(node),
                    None => cluster
                        .look(dialer)
                        .await?
                        .node_of(slot)
                        .cloned()
                        .ok_or(Failure::Nowhere("no node of the cluster serves the slot of this key")),
                }
            }
        }
    }

    /// The node at `address` ("host:port"), which `asked` has named.
    pub(super) fn node_at(&self, address: &str, asked: &Node) -> Option<Arc<Node>> {
        let Self::Cluster(cluster) = self else { return None };
        let (host, port) = address.rsplit_once(':')?;
        let own_host = asked.name().rsplit_once(':').map(|(host, _)| host);
        cluster.node(announced(host).or(own_host)?, port.parse().ok()?)
    }

    /// What is known about where things are may be wrong: `node` did not do what was expected of it.
    pub(super) fn forget(&self, node: &Node) {
        match self {
            Self::Single(_) => {}
            Self::Sentinel(sentinels) => sentinels.forget(node),
            Self::Cluster(cluster) => cluster.seen.write().is_stale = true,
        }
    }

    /// Who confirms that a connection leads to the server that has the keys; a node of a cluster knows itself which it has.
    pub(super) const fn sentinels(&self) -> Option<&Sentinels> {
        match self {
            Self::Sentinel(sentinels) => Some(sentinels),
            Self::Single(_) | Self::Cluster(_) => None,
        }
    }

    pub(super) async fn primaries<D: Dialer>(&self, dialer: &D) -> Result<Vec<Arc<Node>>, Failure> {
        match self {
            Self::Single(node) => Ok(vec![Arc::clone(node)]),
            Self::Sentinel(sentinels) => Ok(vec![sentinels.primary(dialer).await?]),
            Self::Cluster(cluster) => Ok(cluster.look(dialer).await?.nodes()),
        }
    }
}

impl Cluster {
    fn known(&self, slot: u16) -> Option<Arc<Node>> {
        let seen = self.seen.read();
        let map = seen.map.as_ref().filter(|_| !seen.is_stale)?;
        map.node_of(slot).cloned()
    }

    /// The node at an address: the one that is known there, or a new one.
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

    /// Asks the nodes, those that served last first, until one tells who serves what.
    async fn look<D: Dialer>(&self, dialer: &D) -> Result<Arc<SlotMap>, Failure> {
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
            match self.ask(dialer, node).await {
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

    async fn ask<D: Dialer>(&self, dialer: &D, node: &Arc<Node>) -> Result<SlotMap, Failure> {
        let mut question = Pipeline::with_capacity(1);
        question.ignore_errors();
        question.cmd("CLUSTER").arg("SLOTS");
        let answer = ask_node(dialer, node, &question).await?.pop().unwrap_or_default();
        let answer = checked(answer).map_err(|error| Failure::refused(node.name(), &error))?;
        let own_host = node.name().rsplit_once(':').map(|(host, _)| host);
        SlotMap::read(&answer, |host, port| self.node(announced(host).or(own_host)?, port))
            .ok_or(Failure::Nowhere("the cluster serves no slots, or the server is not part of a cluster"))
    }
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(node) => node.fmt(f),
            Self::Sentinel(sentinels) => sentinels.fmt(f),
            Self::Cluster(cluster) => f.debug_list().entries(cluster.seeds.iter().map(|(_, node)| node)).finish(),
        }
    }
}
