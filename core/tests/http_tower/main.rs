//! What happens over HTTP in axum: the suite that is the same for every framework, and what only tower has.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod allocations;
mod extractors;
mod framework;
mod grpc;
mod layers;
mod services;
#[path = "../../../tests/http/mod.rs"]
mod suite;
#[path = "../../../tests/http/support/mod.rs"]
mod support;
mod upgrade;
