//! Commands that a request sends to the Redis server: exact, as the server tells them.

use anyhow::{Context as _, Result};
use gsession_test_servers::Monitor;

use super::Case;
use crate::{
    child::{Mode, Server},
    client::{Connection, log_in, request},
};

const REQUESTS: u32 = 200;

/// Commands of one request on a warm server; what scripts run inside is not counted.
pub(super) fn per_request((peer, handler): Case) -> Result<f64> {
    let server = Server::start(peer, Mode::Plain)?;
    let redis = server.redis().context("a server without Redis")?;
    let cookie = log_in(server.address())?;
    let measured = request(handler.path(), Some(&cookie));
    let mut connection = Connection::open(server.address())?;
    connection.repeat(&measured, REQUESTS)?;
    let mut monitor = Monitor::of(redis);
    connection.repeat(&measured, REQUESTS)?;
    let commands = monitor.seen().commands.len();
    server.finish()?;
    Ok(commands as f64 / f64::from(REQUESTS))
}
