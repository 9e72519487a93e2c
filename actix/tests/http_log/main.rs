//! What is logged. A program of its own, because its log is that of the whole process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

#[path = "../http/framework/mod.rs"]
mod framework;
#[path = "../../../tests/http/outage_log.rs"]
mod outage_log;
#[path = "../../../tests/http/secrets.rs"]
mod secrets;
#[path = "../../../tests/http/support/mod.rs"]
mod support;
