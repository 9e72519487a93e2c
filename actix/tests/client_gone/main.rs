//! What becomes of a request whose client leaves before it is answered (S9): the table in the documentation of the crate,
//! way by way. Each test lets the handler begin, then the client leave, then waits until the server has noticed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod http1;
mod http2;
mod scene;
#[path = "../support/mod.rs"]
mod support;
