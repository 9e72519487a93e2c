//! What a request asks of the Redis server: exact, as the server tells its commands and a proxy counts round trips.

use anyhow::{Context as _, Result};
use gsession_test_servers::Monitor;

use crate::{
    child::{Mode, Server},
    client::{Connection, log_in, request},
    measured::Case,
    programs::Programs,
};

const REQUESTS: u32 = 200;

/// What one request asks for, on average.
pub(super) struct Asked {
    /// Commands that were sent.
    pub(super) commands: f64,
    /// How often an answer came after something was sent.
    pub(super) round_trips: f64,
    /// Commands that scripts ran.
    pub(super) inside_scripts: f64,
}

/// What a request asks for on a warm server.
pub(super) fn per_request(programs: &Programs, (peer, handler): Case) -> Result<Asked> {
    let server = Server::start(programs, peer, Mode::Proxied)?;
    let redis = server.redis().context("a server without Redis")?;
    let proxy = server.proxy().context("a server without a proxy")?;
    let cookie = log_in(server.address())?;
    let measured = request(handler.path(), Some(&cookie));
    let mut connection = Connection::open(server.address())?;
    connection.repeat(&measured, REQUESTS)?;
    let mut monitor = Monitor::of(redis);
    proxy.reset();
    connection.repeat(&measured, REQUESTS)?;
    let (round_trips, seen) = (proxy.round_trips(), monitor.seen());
    server.finish()?;
    let each = |number: f64| number / f64::from(REQUESTS);
    Ok(Asked {
        commands: each(seen.commands.len() as f64),
        round_trips: each(round_trips as f64),
        inside_scripts: each(seen.inside_scripts.len() as f64),
    })
}
