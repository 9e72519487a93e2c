//! A primary with two replicas, watched by three Sentinels.

use std::collections::BTreeMap;

use crate::{
    RedisServer,
    resp::{Client, Reply},
    wait,
};

const SERVICE: &str = "gsession-tests";

/// The servers.
#[derive(Debug)]
pub struct Sentinels {
    /// The primary and its replicas; which is which may change.
    pub servers: Vec<RedisServer>,
    /// Those who watch them.
    pub sentinels: Vec<RedisServer>,
}

impl Sentinels {
    /// Starts everything and waits until all know each other.
    ///
    /// # Panics
    ///
    /// When it does not come about.
    #[must_use]
    pub fn start() -> Self {
        let fast = || RedisServer::builder().set("repl-diskless-sync-delay", "0").set("repl-ping-replica-period", "1");
        let primary = fast().start();
        let port = primary.port().to_string();
        let replica = || fast().set("replicaof", &format!("127.0.0.1 {port}")).start();
        let servers = vec![primary, replica(), replica()];
        let sentinel = || {
            RedisServer::builder()
                .sentinel()
                .set("sentinel monitor", &format!("{SERVICE} 127.0.0.1 {port} 2"))
                // A new primary is asked for the first time a while after it was made one: with less it is taken for dead by then.
                .set("sentinel down-after-milliseconds", &format!("{SERVICE} 2000"))
                .set("sentinel failover-timeout", &format!("{SERVICE} 3000"))
                .start()
        };
        let started = Self { servers, sentinels: vec![sentinel(), sentinel(), sentinel()] };
        let has_come_about = || {
            let knows = |sentinel: &RedisServer| {
                let count = |what| sentinel.client().command(&["SENTINEL", what, SERVICE]).ok().map(Reply::list);
                count("SENTINELS").is_some_and(|others| others.len() == 2)
                    && count("REPLICAS").is_some_and(|replicas| replicas.len() == 2)
            };
            (started.sentinels.iter().all(knows) && started.servers[0].replicas_in_sync() == 2).then_some(())
        };
        started.until("the Sentinels knowing each other and the replicas", has_come_about);
        started
    }

