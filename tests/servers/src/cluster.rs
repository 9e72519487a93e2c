//! A cluster of three primaries with a replica each.

use std::ops::RangeInclusive;

use crate::{
    Builder, RedisServer,
    resp::{Client, Reply},
    wait,
};

/// The servers of a cluster: at 0 to 2 the first primaries, at 3 to 5 their replicas.
#[derive(Debug)]
pub struct Cluster {
    /// The servers.
    pub nodes: Vec<RedisServer>,
}

impl Cluster {
    /// Starts a cluster and waits until it works.
    ///
    /// # Panics
    ///
    /// When it does not come about.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(RedisServer::builder)
    }

    /// Starts a cluster of servers that have further settings, and waits until it works.
    ///
    /// # Panics
    ///
    /// When it does not come about.
    #[must_use]
    pub fn start_with(builder: impl Fn() -> Builder) -> Self {
        let node = || {
            builder()
                .set("cluster-enabled", "yes")
                .set("cluster-node-timeout", "1000")
                .set("repl-diskless-sync-delay", "0")
                .set("cluster-replica-validity-factor", "0")
                .start()
        };
        let nodes: Vec<RedisServer> = (0..6).map(|_| node()).collect();
        for (at, range) in [(0, ("0", "5460")), (1, ("5461", "10922")), (2, ("10923", "16383"))] {
            let slots: Vec<String> = (range.0.parse::<u16>().expect("a slot")..=range.1.parse().expect("a slot"))
                .map(|slot| slot.to_string())
                .collect();
            let mut command = vec!["CLUSTER", "ADDSLOTS"];
            command.extend(slots.iter().map(String::as_str));
            nodes[at].command(&command);
        }
        for node in &nodes[1..] {
            nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string()]);
        }
        let cluster = Self { nodes };
        cluster.until("the nodes knowing each other", || {
            let knows = |node: &RedisServer| node.command(&["CLUSTER", "NODES"]).text().lines().count() == 6;
            cluster.nodes.iter().all(knows).then_some(())
        });
        for (replica, primary) in [(3, 0), (4, 1), (5, 2)] {
            let id = cluster.id(primary);
            cluster.until("a replica knowing its primary", || {
                let answer = cluster.nodes[replica].client().command(&["CLUSTER", "REPLICATE", &id]).ok()?;
                (!matches!(answer, Reply::Error(_))).then_some(())
            });
        }
        cluster.until("the cluster working", || {
            let works = |node: &RedisServer| {
                node.command(&["CLUSTER", "INFO"]).text().contains("cluster_state:ok")
                    && node.command(&["CLUSTER", "NODES"]).text().matches("slave").count() == 3
            };
            cluster.nodes.iter().all(works).then_some(())
        });
        cluster.wait_until_settled();
        cluster
    }

    /// Waits until there are three primaries, each with a replica that could take over from it.
    ///
    /// # Panics
    ///
    /// When that does not come about.
    pub fn wait_until_settled(&self) {
        self.until("three primaries with replicas in sync", || {
            let primaries = self.primaries();
            let are_covered = primaries.iter().all(|&node| self.nodes[node].replicas_in_sync() > 0);
            (primaries.len() == 3 && are_covered).then_some(())
        });
    }

    /// The URLs of all nodes.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// The cluster's name for a node.
    #[must_use]
    pub fn id(&self, node: usize) -> String {
        self.nodes[node].command(&["CLUSTER", "MYID"]).text()
    }

    /// The slot of a key.
    #[must_use]
    pub fn slot_of(&self, key: &[u8]) -> u16 {
        let living = self.nodes.iter().find_map(RedisServer::client_if_alive);
        let answer = living.expect("a node lives").command(&[b"CLUSTER", &b"KEYSLOT"[..], key]);
        u16::try_from(answer.expect("asking a node of ours").int()).expect("a slot")
    }

    /// Which of the nodes serves a slot now.
    #[must_use]
    pub fn node_of(&self, slot: u16) -> Option<usize> {
        let mut living = self.nodes.iter().find_map(RedisServer::client_if_alive)?;
        self.owners(&mut living)?.into_iter().find(|(slots, _)| slots.contains(&i64::from(slot))).map(|(_, node)| node)
    }

    /// Which slots are served by which of the nodes, as a node sees it.
    fn owners(&self, client: &mut Client) -> Option<Vec<(RangeInclusive<i64>, usize)>> {
        let ranges = client.command(&["CLUSTER", "SLOTS"]).ok()?.list().into_iter().map(|range| {
            let range = range.list();
            let port = range[2].clone().list()[1].int();
            let is_it = |node: &RedisServer| [node.port(), node.plain_port()].map(i64::from).contains(&port);
            let node = self.nodes.iter().position(is_it)?;
            Some((range[0].int()..=range[1].int(), node))
        });
        ranges.collect()
    }

    /// The names of all keys that match a pattern, on the nodes that serve them.
    #[must_use]
    pub fn keys(&self, pattern: &str) -> Vec<Vec<u8>> {
        self.primaries().into_iter().flat_map(|node| self.nodes[node].keys(pattern)).collect()
    }

    /// Which of the nodes are primaries: those that live and say so.
    #[must_use]
    pub fn primaries(&self) -> Vec<usize> {
        let is_primary = |&node: &usize| {
            self.nodes[node]
                .client_if_alive()
                .is_some_and(|mut client| client.command(&["ROLE"]).is_ok_and(|role| role.list()[0].text() == "master"))
        };
        (0..self.nodes.len()).filter(is_primary).collect()
    }

    /// The number of the latest failover that a node knows of, or of the latest that was tried.
    #[must_use]
    pub fn latest_failover(&self) -> u64 {
        let known = |node: &RedisServer| {
            let info = node.client_if_alive()?.command(&["CLUSTER", "INFO"]).ok()?.text();
            info.lines().find_map(|line| line.strip_prefix("cluster_current_epoch:")?.trim().parse().ok())
        };
        self.nodes.iter().filter_map(known).max().unwrap_or_default()
    }

    /// Kills a node that serves slots, and waits until its replica does.
    pub fn fail_over(&mut self, node: usize) {
        self.nodes[node].kill();
        self.wait_for_failover(node);
    }

    /// Waits until every living node says that all slots are served, and none by the node that was killed or frozen.
    ///
    /// # Panics
    ///
    /// When that does not come about.
    pub fn wait_for_failover(&self, gone: usize) {
        self.until("a failover", || {
            let knows = |(_, server): (usize, &RedisServer)| {
                let Some(mut client) = server.client_if_alive() else { return true };
                let works =
                    client.command(&["CLUSTER", "INFO"]).is_ok_and(|info| info.text().contains("cluster_state:ok"));
                let owners = self.owners(&mut client).unwrap_or_default();
                let served: i64 = owners.iter().map(|(slots, _)| slots.end() - slots.start() + 1).sum();
                works && served == 16_384 && owners.iter().all(|&(_, node)| node != gone)
            };
            self.nodes.iter().enumerate().filter(|&(at, _)| at != gone).all(knows).then_some(())
        });
    }

    fn until<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> T {
        wait::until_or_show(what, look, || self.nodes.iter().map(RedisServer::last_lines).collect())
    }

    /// Begins to move a slot: from now on new keys are asked for (`ASK`) at the other node.
    pub fn begin_migration(&self, slot: u16, from: usize, to: usize) {
        let slot = slot.to_string();
        self.nodes[to].command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &self.id(from)]);
        self.nodes[from].command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &self.id(to)]);
    }

    /// Moves the keys of a slot.
    ///
    /// # Panics
    ///
    /// When one cannot be moved.
    pub fn move_keys(&self, slot: u16, from: usize, to: usize) {
        let (slot, port) = (slot.to_string(), self.nodes[to].port().to_string());
        self.until("all keys of a slot being moved", || {
            let keys = self.nodes[from].command(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]).list();
            for key in &keys {
                let Reply::Bytes(key) = key else { panic!("a key is bytes: {key:?}") };
                let command: [&[u8]; 6] = [b"MIGRATE", b"127.0.0.1", port.as_bytes(), key, b"0", b"5000"];
                self.nodes[from].command(&command);
            }
            keys.is_empty().then_some(())
        });
    }

    /// Ends moving a slot: from now on it is the other node's (`MOVED`).
    pub fn finish_migration(&self, slot: u16, to: usize) {
        let (slot, id) = (slot.to_string(), self.id(to));
        // The new owner first, as Redis asks: else the old one sends clients to one that does not know yet.
        for node in [to].into_iter().chain(self.primaries().into_iter().filter(|&node| node != to)) {
            self.nodes[node].command(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
        }
    }
}
