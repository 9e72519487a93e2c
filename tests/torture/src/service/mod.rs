//! The service that is tortured: the same pages on each library, below a path that only its own fleet knows.
//!
//! | path | what it does | answers besides 200 |
//! |---|---|---|
//! | `/login?user=U` | renews, writes `user` and `n` | |
//! | `/read` | all that the session holds, as JSON | 401 nobody is logged in |
//! | `/whoami` | `user` | 401 |
//! | `/set?key=K&value=V&slow=MS` | reads `user`, waits, writes `K`, saves | 401; 409 the session has ended |
//! | `/add?slow=MS` | reads `user`, waits, adds 1 to `n`, saves | 401; 409 |
//! | `/renew?slow=MS` | reads `user`, waits, renews, saves | 401; 409 |
//! | `/logout?slow=MS&fail=1` | waits, ends the session | 500 if it is to fail after that |
//! | `/fail?key=K&value=V` | writes `K` and fails | 500 |
//! | `/panic?key=K&value=V` | writes `K` and panics | the connection is closed |
//! | `/end` | removes what will have expired in a hundred days; how many sessions are left | 404 where that cannot be asked |

#[cfg(feature = "peers")]
mod actix_session;
mod gsession;
mod sabotaged;
#[cfg(feature = "peers")]
mod tower;

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::{cli::Serve, target::Target};

/// A port of the system's choice on the loopback interface.
const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
/// Whose session it is.
const USER: &str = "user";
/// What is counted up.
const COUNTER: &str = "n";

/// What a page is asked with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Query {
    user: String,
    key: String,
    value: String,
    slow: u64,
    fail: u8,
}

impl Query {
    /// Between what a page reads and what it writes.
    async fn wait(&self) {
        if self.slow > 0 {
            tokio::time::sleep(Duration::from_millis(self.slow)).await;
        }
    }
}

/// Serves until standard input closes.
pub(crate) fn serve(settings: &Serve) -> Result<()> {
    exit_when_abandoned()?;
    match settings.target {
        #[cfg(feature = "peers")]
        Target::ActixSessionCookie => actix_session::serve_cookie(&settings.secret),
        #[cfg(feature = "peers")]
        Target::ActixSessionRedis => actix_session::serve_redis(first(settings)?, &settings.secret),
        #[cfg(feature = "peers")]
        Target::TowerSessionsMemory => tower::serve_memory(&settings.secret),
        #[cfg(feature = "peers")]
        Target::TowerSessionsRedis => tower::serve_redis(first(settings)?, &settings.secret),
        Target::Memory
        | Target::File
        | Target::Redis
        | Target::RedisHash
        | Target::RedisNear
        | Target::RedisSentinel
        | Target::RedisCluster => gsession::serve(settings),
    }
}

/// The folder or the URL of the storage.
fn first(settings: &Serve) -> Result<&str> {
    settings.place.first().map(String::as_str).context("this storage needs --place")
}

/// Ends the process as soon as the parent closes our standard input or dies.
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
    let address = address.context("the service listens nowhere")?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", address.port())?;
    out.flush()?;
    Ok(())
}
