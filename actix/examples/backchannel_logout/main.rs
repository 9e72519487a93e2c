//! OpenID Connect Back-Channel Logout 1.0: when a user logs out at their provider, the provider sends a logout token to each service,
//! and the service ends the sessions that it names. Here they are found by the `sid` of the login, which is the tag of the session.
//!
//! `cargo run -p gsession-actix --example backchannel_logout` serves on port 8080 and prints what to type. With the argument
//! `--self-test` the program does that itself, once, and stops.
//!
//! | file | what |
//! |---|---|
//! | `logout_token.rs` | checks a token: who issued it for whom, when, and whether it is one for a logout |
//! | `endpoint.rs` | `POST /backchannel-logout` |
//! | `service.rs` | the service, where `sub` and `sid` of the ID token go into a session |
//! | `stand_in.rs` | a stand-in for the provider |
//!
//! `actix/tests/backchannel_logout.rs` sends good and bad tokens.
//!
//! A token that arrives while its login is under way finds no session yet. The login then stands, although the user has logged out at
//! the provider in that very moment. A service that must not have this checks after the login whether the token has come.

mod client;
mod endpoint;
mod logout_token;
mod service;
mod stand_in;

use std::{error::Error, net::SocketAddr};

use client::send;
use stand_in::StandIn;

const SID: &str = "08a5019c-17e1-4977";

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let is_self_test = std::env::args().any(|argument| argument == "--self-test");
    let provider = StandIn::new()?;
    let port = if is_self_test { 0 } else { 8080 };
    let (server, address) =
        service::serve(service::sessions(gsession::MemoryStorage::new())?, provider.known()?, port)?;
    let token = provider.sign(&StandIn::header(), &StandIn::claims(SID, "1"))?;
    if !is_self_test {
        println!("Log in:             curl -i -c /tmp/jar -X POST http://{address}/login/ada/{SID}");
        println!("See who you are:    curl -b /tmp/jar http://{address}/");
        println!("Be the provider, within two minutes:");
        println!("  curl -i -d logout_token={token} http://{address}/backchannel-logout");
        return Ok(server.await?);
    }
    let handle = server.handle();
    let serving = actix_web::rt::spawn(server);
    // Its errors cannot be sent between threads as they are.
    let talking = actix_web::rt::task::spawn_blocking(move || talk(address, &token).map_err(|error| error.to_string()));
    talking.await??;
    handle.stop(true).await;
    Ok(serving.await??)
}

fn talk(address: SocketAddr, token: &str) -> Result<(), Box<dyn Error>> {
    let login = send(address, "POST", &format!("/login/ada/{SID}"), None, "")?;
    let cookie = login.cookie().ok_or("no cookie")?;
    let other = send(address, "POST", "/login/ada/another-sid", None, "")?;
    let other = other.cookie().ok_or("no cookie")?;
    let form = format!("logout_token={token}");
    // The provider's call, and the same once more.
    for status in ["200", "400"] {
        let answer = send(address, "POST", "/backchannel-logout", None, &form)?;
        println!("{}", answer.head.lines().next().unwrap_or_default());
        if answer.status() != status || answer.header("cache-control") != Some("no-store") {
            return Err(format!("not as it should be: {}", answer.head).into());
        }
    }
    for (cookie, who) in [(cookie, "nobody"), (other, "ada")] {
        let seen = send(address, "GET", "/", Some(cookie), "")?.body;
        println!("{seen}");
        if seen != who {
            return Err(format!("it is {seen}, not {who}").into());
        }
    }
    Ok(())
}
