//! The servers that are measured: the same handlers on each peer, and what they have in common.
//!
//! | path | what the handler does |
//! |---|---|
//! | `/untouched` | nothing with the session |
//! | `/read` | reads `user` |
//! | `/readwrite` | reads `counter` and writes it back, one higher |
//! | `/write` | writes `counter` without reading it |
//! | `/login` | writes `user` and `counter` |
//! | `/slow?key=K` | reads `user`, waits, writes `K` |
//! | `/keys` | answers how many of `k0`, `k1`, … are there |
//! | `/logout` | ends the session |
//! | `/whoami` | answers `user`, or nothing |
//! | `/allocs` | answers the number of allocations so far |

mod actix_session;
mod bare;
mod gsession;
mod redis_alone;
mod tower;
mod tower_redis;

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{allocator, cli::Serve};

/// What a server answers to everything that is measured.
const OK: &str = "ok";
/// The one entry that `/read` reads.
const USER: (&str, &str) = ("user", "alice");
/// The entry that `/readwrite` counts up.
const COUNTER: &str = "counter";
/// How many keys the overlap experiment writes.
pub(crate) const KEYS: usize = 40;
/// Between the read and the write of `/slow`.
pub(crate) const SLOW: Duration = Duration::from_millis(50);
/// A port of the system's choice on the loopback interface.
const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// A server to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    /// actix-web without sessions
    Bare,
    /// gsession-actix with the memory storage
    GsessionMemory,
    /// gsession-actix with the file storage
    GsessionFile,
    /// actix-session with its cookie storage
    ActixSessionCookie,
    /// axum without sessions
    BareAxum,
    /// tower-sessions with its memory storage, on axum
    TowerSessionsMemory,
    /// actix-web and plain commands to Redis, without sessions
    RedisAlone,
    /// gsession-actix with the Redis key-value storage
    GsessionRedis,
    /// gsession-actix with the Redis hash storage
    GsessionRedisHash,
    /// gsession-actix with the Redis key-value storage and its near cache
    GsessionRedisNear,
    /// actix-session with its Redis storage
    ActixSessionRedis,
    /// tower-sessions 0.14 with its Redis storage, on axum
    TowerSessionsRedis,
}

impl Peer {
    /// The server without sessions on the same framework.
    pub(crate) fn bare(self) -> Self {
        match self {
            Self::BareAxum | Self::TowerSessionsMemory | Self::TowerSessionsRedis => Self::BareAxum,
            _ => Self::Bare,
        }
    }

    /// Whether it has sessions that could get lost.
    pub(crate) fn has_sessions(self) -> bool {
        !self.is_bare() && self != Self::RedisAlone
    }

    /// Whether it needs a Redis server.
    pub(crate) fn needs_redis(self) -> bool {
        matches!(
            self,
            Self::RedisAlone
                | Self::GsessionRedis
                | Self::GsessionRedisHash
                | Self::GsessionRedisNear
                | Self::ActixSessionRedis
                | Self::TowerSessionsRedis
        )
    }

    /// Whether it has no sessions.
    pub(crate) fn is_bare(self) -> bool {
        self == self.bare()
    }

    /// The packages whose versions a report should name, and what to say besides.
    pub(crate) fn packages(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Bare => (&["actix-web"], "bare"),
            Self::GsessionMemory => (&["gsession"], "memory"),
            Self::GsessionFile => (&["gsession"], "file"),
            Self::ActixSessionCookie => (&["actix-session"], "cookie"),
            Self::BareAxum => (&["axum"], "bare"),
            Self::TowerSessionsMemory => (&["tower-sessions", "axum"], "memory"),
            Self::RedisAlone => (&["redis", "actix-web"], "plain GET and SET without sessions"),
            Self::GsessionRedis => (&["gsession"], "Redis key-value"),
            Self::GsessionRedisHash => (&["gsession"], "Redis hash"),
            Self::GsessionRedisNear => (&["gsession"], "Redis key-value, near cache"),
            Self::ActixSessionRedis => (&["actix-session"], "Redis"),
            Self::TowerSessionsRedis => (&["tower-sessions-redis-store", "axum"], "Redis, with tower-sessions 0.14"),
        }
    }

    /// The name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// A handler to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Handler {
    /// The middleware is installed, the handler does not use the session
    Untouched,
    /// Reads one small entry
    Read,
    /// Reads a counter and writes it back
    #[value(name = "readwrite")]
    ReadWrite,
    /// Writes a counter without reading it
    Write,
}

impl Handler {
    /// Where it is served.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Untouched => "/untouched",
            Self::Read => "/read",
            Self::ReadWrite => "/readwrite",
            Self::Write => "/write",
        }
    }
}

/// The query of `/slow`.
#[derive(Debug, Deserialize)]
struct Slow {
    key: String,
}

/// The name of the `index`th key of the overlap experiment.
pub(crate) fn key(index: usize) -> String {
    format!("k{index}")
}

/// What `/write` writes: another number each time, because a peer may notice that nothing changes and write nothing.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Serves one peer until standard input closes.
pub(crate) fn serve(settings: &Serve) -> Result<()> {
    exit_when_abandoned()?;
    // From here on, so that the counter has every thread of the server and nothing of the command line.
    allocator::set_counting(settings.count_allocations);
    match settings.peer {
        Peer::Bare => bare::serve_actix(),
        Peer::BareAxum => tower::serve_bare(),
        Peer::ActixSessionCookie => actix_session::serve(),
        Peer::TowerSessionsMemory => tower::serve_memory(),
        Peer::GsessionMemory => gsession::serve_memory(),
        Peer::GsessionFile => gsession::serve_file(settings.dir.as_deref()),
        Peer::RedisAlone => redis_alone::serve(redis(settings)?),
        Peer::GsessionRedis => gsession::serve_redis(redis(settings)?, false),
        Peer::GsessionRedisHash => gsession::serve_redis_hash(redis(settings)?),
        Peer::GsessionRedisNear => gsession::serve_redis(redis(settings)?, true),
        Peer::ActixSessionRedis => actix_session::serve_redis(redis(settings)?),
        Peer::TowerSessionsRedis => tower_redis::serve(redis(settings)?),
    }
}

fn redis(settings: &Serve) -> Result<&str> {
    settings.redis.as_deref().context("a storage in Redis needs --redis")
}

/// Ends the process, with the totals of callgrind written, as soon as the parent closes our standard input or dies.
fn exit_when_abandoned() -> Result<()> {
    let wait = || {
        // Whatever comes, or fails, nobody is there any more.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    };
    std::thread::Builder::new().name("abandoned".into()).spawn(wait).context("starting a thread")?;
    Ok(())
}

/// Tells the parent where we listen.
fn announce(address: Option<SocketAddr>) -> Result<()> {
    let address = address.context("the server listens nowhere")?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", address.port())?;
    out.flush()?;
    Ok(())
}
