//! What happens over HTTP: the suite that is the same for every framework, and what only actix-web has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod access;
mod allocations;
mod framework;
mod middlewares;
#[path = "../../../tests/http/mod.rs"]
mod suite;
#[path = "../../../tests/http/support/mod.rs"]
mod support;
