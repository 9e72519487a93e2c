//! Moving sessions from one storage to another: nothing is lost, nothing comes back, and nobody is logged out.
#![cfg(all(feature = "conformance", feature = "file"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod aside;
mod conformance;
mod explorer;
mod interleavings;
mod lists;
mod rolling;
mod same_place;
#[path = "../support/mod.rs"]
mod support;
mod users;