    /// What the primary is called.
    #[must_use]
    pub const fn service(&self) -> &'static str {
        SERVICE
    }

    /// The Sentinels' URLs.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(RedisServer::url).collect()
    }

    /// Which of the servers is the primary: a Sentinel names it, and it says so itself.
    ///
    /// # Panics
    ///
    /// When there is none within a while.
    #[must_use]
    pub fn primary(&self) -> usize {
        self.until("a Sentinel naming a primary that is one", || self.primary_if_any())
    }

    /// Which of the servers are replicas: those that live and say so.
    #[must_use]
    pub fn replicas(&self) -> Vec<usize> {
        (0..self.servers.len()).filter(|&at| self.role(at).is_some_and(|role| role == "slave")).collect()
    }

    /// Waits until all Sentinels that live agree on a primary, have finished what they were doing about the one before, and
    /// two replicas could take over: until then another failover may leave a Sentinel in the middle of the last one for ever.
    ///
    /// # Panics
    ///
    /// When that does not come about.
    pub fn wait_until_settled(&self) {
        self.until("Sentinels that have settled, and two replicas in sync", || {
            let primary = self.primary_if_any()?;
            let are_covered = self.servers[primary].replicas_in_sync() == 2;
            (self.have_settled_on(primary) && are_covered).then_some(())
        });
    }

    /// Waits until all servers have as many keys. (`WAIT` is about what its own connection has written, and a test has written nothing
    /// itself.)
    ///
    /// # Panics
    ///
    /// When that does not come about.
    pub fn wait_until_replicated(&self) {
        self.until("replicas that have the keys of the primary", || {
            let sizes: Vec<usize> = self.servers.iter().map(|server| server.keys("*").len()).collect();
            sizes.iter().all(|size| *size == sizes[0]).then_some(())
        });
    }

    /// Whether all Sentinels that live watch this server as the primary and are not in the middle of a failover.
    fn have_settled_on(&self, primary: usize) -> bool {
        let port = self.servers[primary].port().to_string();
        self.sentinels.iter().all(|sentinel| {
            let Some(client) = sentinel.client_if_alive() else { return true };
            let told = told_about_primary(client);
            told.get("flags").is_some_and(|flags| flags == "master") && told.get("port") == Some(&port)
        })
    }

    /// The number of the latest failover that a Sentinel knows of. It grows with each, and may skip some.
    #[must_use]
    pub fn latest_failover(&self) -> u64 {
        let told = self.sentinels.iter().filter_map(RedisServer::client_if_alive).map(told_about_primary);
        told.filter_map(|told| told.get("config-epoch")?.parse().ok()).max().unwrap_or_default()
    }

    /// Lets the Sentinels put another server into the place of the primary, which lives and is told nothing. Returns both.
    ///
    /// # Panics
    ///
    /// When they do not.
    #[must_use]
    pub fn replace_primary(&self) -> (usize, usize) {
        let old = self.primary();
        self.servers[old].freeze();
        let new = self.wait_for_failover(old);
        self.forget_replicas();
        self.servers[old].thaw();
        (old, new)
    }

    /// Lets the Sentinels watch another server from now on, as an administrator may, all in a moment.
    pub fn watch(&self, server: &RedisServer) {
        self.watch_port(server.port());
    }

    /// Lets the Sentinels watch what is reached at a port, which may be a proxy.
    pub fn watch_port(&self, port: u16) {
        for sentinel in &self.sentinels {
            sentinel.command(&["SENTINEL", "REMOVE", SERVICE]);
            sentinel.command(&["SENTINEL", "MONITOR", SERVICE, "127.0.0.1", &port.to_string(), "2"]);
        }
    }

    /// Kills the primary, and waits until another server is it.
    pub fn fail_over(&mut self) {
        let before = self.kill_primary();
        self.wait_for_failover(before);
    }

    /// Kills the primary, and says which it was.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn kill_primary(&mut self) -> usize {
        let primary = self.primary();
        self.servers[primary].kill();
        primary
    }

    /// Waits until all Sentinels that live name another server than the one `before` as the primary, and says which.
    ///
    /// # Panics
    ///
    /// When they do not within a while.
    pub fn wait_for_failover(&self, before: usize) -> usize {
        self.until("a failover", || {
            let now = self.primary_if_any().filter(|&now| now != before)?;
            (0..self.sentinels.len()).filter_map(|sentinel| self.named_by(sentinel)).all(|at| at == now).then_some(now)
        })
    }

    /// Lets the Sentinels forget every server but the primary, so that one that is started again is told nothing by them.
    ///
    /// # Panics
    ///
    /// When they do not come to the end of a failover.
    pub fn forget_replicas(&self) {
        // In the middle of one they would go back to the old primary.
        self.until("Sentinels that have come to the end of a failover", || {
            self.have_settled_on(self.primary_if_any()?).then_some(())
        });
        for sentinel in &self.sentinels {
            sentinel.command(&["SENTINEL", "RESET", SERVICE]);
        }
    }

    /// Which of the servers one of the Sentinels names, if that one is alive.
    #[must_use]
    pub fn named_by(&self, sentinel: usize) -> Option<usize> {
        let mut sentinel = self.sentinels[sentinel].client_if_alive()?;
        let answer = sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]).ok()?;
        let port = answer.list().get(1)?.text().parse::<u16>().ok()?;
        self.servers.iter().position(|server| server.port() == port)
    }

    /// The first server that a Sentinel names and that says so itself.
    fn primary_if_any(&self) -> Option<usize> {
        let mut named = (0..self.sentinels.len()).filter_map(|sentinel| self.named_by(sentinel));
        named.find(|&at| self.role(at).is_some_and(|role| role == "master"))
    }

    fn role(&self, at: usize) -> Option<String> {
        let role = self.servers[at].client_if_alive()?.command(&["ROLE"]).ok()?.list();
        Some(role.first()?.text())
    }

    fn until<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> T {
        let logs = || self.sentinels.iter().chain(&self.servers).map(RedisServer::last_lines).collect();
        wait::until_or_show(what, look, logs)
    }
}

/// What a Sentinel knows about the primary; nothing if it does not answer.
fn told_about_primary(mut sentinel: Client) -> BTreeMap<String, String> {
    let told = sentinel.command(&["SENTINEL", "MASTER", SERVICE]).map(Reply::list).unwrap_or_default();
    let told: Vec<String> = told.into_iter().map(|part| part.text()).collect();
    told.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}
