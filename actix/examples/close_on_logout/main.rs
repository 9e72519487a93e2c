//! A WebSocket and a stream of events (SSE) that close when their user logs out, wherever that is done.
//!
//! `cargo run -p gsession-actix --example close_on_logout` serves on port 8080. Log in, open the page in two windows, and log out in one.
//! With the argument `--self-test` the program does that itself, once, and stops.
//!
//! | file | what |
//! |---|---|
//! | `socket.rs` | the WebSocket |
//! | `events.rs` | the stream of events |
//! | `service.rs` | the service: login, logout, and a page that uses both |
//! | `client.rs` | a small client |
//!
//! `actix/tests/close_on_logout.rs` has other endings: by an operator, in another process, and expiry.

mod client;
mod events;
mod service;
mod socket;

use std::{error::Error, io, net::SocketAddr};

use actix_web::{App, HttpServer};
use client::{Client, Heard};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let is_self_test = std::env::args().any(|argument| argument == "--self-test");
    let sessions = service::sessions(gsession::MemoryStorage::new())?;
    let app = move || App::new().configure(service::routes(&sessions));
    let server = HttpServer::new(app).workers(1).bind(("127.0.0.1", if is_self_test { 0 } else { 8080 }))?;
    let address = server.addrs().first().copied().ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
    let server = server.run();
    if !is_self_test {
        println!("Open http://{address}/ in two windows of one browser.");
        return Ok(server.await?);
    }
    let handle = server.handle();
    let serving = actix_web::rt::spawn(server);
    // Its errors cannot be sent between threads as they are.
    let talking = actix_web::rt::task::spawn_blocking(move || talk(address).map_err(|error| error.to_string()));
    talking.await??;
    handle.stop(true).await;
    Ok(serving.await??)
}

fn talk(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let client = Client::logged_in(address, "ada")?;
    let (mut events, mut socket) = (client.events()?, client.socket()?);
    for heard in [events.next()?, socket.next()?] {
        if heard != Heard::Said("hello ada".to_owned()) {
            return Err(format!("it is {heard:?}").into());
        }
    }
    client.post("/logout")?;
    for (what, heard) in [("events", events.next()?), ("socket", socket.next()?)] {
        println!("{what}: {heard:?}");
        if heard != Heard::LoggedOut {
            return Err(format!("{what}: {heard:?}").into());
        }
    }
    Ok(())
}
