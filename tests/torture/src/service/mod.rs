//! The service that is tortured: the same pages on each library, below a path that only its own fleet knows.
//!
//! | path | what it does | answers besides 200 |
//! |---|---|---|
//! | `/visit` | writes `seen` | |
//! | `/login?user=U&label=L&slow=MS` | waits, renews, writes `user` | |
//! | `/read` | all that the session holds, as JSON | 401 nobody is logged in |
//! | `/whoami` | `user` | 401 |
//! | `/set?key=K&value=V&slow=MS` | reads `user`, waits, writes `K`, saves | 401; 409 the session has ended |
//! | `/add?slow=MS` | reads `user`, waits, adds 1 to `n`, saves | 401; 409 |
//! | `/renew?slow=MS` | reads `user`, waits, renews, saves | 401; 409 |
//! | `/logout?slow=MS&fail=1` | waits, ends the session | 500 if it is to fail after that |
//! | `/fail?key=K&value=V` | writes `K` and fails | 500 |
//! | `/panic?key=K&value=V` | writes `K` and panics | the connection is closed |
//!
//! What only gsession is asked for:
//!
//! | path | what it does | answers besides 200 |
//! |---|---|---|
//! | `/plain` | uses no session | |
//! | `/put?key=K&value=V&slow=MS&blind=1` | as `/set`, and leaves saving to the middleware; blind: reads nothing | 401; 409 |
//! | `/crowd/…` | all pages, in another realm that limits how many sessions a user has | `/login`: 409 |
//! | `/rotating/…` | all pages, in another realm where ids rotate | |
//! | `/crowd/devices` | the sessions of the user, as JSON | 401; 409 |
//! | `/crowd/devices/key` | the key of the session | 401; 409 |
//! | `/crowd/devices/end?key=K` | ends one of the user's sessions | 401; 409 |
//! | `/crowd/devices/others` | ends all others | 401; 409 |
//! | `/crowd/devices/everywhere` | ends all | 401; 409 |
//! | `/elsewhere/visit` | `/visit` of another application, with a cookie of the same name and in the same storage | |
//! | `/sessions?user=U` | how many sessions of a user live | |
//! | `/expel?user=U` | ends every session of a user | |
//! | `/end` | removes what will have expired in a hundred days; how many sessions are left | |
//! | any with `after=write&key=K&value=V` | a middleware outside tries to write `K` when the response is there | |
//! | any with `after=destroy` | it ends the session then | |

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
/// What a visitor leaves.
const SEEN: &str = "seen";
/// What is counted up.
const COUNTER: &str = "n";

/// What a page is asked with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Query {
    user: String,
    key: String,
    label: String,
    value: String,
    slow: u64,
    fail: u8,
    blind: u8,
    after: Late,
}

/// What happens to the session when the response is there.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Late {
    #[default]
    Nothing,
    Write,
    Destroy,
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
        | Target::RedisCluster
        | Target::Sqlite
        | Target::Postgres
        | Target::AxumMemory
        | Target::AxumFile
        | Target::AxumRedis => gsession::serve(settings),
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
