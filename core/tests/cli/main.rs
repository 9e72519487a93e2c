//! The program `gsession`, run as operators run it, beside a service that uses the same storage.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bad_input;
mod databases;
mod ending;
mod goframe;
mod json;
mod login;
mod looking;
mod many_servers;
mod moving;
mod page;
mod program;
mod sealed;
mod shop;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
