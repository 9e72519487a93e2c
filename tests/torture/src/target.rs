//! What can be tortured.

use std::fmt;

use clap::ValueEnum;

/// A session library with one of its storages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Target {
    /// gsession in memory
    Memory,
    /// gsession in files, shared by two processes
    File,
    /// gsession in Redis, key-value
    Redis,
    /// gsession in Redis, hash
    RedisHash,
    /// gsession in Redis, key-value with the near cache
    RedisNear,
    /// gsession in Redis under Sentinel; primaries fail over
    RedisSentinel,
    /// gsession in a Redis cluster; primaries fail over
    RedisCluster,
    /// gsession in SQLite, shared by two processes
    Sqlite,
    /// gsession in Postgres
    Postgres,
    /// gsession on axum, in memory
    AxumMemory,
    /// gsession on axum, in files, shared by two processes
    AxumFile,
    /// gsession on axum, in Redis, key-value
    AxumRedis,
    /// actix-session with its cookie storage
    #[cfg(feature = "peers")]
    ActixSessionCookie,
    /// actix-session with its Redis storage
    #[cfg(feature = "peers")]
    ActixSessionRedis,
    /// tower-sessions with its memory storage, on axum
    #[cfg(feature = "peers")]
    TowerSessionsMemory,
    /// tower-sessions 0.14 with its Redis storage, on axum
    #[cfg(feature = "peers")]
    TowerSessionsRedis,
}

/// Where sessions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// In the process: they die with it.
    InMemory,
    /// With the client.
    #[cfg(feature = "peers")]
    InCookies,
    InFiles,
    InSqlite,
    InPostgres,
    InRedis,
    UnderSentinel,
    InACluster,
}

impl Target {
    pub(crate) const fn keeps(self) -> Keeps {
        match self {
            Self::Memory | Self::AxumMemory => Keeps::InMemory,
            Self::File | Self::AxumFile => Keeps::InFiles,
            Self::Sqlite => Keeps::InSqlite,
            Self::Postgres => Keeps::InPostgres,
            Self::Redis | Self::RedisHash | Self::RedisNear | Self::AxumRedis => Keeps::InRedis,
            Self::RedisSentinel => Keeps::UnderSentinel,
            Self::RedisCluster => Keeps::InACluster,
            #[cfg(feature = "peers")]
            Self::ActixSessionCookie => Keeps::InCookies,
            #[cfg(feature = "peers")]
            Self::TowerSessionsMemory => Keeps::InMemory,
            #[cfg(feature = "peers")]
            Self::ActixSessionRedis | Self::TowerSessionsRedis => Keeps::InRedis,
        }
    }

    /// Whether it is ours, and so has promised what the ledger asks for beyond plain reads and writes.
    pub(crate) const fn is_ours(self) -> bool {
        match self {
            Self::Memory
            | Self::File
            | Self::Redis
            | Self::RedisHash
            | Self::RedisNear
            | Self::RedisSentinel
            | Self::RedisCluster
            | Self::Sqlite
            | Self::Postgres
            | Self::AxumMemory
            | Self::AxumFile
            | Self::AxumRedis => true,
            #[cfg(feature = "peers")]
            _ => false,
        }
    }

    /// Whether it is ours on axum.
    pub(crate) const fn is_on_axum(self) -> bool {
        matches!(self, Self::AxumMemory | Self::AxumFile | Self::AxumRedis)
    }

    /// How many service processes share it. What another process has changed reaches a near cache a little later.
    pub(crate) const fn processes(self) -> usize {
        match self.keeps() {
            Keeps::InMemory => 1,
            Keeps::InRedis if matches!(self, Self::RedisNear) => 1,
            _ => 2,
        }
    }

    /// Whether its primaries are replaced by replicas that may lag.
    pub(crate) const fn fails_over(self) -> bool {
        matches!(self.keeps(), Keeps::UnderSentinel | Keeps::InACluster)
    }

    pub(crate) const fn needs_redis(self) -> bool {
        matches!(self.keeps(), Keeps::InRedis | Keeps::UnderSentinel | Keeps::InACluster)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.to_possible_value();
        if self.is_ours() {
            f.write_str("gsession ")?;
        }
        f.write_str(name.as_ref().map_or("", |value| value.get_name()))
    }
}

/// What is broken on purpose, to show that the ledger finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sabotage {
    /// Some commits are acknowledged and not stored
    LostUpdates,
    /// Some increments are acknowledged and not stored
    MissingIncrements,
    /// Some logouts end nothing
    Zombies,
    /// Some reads give the session of somebody else
    Crossed,
    /// A renewal leaves the old id alive
    Successors,
    /// Some reads find nothing although there is a session
    FalseSuccesses,
    /// A repeated login is told that it worked, and is not logged in
    RefusedLogins,
    /// A repeated login makes a second session
    SecondSessions,
    /// What is written after the response is accepted, or stored all the same
    LateWrites,
    /// What is destroyed after the response lives on
    LateDestroys,
    /// Only the first of several cookies is looked at
    FirstCookie,
    /// Some commits are stored and answered as refused
    StoredRefusals,
    /// A session that is renewed while a user's are listed is not among them
    MissedSessions,
    /// The list of a user's devices lacks one
    MissedDevices,
    /// Logins end no older ones, however many there are
    NoLimit,
    /// A logout everywhere misses one
    HalfEverywhere,
    /// An id from before a rotation opens nothing as soon as there is another one
    NoGrace,
    /// An id from before a rotation opens its session for ever
    EternalIds,
    /// A session lives on although an old id of it was used again
    ForgivenThefts,
    /// Every login leaves a session behind that never ends
    Growth,
    /// Some keys lose their expiry (Redis only)
    NoExpiry,
}
