//! Which server has which key: one server, the primary that Sentinels name, or the nodes of a cluster.

use std::{fmt, sync::Arc};

use redis::RedisError;

use super::{
    cluster::Cluster,
    sentinel::{self, Sentinels},
};
use crate::storage::redis::{
    connection::{Address, Connections, Node, Settings, Target},
    errors::Failure,
};

pub(crate) enum Topology {
    Single(Arc<Node>),
    Sentinel(Sentinels),
    Cluster(Cluster),
}

impl Topology {
    pub(crate) fn new(target: Target, settings: &Settings) -> Result<Self, RedisError> {
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
                let plain = Settings {
                    probe_after: sentinel::probe_after(settings.probe_after),
                    near_cache: None,
                    keeps_sessions: false,
                    replicas: None,
                    #[cfg(feature = "redis-tls")]
                    tls: sentinel_tls,
                    ..settings.clone()
                };
                let sentinel = |address: &Address| Node::new(&address.at, &address.login, &plain);
                let sentinels = sentinels.iter().map(sentinel).collect::<Result<_, _>>()?;
                Self::Sentinel(Sentinels::new(sentinels, service, like, settings.clone()))
            }
            Target::Cluster(addresses) => Self::Cluster(Cluster::new(nodes(addresses)?, settings.clone())),
        })
    }

    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Whether another server may take over the keys of a server.
    pub(super) const fn may_change(&self) -> bool {
        !matches!(self, Self::Single(_))
    }

    /// The server that has `key`, if that is known without asking.
    pub(super) fn known_node_of(&self, key: &[u8]) -> Option<Arc<Node>> {
        match self {
            Self::Single(node) => Some(Arc::clone(node)),
            Self::Sentinel(sentinels) => sentinels.known(),
            Self::Cluster(cluster) => cluster.known_node_of(key),
        }
    }

    /// The server that has `key`.
    pub(super) async fn node_of(&self, connections: &Connections, key: &[u8]) -> Result<Arc<Node>, Failure> {
        match self {
            Self::Single(node) => Ok(Arc::clone(node)),
            Self::Sentinel(sentinels) => sentinels.primary(connections).await,
            Self::Cluster(cluster) => cluster.node_of(connections, key).await,
        }
    }

    /// The node at `address` ("host:port"), which `asked` has named.
    pub(super) fn node_at(&self, address: &str, asked: &Node) -> Option<Arc<Node>> {
        if let Self::Cluster(cluster) = self { cluster.node_at(address, asked) } else { None }
    }

    /// Records that the topology may have changed: `node` did not do what was expected of it.
    pub(super) fn forget(&self, node: &Node) {
        match self {
            Self::Single(_) => {}
            Self::Sentinel(sentinels) => sentinels.forget(node),
            Self::Cluster(cluster) => cluster.mark_stale(),
        }
    }

    /// The Sentinels that have to confirm a new connection. A node of a cluster knows itself which keys it has.
    pub(super) const fn sentinels(&self) -> Option<&Sentinels> {
        match self {
            Self::Sentinel(sentinels) => Some(sentinels),
            Self::Single(_) | Self::Cluster(_) => None,
        }
    }

    pub(super) async fn primaries(&self, connections: &Connections) -> Result<Vec<Arc<Node>>, Failure> {
        match self {
            Self::Single(node) => Ok(vec![Arc::clone(node)]),
            Self::Sentinel(sentinels) => Ok(vec![sentinels.primary(connections).await?]),
            Self::Cluster(cluster) => cluster.primaries(connections).await,
        }
    }
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(node) => node.fmt(f),
            Self::Sentinel(sentinels) => sentinels.fmt(f),
            Self::Cluster(cluster) => cluster.fmt(f),
        }
    }
}
