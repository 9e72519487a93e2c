//! Allocations a request: exact, over all threads of the server, by the counting allocator, or by Go's own count.

use anyhow::{Context as _, Result};

use crate::{
    child::{Mode, Server},
    client::{Connection, log_in, request},
    measured::Case,
    programs::Programs,
};

/// So many that what happens now and then, as a sweep does, shows as it should: as a small fraction.
const REQUESTS: u32 = 2_000;

/// Allocations of one request on a warm server.
pub(super) fn per_request(programs: &Programs, (peer, handler): Case) -> Result<f64> {
    let server = Server::start(programs, peer, Mode::Allocations)?;
    let cookie = log_in(server.address())?;
    let measured = request(handler.path(), Some(&cookie));
    let mut connection = Connection::open(server.address())?;
    connection.repeat(&measured, REQUESTS)?;

    let before = allocations(&mut connection)?;
    let warm = allocations(&mut connection)?;
    connection.repeat(&measured, REQUESTS)?;
    let after = allocations(&mut connection)?;
    server.finish()?;

    // Asking for the number costs allocations too: as many as between the first two answers.
    let asking = warm - before;
    Ok((after - warm - asking) / f64::from(REQUESTS))
}

/// The server's count so far. Without a cookie, so that asking does not touch the session.
fn allocations(connection: &mut Connection) -> Result<f64> {
    connection.send(&request("/allocs", None))?;
    connection.receive()?.body()?.parse().context("the server's number of allocations")
}
