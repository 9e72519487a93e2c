//! What a request asks of the database server: exact, as the server tells its commands and a proxy counts round trips.

use anyhow::{Context as _, Result};

use crate::{
    child::{Mode, Server},
    client::{Connection, log_in, request},
    measured::Case,
    programs::Programs,
};

const REQUESTS: u32 = 200;

/// What one request asks for, on average.
pub(super) struct Asked {
    /// Commands or statements that were sent.
    pub(super) commands: f64,
    /// How often an answer came after something was sent.
    pub(super) round_trips: f64,
    /// Commands that scripts ran.
    pub(super) inside_scripts: Option<f64>,
}

/// What a request asks for on a warm server.
pub(super) fn per_request(programs: &Programs, (peer, handler): Case) -> Result<Asked> {
    let server = Server::start(programs, peer, Mode::Proxied)?;
    let database = server.database().context("a server without a database")?;
    let proxy = server.proxy().context("a server without a proxy")?;
    let cookie = log_in(server.address())?;
    let measured = request(handler.path(), Some(&cookie));
    let mut connection = Connection::open(server.address())?;
    connection.repeat(&measured, REQUESTS)?;
    let witness = database.witness();
    proxy.reset();
    connection.repeat(&measured, REQUESTS)?;
    let (round_trips, asked) = (proxy.round_trips(), witness.asked());
    server.finish()?;
    let each = |number: f64| number / f64::from(REQUESTS);
    Ok(Asked {
        commands: each(asked.commands as f64),
        round_trips: each(round_trips as f64),
        inside_scripts: asked.inside_scripts.map(|commands| each(commands as f64)),
    })
}
