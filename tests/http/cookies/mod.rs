//! How ids travel and what responses say to browsers and caches (H1 to H4).

mod attributes;
mod caches;
mod header;
mod read_as_bytes;
mod settings;

use std::time::Duration;

use crate::{
    framework::Builder,
    support::{client::Client, place::Place},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HEADER: &str = "x-session";
type Configure = fn(Builder) -> Builder;

/// A client of a middleware with a header beside the cookie.
async fn both_ways(place: &Place) -> Client {
    Client::of(place.builder().header_name(HEADER).build().unwrap()).await
}
