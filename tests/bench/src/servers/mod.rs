//! The servers that are measured: the same handlers on each peer, and what they have in common.
//! GoFrame's are a program of their own, tests/goframe/bench.
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
mod bare_axum;
mod gsession;
mod gsession_axum;
mod peer;
mod redis_alone;
mod sql;
mod tower;
mod tower_014;
mod tower_postgres;
mod tower_redis;
mod tower_sqlite;

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

pub(crate) use self::peer::{GOFRAME, Handler, Peer};
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
        Peer::BareAxum => bare_axum::serve(),
        Peer::ActixSessionCookie => actix_session::serve(),
        Peer::TowerSessionsMemory => tower::serve_memory(),
        Peer::GsessionMemory => gsession::serve_memory(),
        Peer::GsessionAxumMemory => gsession_axum::serve_memory(),
        Peer::GsessionAxumFile => gsession_axum::serve_file(folder(settings)?),
        Peer::GsessionAxumRedis => gsession_axum::serve_redis(redis(settings)?),
        Peer::GsessionAxumRedisHash => gsession_axum::serve_redis_hash(redis(settings)?),
        Peer::TowerSessionsSqlite => tower_sqlite::serve(folder(settings)?),
        Peer::TowerSessionsPostgres => tower_postgres::serve(postgres(settings)?),
        Peer::GsessionAxumSqlite => gsession_axum::serve_sqlite(folder(settings)?),
        Peer::GsessionAxumPostgres => gsession_axum::serve_postgres(postgres(settings)?),
        Peer::GsessionSealedMemory => gsession::serve_sealed_memory(),
        Peer::GsessionSealedFile => gsession::serve_sealed_file(folder(settings)?),
        Peer::GsessionSealedRedis => gsession::serve_sealed_redis(redis(settings)?),
        Peer::GsessionSqlite => gsession::serve_sqlite(folder(settings)?),
        Peer::GsessionPostgres => gsession::serve_postgres(postgres(settings)?),
        Peer::GsessionFile => gsession::serve_file(folder(settings)?),
        Peer::RedisAlone => redis_alone::serve(redis(settings)?),
        Peer::GsessionRedis => gsession::serve_redis(redis(settings)?, false),
        Peer::GsessionRedisHash => gsession::serve_redis_hash(redis(settings)?),
        Peer::GsessionRedisNear => gsession::serve_redis(redis(settings)?, true),
        Peer::ActixSessionRedis => actix_session::serve_redis(redis(settings)?),
        Peer::TowerSessionsRedis => tower_redis::serve(redis(settings)?),
        Peer::BareGoframe | Peer::GoframeMemory | Peer::GoframeFile | Peer::GoframeRedis | Peer::GoframeRedisHash => {
            bail!("GoFrame's servers are a program of their own: tests/goframe/bench")
        }
    }
}

fn folder(settings: &Serve) -> Result<&Path> {
    settings.dir.as_deref().context("a storage on disk needs --dir")
}

fn redis(settings: &Serve) -> Result<&str> {
    settings.redis.as_deref().context("a storage in Redis needs --redis")
}

fn postgres(settings: &Serve) -> Result<&str> {
    settings.postgres.as_deref().context("a storage in Postgres needs --postgres")
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
