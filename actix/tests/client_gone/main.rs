//! What becomes of a request whose client leaves before it is answered (S9): the table in the documentation of the crate,
//! way by way. Each test lets the handler begin, then the client leave, then waits until the server has noticed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

#[path = "client_gone/http1.rs"]
mod http1;
#[path = "client_gone/http2.rs"]
mod http2;
#[path = "client_gone/scene.rs"]
mod scene;
mod support;
