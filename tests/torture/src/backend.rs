//! What the services store in.

use anyhow::{Context as _, Result};
use gsession_test_servers::{Cluster, PostgresServer, RedisServer, Sentinels, resp::Reply};
use tempfile::TempDir;

use crate::target::{Keeps, Target};

/// The folder or the servers of a target.
pub(crate) enum Backend {
    Nothing,
    Folder(TempDir),
    /// With the file of a database.
    Sqlite(TempDir),
    Postgres(PostgresServer),
    Redis(RedisServer),
    Sentinels(Sentinels),
    Cluster(Cluster),
}

impl Backend {
    pub(crate) fn start(target: Target) -> Result<Self> {
        Ok(match target.keeps() {
            Keeps::InMemory => Self::Nothing,
            #[cfg(feature = "peers")]
            Keeps::InCookies => Self::Nothing,
            Keeps::InFiles => Self::Folder(tempfile::tempdir().context("making a folder for session files")?),
            Keeps::InSqlite => Self::Sqlite(tempfile::tempdir().context("making a folder for a database")?),
            // What it has answered survives a kill by itself.
            Keeps::InPostgres => Self::Postgres(PostgresServer::start()),
            // Written to disk before it is answered, so that nothing acknowledged may be missing after a kill.
            Keeps::InRedis => {
                Self::Redis(RedisServer::builder().set("appendonly", "yes").set("appendfsync", "always").start())
            }
            Keeps::UnderSentinel => Self::Sentinels(Sentinels::start()),
            Keeps::InACluster => Self::Cluster(Cluster::start()),
        })
    }

    /// What a service has to know.
    pub(crate) fn place(&self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Folder(folder) => vec![folder.path().join("sessions").display().to_string()],
            Self::Sqlite(folder) => vec![folder.path().join("sessions.db").display().to_string()],
            Self::Postgres(server) => vec![server.url()],
            Self::Redis(server) => vec![server.url()],
            Self::Sentinels(sentinels) => {
                [sentinels.service().to_owned()].into_iter().chain(sentinels.urls()).collect()
            }
            Self::Cluster(cluster) => cluster.urls(),
        }
    }

    /// The servers that have keys now.
    fn servers(&self) -> Vec<&RedisServer> {
        match self {
            Self::Nothing | Self::Folder(_) | Self::Sqlite(_) | Self::Postgres(_) => Vec::new(),
            Self::Redis(server) => vec![server],
            Self::Sentinels(sentinels) => vec![&sentinels.servers[sentinels.primary()]],
            Self::Cluster(cluster) => cluster.primaries().into_iter().map(|node| &cluster.nodes[node]).collect(),
        }
    }

    /// The number of the latest failover, where some are made that nobody asked for: a primary that is slow to answer is taken for
    /// dead.
    pub(crate) fn latest_failover(&self) -> u64 {
        match self {
            Self::Sentinels(sentinels) => sentinels.latest_failover(),
            Self::Cluster(cluster) => cluster.latest_failover(),
            Self::Nothing | Self::Folder(_) | Self::Sqlite(_) | Self::Postgres(_) | Self::Redis(_) => 0,
        }
    }

    /// Keys that never expire.
    pub(crate) fn keys_without_expiry(&self) -> u64 {
        let endless = |server: &RedisServer| {
            let has_none = |key: &Vec<u8>| server.command(&[b"PTTL".as_slice(), key]) == Reply::Int(-1);
            server.keys("*").iter().filter(|key| has_none(key)).count() as u64
        };
        self.servers().into_iter().map(endless).sum()
    }

    /// Takes the expiry of a key away, as a sabotage.
    pub(crate) fn forget_an_expiry(&self) {
        if let Some((server, key)) =
            self.servers().into_iter().find_map(|server| Some((server, server.keys("*").pop()?)))
        {
            server.command(&[b"PERSIST".as_slice(), &key]);
        }
    }

    /// Keys, rows, or files of sessions, that are not about to go. Those of SQLite the service itself has counted.
    pub(crate) fn size(&self) -> Result<u64> {
        if let Self::Postgres(server) = self {
            return server.query("SELECT count(*) FROM gsession_sessions").parse().context("a number of rows");
        }
        let Self::Folder(folder) = self else {
            // What was on its way to another node of a cluster when its request was broken off goes within a minute.
            let stays = |server: &RedisServer, key: &Vec<u8>| {
                // The mark of the index stays.
                if key.ends_with(b":indexed") {
                    return false;
                }
                let left = server.command(&[b"PTTL".as_slice(), key]);
                !matches!(left, Reply::Int(-2) | Reply::Int(0..=60_000))
            };
            let staying =
                |server: &RedisServer| server.keys("*").iter().filter(|key| stays(server, key)).count() as u64;
            return Ok(self.servers().into_iter().map(staying).sum());
        };
        let mut files = 0;
        for sub_folder in std::fs::read_dir(folder.path().join("sessions"))? {
            let sub_folder = sub_folder?.path();
            if sub_folder.is_dir() {
                for file in std::fs::read_dir(sub_folder)? {
                    // The lock of a sub-folder stays.
                    let name = file?.file_name();
                    files += u64::from(name != "lock" && name != "principals.lock");
                }
            }
        }
        Ok(files)
    }
}
