//! A primary with two replicas, watched by three Sentinels.

use crate::{RedisServer, resp::Reply, wait};

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
                .set("sentinel down-after-milliseconds", &format!("{SERVICE} 500"))
                .set("sentinel failover-timeout", &format!("{SERVICE} 3000"))
                .start()
        };
        let started = Self { servers, sentinels: vec![sentinel(), sentinel(), sentinel()] };
        wait::until("the Sentinels knowing each other and the replicas", || {
            let knows = |sentinel: &RedisServer| {
                let count = |what| sentinel.client().command(&["SENTINEL", what, SERVICE]).ok().map(Reply::list);
                count("SENTINELS").is_some_and(|others| others.len() == 2)
                    && count("REPLICAS").is_some_and(|replicas| replicas.len() == 2)
            };
            (started.sentinels.iter().all(knows) && started.replicas_are_in_sync()).then_some(())
        });
        started
    }

    fn replicas_are_in_sync(&self) -> bool {
        let info = self.servers[0].command(&["INFO", "replication"]).text();
        info.matches("state=online").count() == 2
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
        wait::until("a Sentinel naming a primary that is one", || self.primary_if_any())
    }

    /// Kills the primary, and waits until another server is it.
    pub fn fail_over(&mut self) {
        let before = self.primary();
        self.servers[before].kill();
        wait::until("a failover", || {
            let now = self.primary_if_any()?;
            (now != before).then_some(())
        });
    }

    fn primary_if_any(&self) -> Option<usize> {
        let answer = self.sentinels[0].client().command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]).ok()?;
        let port = answer.list().get(1)?.text().parse::<u16>().ok()?;
        let at = self.servers.iter().position(|server| server.port() == port)?;
        let role = self.servers[at].client_if_alive()?.command(&["ROLE"]).ok()?.list();
        (role.first()?.text() == "master").then_some(at)
    }
}
