//! How ids travel and what responses say to browsers and caches (H1 to H4).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod attributes;
mod caches;
mod header;
mod read_as_bytes;
mod settings;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use gsession_actix::SessionMiddlewareBuilder;
use support::{client::Client, place::Place};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HEADER: &str = "x-session";
type Configure = fn(SessionMiddlewareBuilder) -> SessionMiddlewareBuilder;

/// A client of a middleware with a header beside the cookie.
async fn both_ways(place: &Place) -> Client {
    Client::of(place.builder().header_name(HEADER).build().unwrap()).await
}
